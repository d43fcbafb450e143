"""What each process of test_pictures_parallel.py does: python -m tests.training.picture_worker KIND MODEL OUT."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from accelerate import DistributedType, PartialState

from gpg_cli.training.parallel import adopt_process_group, leave_process_group, training_arguments
from tests.training.picture_rows import make_picture_trainer
from tests.training.rollouts import lines_of


def settings_for(processes: int) -> dict[str, Any]:
    """The same steps for any number of processes; three prompts of four completions, so that a group spans both."""
    return {
        "per_device_train_batch_size": 12 // processes,
        "max_steps": 3,
        "min_inverse_alpha": 0.9,
        "max_resample_rounds": 3,
        "max_grad_norm": 1.0,
    }


def main(kind: str, model: Path, out: Path) -> None:
    def ready() -> None:
        adopt_process_group(kind)
        if kind == "fsdp":
            # accelerate 1.15 makes no FSDP of a CPU's processes; the name of another device does, for this test.
            PartialState._shared_state["distributed_type"] = DistributedType.MULTI_XPU

    settings = {**settings_for(2), **training_arguments(kind), "after_config": ready}
    trainer = make_picture_trainer(model, out / "run", **settings, save_strategy="steps", save_steps=2)
    trainer.train()
    trainer.save_model(str(out / "model"))
    report = {"lines": lines_of(trainer)}
    if kind != "fsdp":
        resumed = make_picture_trainer(model, out / "again", **settings)
        resumed.train(resume_from_checkpoint=str(out / "run" / "checkpoint-2"))
        resumed.save_model(str(out / "resumed"))
    if int(os.environ["RANK"]) == 0:
        (out / "report.json").write_text(json.dumps(report))
    leave_process_group()
    # All of it is on disk. Now and then gloo's threads abort a process that ends, after DeepSpeed above all.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
