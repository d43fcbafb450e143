"""A real language model learns sums: greedy accuracy on held-out sums before and after a short run of GPG.

    python benchmarks/sums.py --model FOLDER [--seeds 0 1] [--steps 20] [--keep FOLDER]

Made for SmolLM2-135M-Instruct, which is asked "What is 7 + 12?" in its chat template and answers in plain text. Prints
a Markdown table for BENCHMARKS.md. Everything goes through the command line, as a user would do it: data files, a
benchmark and a recipe of one's own, and as reward the function `right_sum` below.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

from gpg_cli.grading import Verdict, grade

LARGEST = 20
HELD_OUT_SUMS = 50
# The rule of the benchmark and of the reward: a number or LaTeX anywhere in the completion, boxes first.
RULE = "math-latex"
LONGEST_ANSWER = 32  # tokens

BENCH = {
    "title": "Sums",
    "description": f"What is a + b? for numbers up to {LARGEST}, none of them trained on in either order",
    # Only a name: the problems are given with --data.
    "data": {"hub": "local/sums"},
    "columns": {"problem": "problem", "gold": "answer"},
    "rule": RULE,
    "prompt": "{problem}",
    "sampling": {"temperature": 0, "max_tokens": LONGEST_ANSWER},
}
RECIPE = {
    "scale_rewards": "none",
    "adjust_gd": True,
    "loss_reduction": "token",
    "num_generations": 8,
    "per_device_train_batch_size": 48,  # 6 prompts
    "gradient_accumulation_steps": 1,
    "max_completion_length": LONGEST_ANSWER,
    # Keeps the memory of a step below 4 GB.
    "max_tokens_per_microbatch": 512,
    "temperature": 1.0,
    "learning_rate": 3e-5,
    "lr_scheduler_type": "constant",
    "bf16": False,
    "gradient_checkpointing": False,
    "save_strategy": "no",
}


def right_sum(completions: Sequence[Any], solution: Sequence[str], **columns: Any) -> list[float]:
    """The reward, as `reward_funcs: [python:FILE:right_sum]` names it: 1 for the right sum, else 0."""
    texts = [completion[-1]["content"] for completion in completions]
    return [
        float(grade(gold, text, RULE).verdict is Verdict.CORRECT) for gold, text in zip(solution, texts, strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="folder of SmolLM2-135M-Instruct")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--keep", type=Path, help="folder for the runs, which are thrown away otherwise")
    given = parser.parse_args()
    print("| seed | before, % | after, % | points | steps | seconds, training | seconds a step |", flush=True)
    print("|---|---|---|---|---|---|---|", flush=True)
    for seed in given.seeds:
        with tempfile.TemporaryDirectory() as temporary:
            folder = given.keep / f"seed-{seed}" if given.keep else Path(temporary)
            print(measure(Path(given.model).resolve(), seed, given.steps, folder.resolve()), flush=True)


def measure(model: Path, seed: int, steps: int, folder: Path) -> str:
    """Measure, train, measure again; a row of the table."""
    folder.mkdir(parents=True, exist_ok=True)
    write_files(folder, seed)
    before = accuracy(folder, model, "before")
    started = time.perf_counter()
    reward = f"python:{Path(__file__).resolve()}:right_sum"
    named = ("--model", str(model), "--dataset", "train.jsonl", "--set", f"reward_funcs=['{reward}']")
    gpg(
        folder,
        "train",
        "--config",
        "recipe.yaml",
        *named,
        "--max-steps",
        str(steps),
        "--seed",
        str(seed),
        "--output-dir",
        "run",
    )
    seconds = time.perf_counter() - started
    after = accuracy(folder, folder / "run" / "model", "after")
    lines = (folder / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    step = sum(json.loads(line)["time/step"] for line in lines) / len(lines)
    return f"| {seed} | {before:.1f} | {after:.1f} | {after - before:+.1f} | {steps} | {seconds:.0f} | {step:.1f} |"


def write_files(folder: Path, seed: int) -> None:
    """Data, benchmark and recipe. a + b and b + a are on the same side: one gives the other away."""
    sums = list(combinations_with_replacement(range(1, LARGEST + 1), 2))
    random.Random(seed).shuffle(sums)
    for name, part in (("held_out", sums[:HELD_OUT_SUMS]), ("train", sums[HELD_OUT_SUMS:])):
        orders = sorted({order for a, b in part for order in ((a, b), (b, a))})
        rows = [json.dumps({"problem": f"What is {a} + {b}?", "answer": str(a + b)}) for a, b in orders]
        (folder / f"{name}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    # JSON is YAML.
    for name, values in (("sums", BENCH), ("recipe", RECIPE)):
        (folder / f"{name}.yaml").write_text(json.dumps(values, indent=1), encoding="utf-8")


def accuracy(folder: Path, model: Path, name: str) -> float:
    """Greedy accuracy on the held-out sums, in percent."""
    measured = gpg(
        folder, "eval", "--model", str(model), "--bench", "sums.yaml", "--data", "sums=held_out.jsonl", "--engine",
        "transformers", "--output-dir", name,
    )  # fmt: skip
    return measured["benches"]["sums"]["score"]


def gpg(folder: Path, *arguments: str) -> dict[str, Any]:
    """`gpg ... --json` in a process of its own; its one JSON object."""
    command = [sys.executable, "-m", "gpg_cli", *arguments, "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
