"""What each process of test_sharded.py does: python -m tests.publishing.sharded_worker KIND MODEL OUT.

It trains two steps and leaves a checkpoint in shards, and the whole weights beside it, as the trainer gathers them.
"""

import os
import sys
from pathlib import Path
from typing import Any

from accelerate import DistributedType, PartialState

from gpg_cli.training.parallel import Kind, adopt_process_group, leave_process_group, training_arguments
from tests.training.rollouts import make_trainer

STEPS = 2


def settings_for(processes: int) -> dict[str, Any]:
    """The same steps for any number of processes."""
    return {
        "pay": lambda prompt, index, step: (0.0, 0.25, 1.25, 0.5)[index],
        "prompts": 6,
        "max_steps": STEPS,
        "per_device_train_batch_size": 12 // processes,
    }


def sharded_arguments(kind: Kind) -> dict[str, Any]:
    """As `gpg train` has them, but for gathering the weights when it saves."""
    arguments = training_arguments(kind)
    if kind == "fsdp":
        arguments["fsdp_config"]["state_dict_type"] = "SHARDED_STATE_DICT"
    elif kind == "zero3":
        arguments["deepspeed"]["zero_optimization"]["stage3_gather_16bit_weights_on_model_save"] = False
    return arguments


def main(kind: Kind, model: Path, out: Path) -> None:
    def ready() -> None:
        adopt_process_group(kind)
        if kind == "fsdp":
            # accelerate 1.15 makes no FSDP of a CPU's processes; the name of another device does, for this test.
            PartialState._shared_state["distributed_type"] = DistributedType.MULTI_XPU

    out.mkdir(parents=True, exist_ok=True)
    saving = {"save_strategy": "steps", "save_steps": STEPS}
    trainer = make_trainer(model, out, **settings_for(2), **sharded_arguments(kind), after_config=ready, **saving)
    trainer.train()
    leave_process_group()
    # The checkpoint is on disk. Now and then gloo's threads abort a process that ends, after DeepSpeed above all.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))  # type: ignore[arg-type]
