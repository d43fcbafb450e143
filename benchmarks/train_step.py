"""Time and memory of the training part of a step: GPGTrainer against TRL's GRPOTrainer, on the same canned rollouts.

    python benchmarks/train_step.py [--rounds 7]

A Qwen2 of 6 layers, width 256 and 2,048 tokens, float32 on the CPU; 32 completions a step (8 prompts x 4) in 4
accumulation steps, heavy-tailed lengths (median about 75 tokens, at most 400), prompts of 24 tokens. Both trainers are
given the same tokens and rewards; sampling costs nothing, so what is timed, from the start of a step to its end, is
rewards, advantages, forward and backward passes and the optimiser. Trainers alternate in one process, a few steps each;
medians. Memory is the peak of a process of its own above what it held before the first step.
"""

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import Qwen2Config, Qwen2ForCausalLM, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from gpg_cli.training.config import GPGConfig
from gpg_cli.training.quickstart import make_tokenizer
from gpg_cli.training.trainer import GPGTrainer

PROMPT_TOKENS = 24
GENERATIONS, ACCUMULATION = 8, 4
TRL_DAPO = {"loss_type": "dapo", "beta": 0.0, "scale_rewards": "none"}
VARIANTS: dict[str, dict[str, Any]] = {
    "TRL dapo": TRL_DAPO,
    "TRL grpo": {"loss_type": "grpo", "beta": 0.0, "scale_rewards": "none"},
    "TRL grpo with KL": {"loss_type": "grpo", "beta": 0.04, "scale_rewards": "none"},
}


@dataclass(frozen=True)
class Setting:
    """What is trained, and on what.

    Attributes:
        model: arguments of Qwen2Config.
        trainer: arguments of both trainers' configurations.
        longest: tokens of the longest completion.
        typical: the logarithm of the median length, and its deviation.
    """

    model: dict[str, Any]
    trainer: dict[str, Any]
    longest: int
    typical: tuple[float, float]


SMALL = Setting(
    model={
        "vocab_size": 2048,
        "hidden_size": 256,
        "intermediate_size": 1024,
        "num_hidden_layers": 6,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
    },
    trainer={"use_cpu": True, "bf16": False},
    longest=400,
    typical=(4.32, 0.9),
)


