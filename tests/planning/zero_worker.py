"""What each process of test_zero.py does: python -m tests.planning.zero_worker KIND MODEL OUT."""

import gc
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from gpg_cli.training.parallel import adopt_process_group, leave_process_group, training_arguments
from tests.training.rollouts import make_trainer


def live_bytes() -> dict[str, int]:
    """Of all tensors in this process that Python knows, by type; each storage once."""
    gc.collect()
    storages: dict[int, tuple[str, int]] = {}
    for thing in gc.get_objects():
        if isinstance(thing, torch.Tensor) and thing.device.type == "cpu":
            storage = thing.untyped_storage()
            storages[storage.data_ptr()] = (str(thing.dtype).removeprefix("torch."), storage.nbytes())
    found: dict[str, int] = {}
    for kind, size in storages.values():
        found[kind] = found.get(kind, 0) + size
    return found


def kept_bytes() -> dict[str, int]:
    """The least of a few looks: a thread of gloo may hold what it has just sent for a moment longer."""
    looks = [live_bytes()]
    for _ in range(4):
        time.sleep(0.5)
        looks.append(live_bytes())
    return min(looks, key=lambda found: sum(found.values()))


class Watch(TrainerCallback):
    """When the optimiser's second step begins, when gradients are there, and after it."""

    def __init__(self) -> None:
        self.seen: dict[str, dict[str, int]] = {}
        self.trainer: Any = None

    def on_step_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        if state.global_step != 1:
            return
        # Its backward pass steps as well (accelerate 1.15), before any callback is asked.
        optimizer = self.trainer.accelerator.deepspeed_engine_wrapped.engine.optimizer
        step = optimizer.step

        def watched(*given: Any, **named: Any) -> Any:
            self.seen["before"] = kept_bytes()
            return step(*given, **named)

        optimizer.step = watched

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        if state.global_step == 2:
            self.seen["after"] = kept_bytes()


def main(kind: str, model: Path, out: Path) -> None:
    watch = Watch()
    more: dict[str, Any] = training_arguments(kind)  # type: ignore[arg-type]
    trainer = make_trainer(
        model,
        out / "run",
        callbacks=[watch],
        max_steps=2,
        per_device_train_batch_size=4,
        bf16=True,
        after_config=lambda: adopt_process_group(kind),  # type: ignore[arg-type]
        **more,
    )
    watch.trainer = trainer
    trainer.train()
    count = sum(getattr(each, "ds_numel", each.numel()) for each in trainer.model.parameters())
    (out / f"rank-{os.environ['RANK']}.json").write_text(json.dumps({"parameters": count, **watch.seen}))
    leave_process_group()
    sys.stdout.flush()
    # Now and then gloo's threads abort a process that ends.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
