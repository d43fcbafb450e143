"""What each process of test_parallel.py does: python -m tests.training.parallel_worker KIND MODEL OUT."""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import torch
from accelerate import DistributedType, PartialState
from transformers import TrainerCallback

from gpg_cli.training.baseline import BaselineTrainer
from gpg_cli.training.config import BaselineConfig
from gpg_cli.training.interruption import StopAtRequest
from gpg_cli.training.parallel import adopt_process_group, leave_process_group, training_arguments
from gpg_cli.training.record import MetricsFile
from gpg_cli.training.stopping import StopRequests
from gpg_cli.training.trainer import GPGTrainer
from tests.training.rollouts import lines_of, make_trainer

STEPS = 6
DEAD_STEP, NAN_STEP = 1, 3
# Three groups of four a step: with two processes the second group spans both.
ROWS = 12


def pay(prompt: str, index: int, step: int) -> float:
    """Dead in one step; else dead for every third prompt, and three live rows in each group of the others."""
    if step == DEAD_STEP or int(prompt[:2]) % 3 == 0:
        return 0.0
    return (0.0, 0.25, 1.25, 0.5)[index]


class Uneven(GPGTrainer):
    """The last process computes no number in one step, and is slow to write its part of a checkpoint."""

    def _save_rng_state(self, output_dir: str) -> None:
        if self.accelerator.process_index == self.accelerator.num_processes - 1:
            time.sleep(0.5)
        super()._save_rng_state(output_dir)

    def _log_probs(self, model: torch.nn.Module, micro: Any, shown: Any) -> torch.Tensor:
        log_probs = super()._log_probs(model, micro, shown)
        last = self.accelerator.process_index == self.accelerator.num_processes - 1
        return log_probs * torch.nan if last and self.state.global_step == NAN_STEP else log_probs


def settings_for(processes: int) -> dict[str, Any]:
    """The same steps for any number of processes."""
    return {
        "pay": pay,
        "prompts": 11,
        "max_steps": STEPS,
        "min_inverse_alpha": 0.7,
        "max_resample_rounds": 3,
        "per_device_train_batch_size": ROWS // processes // 2,
        "gradient_accumulation_steps": 2,
        "max_grad_norm": 1.0,
        "trainer_class": Uneven,
    }


class SignalToOne(TrainerCallback):
    """SIGTERM in the second step, to the last process only."""

    def on_step_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        if state.global_step == 1 and args.process_index == args.world_size - 1:
            os.kill(os.getpid(), signal.SIGTERM)


def main(kind: str, model: Path, out: Path) -> None:
    def ready() -> None:
        adopt_process_group(kind)
        if kind == "fsdp":
            # accelerate 1.15 makes no FSDP of a CPU's processes; the name of another device does, for this test.
            PartialState._shared_state["distributed_type"] = DistributedType.MULTI_XPU

    common: dict[str, Any] = {**settings_for(2), **training_arguments(kind), "after_config": ready}
    if kind == "ddp":
        common["ddp_find_unused_parameters"] = False
    saving = {"save_strategy": "steps", "save_steps": 4}
    run = out / "run"
    trainer = make_trainer(model, run, callbacks=[MetricsFile(run)], **common, **saving)
    run.mkdir(parents=True, exist_ok=True)
    trainer.train()
    trainer.save_model(str(out / "model"))
    report: dict[str, Any] = {"lines": lines_of(trainer), "kind": str(trainer.accelerator.distributed_type)}

    if kind != "fsdp":
        resumed = make_trainer(model, out / "again", **common)
        resumed.train(resume_from_checkpoint=str(run / "checkpoint-4"))
        resumed.save_model(str(out / "resumed"))
        report["resumed"] = lines_of(resumed)

    if kind == "ddp":
        with StopRequests(lambda name: None) as requests:
            stopper = StopAtRequest(requests)
            stopped = make_trainer(model, out / "stopped", callbacks=[stopper, SignalToOne()], **common)
            stopped.train()
        report["stopped"] = [stopped.state.global_step, stopper.interrupted]
        report["sampled"] = sampled_by(model, out / "sampled", 2)
        baseline = {"trainer_class": BaselineTrainer, "config_class": BaselineConfig, "max_steps": 2}
        trl = make_trainer(model, out / "trl", per_device_train_batch_size=4, **baseline)
        trl.train()
        report["baseline"] = trl.state.global_step
    if int(os.environ["RANK"]) == 0:
        (out / "report.json").write_text(json.dumps(report))
    leave_process_group()
    # All of it is on disk. Now and then gloo's threads abort a process that ends, after DeepSpeed above all.
    sys.stdout.flush()
    os._exit(0)


def sampled_by(model: Path, folder: Path, processes: int) -> list[list[list[int]]]:
    """What a model samples by itself in two steps, learning in between."""
    texts: list[list[list[int]]] = []

    def reward(completions: list[str], **columns: Any) -> list[float]:
        return [float(len(completion) % 3) for completion in completions]

    class Recorder(GPGTrainer):
        def sample_batch(self) -> Any:
            batch = super().sample_batch()
            texts.append([rollout.completion_ids for group in batch.generated for rollout in group.rollouts])
            return batch

    trainer = make_trainer(
        model, folder, rewards=[reward], trainer_class=Recorder, max_steps=2, max_completion_length=8,
        per_device_train_batch_size=ROWS // processes,
    )  # fmt: skip
    trainer.rollout_func = None
    trainer.train()
    return texts


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