class Canned:
    """Plays the same tokens and rewards to whoever asks, step by step; no completion is sampled."""

    def __init__(self, dead_share: float, setting: Setting) -> None:
        self._dead_share = dead_share
        self._setting = setting
        self._draw = random.Random(0)

    def play(self, prompts: list[str], trainer: Any) -> dict[str, Any]:
        rows = len(prompts)
        longest = self._setting.longest
        lengths = [min(longest, max(4, int(self._draw.lognormvariate(*self._setting.typical)))) for _ in range(rows)]
        groups = rows // GENERATIONS
        dead = round(groups * self._dead_share)
        rewards = [float(row % 2) if row // GENERATIONS >= dead else 0.0 for row in range(rows)]
        return {
            "prompt_ids": [self._tokens(PROMPT_TOKENS) for _ in range(rows)],
            "completion_ids": [self._tokens(length) for length in lengths],
            "logprobs": None,
            "paid": rewards,
        }

    def _tokens(self, count: int) -> list[int]:
        return [self._draw.randrange(100, self._setting.model["vocab_size"]) for _ in range(count)]


def pay(prompts: list[str], paid: list[float], **columns: Any) -> list[float]:
    return paid


class Stopwatch(TrainerCallback):
    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
        self._started = time.perf_counter()

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        self.seconds.append(time.perf_counter() - self._started)


def _model_folder(folder: Path, setting: Setting) -> str:
    """The model as files: TRL loads a reference model from where the model came from."""
    path = folder / "model"
    if path.exists():
        return str(path)
    torch.manual_seed(0)
    tokenizer = make_tokenizer()
    config = Qwen2Config(
        **setting.model,
        max_position_embeddings=8192,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    Qwen2ForCausalLM(config).save_pretrained(path)
    return str(path)


def make_trainer(
    name: str, dead_share: float, folder: Path, rows: int = 32, setting: Setting = SMALL
) -> tuple[Any, Stopwatch]:
    """A trainer by its name in the tables, playing canned rollouts, three steps a turn."""
    common: dict[str, Any] = {
        "output_dir": str(folder),
        "per_device_train_batch_size": rows // ACCUMULATION,
        "gradient_accumulation_steps": ACCUMULATION,
        "num_generations": GENERATIONS,
        "max_completion_length": setting.longest,
        "learning_rate": 1e-6,
        "gradient_checkpointing": False,
        **setting.trainer,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "max_steps": 3,
        "logging_steps": 1,
    }
    ours = name.startswith("GPG")
    config = GPGConfig(**common) if ours else GRPOConfig(**common, **VARIANTS[name])
    stopwatch = Stopwatch()
    trainer = (GPGTrainer if ours else GRPOTrainer)(
        _model_folder(folder, setting),
        [pay],
        config,
        train_dataset=Dataset.from_dict({"prompt": ["x"] * rows}),
        processing_class=make_tokenizer(),
        rollout_func=Canned(dead_share, setting).play,
        callbacks=[stopwatch],
    )
    trainer.log = lambda *args, **kwargs: trainer._metrics["train"].clear()
    return trainer, stopwatch


def split_of_a_step(dead_share: float) -> dict[str, float]:
    """Median seconds of each part of a step of GPGTrainer, as metrics.jsonl has them; sampling is canned."""
    with tempfile.TemporaryDirectory() as folder:
        trainer, _ = make_trainer("GPG", dead_share, Path(folder))
        del trainer.log  # the trainer's own
        trainer.train()
        trainer.train()
        steps = [line for line in trainer.state.log_history if "time/step" in line][1:]
    parts = ("generate", "reward", "train", "other")
    return {part: statistics.median(line[f"time/{part}"] for line in steps) for part in parts}


def medians(names: list[str], dead_share: float, rounds: int, rows: dict[str, int] | None = None) -> dict[str, float]:
    """Median seconds of a step for each trainer, alternating; the first step of each turn warms up."""
    with tempfile.TemporaryDirectory() as folder:
        made = {name: make_trainer(name, dead_share, Path(folder), (rows or {}).get(name, 32)) for name in names}
        taken: dict[str, list[float]] = {name: [] for name in names}
        for turn in range(rounds + 1):
            for name, (trainer, stopwatch) in made.items():
                stopwatch.seconds.clear()
                trainer.train()
                if turn:
                    taken[name] += stopwatch.seconds[1:]
        return {name: statistics.median(seconds) for name, seconds in taken.items()}


def peak_mib(name: str, dead_share: float) -> float:
    """What training adds to a process at its peak, in MiB, measured in a process of its own."""
    command = [sys.executable, __file__, "--memory-of", name, "--dead", str(dead_share)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def measure_memory(name: str, dead_share: float) -> float:
    with tempfile.TemporaryDirectory() as folder:
        trainer, _ = make_trainer(name, dead_share, Path(folder))
        held = _status("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # start the high-water mark anew
        trainer.train()
        return (_status("VmHWM") - held) / 1024


def _status(key: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(key))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    parser.add_argument("--dead", type=float, default=0.0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of:
        print(measure_memory(options.memory_of, options.dead))
        return
    report(options.rounds)


def report(rounds: int) -> None:
    print("| dead groups | TRL dapo, s | GPG, s | faster | TRL, MiB | GPG, MiB | memory | step at 40 % | at 70 % |")
    print("|---|---|---|---|---|---|---|---|---|")
    for dead in (0.0, 0.5, 0.75):
        found = medians(["TRL dapo", "GPG"], dead, rounds)
        theirs, ours = found["TRL dapo"], found["GPG"]
        memory = [peak_mib(name, dead) for name in ("TRL dapo", "GPG")]
        whole = [_whole_step(theirs, ours, share) for share in (0.4, 0.7)]
        print(
            f"| {dead:.0%} | {theirs:.3f} | {ours:.3f} | {theirs / ours:.2f}x | {memory[0]:.0f} | {memory[1]:.0f} | "
            f"{memory[1] / memory[0]:.2f}x | {whole[0]:.2f}x | {whole[1]:.2f}x |",
            flush=True,
        )
    found = medians(["TRL grpo", "TRL grpo with KL", "GPG"], 0.5, rounds)
    print("\n| half of the groups dead | s | GPG is faster |\n|---|---|---|")
    for name in ("TRL grpo", "TRL grpo with KL"):
        print(f"| {name} | {found[name]:.3f} | {found[name] / found['GPG']:.2f}x |")
    print("\n| half of the groups dead: part of our step | s |\n|---|---|")
    for part, seconds in split_of_a_step(0.5).items():
        print(f"| {part} | {seconds:.3f} |")
    print("\n| rows a step | s | for each row, relative |\n|---|---|---|")
    rows = {"GPG": 32, "GPG 64": 64, "GPG 128": 128}
    found = medians(list(rows), 0.5, max(3, rounds // 2), rows)
    for name, count in rows.items():
        print(f"| {count} | {found[name]:.3f} | {found[name] / count / (found['GPG'] / 32):.2f} |")


def _whole_step(theirs: float, ours: float, share: float) -> float:
    """How much faster a whole step is where sampling takes that share of TRL's step, and equally long in both."""
    sampling = theirs * share / (1 - share)
    return (sampling + theirs) / (sampling + ours)


if __name__ == "__main__":
    main()
