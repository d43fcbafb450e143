"""A real language model learns sums: greedy accuracy on held-out sums before and after a short run of GPG.

    python benchmarks/sums.py --model FOLDER [--seeds 0 1] [--steps 40] [--keep FOLDER]

Made for SmolLM2-135M-Instruct, which is asked "What is 7 + 12?" in its chat template and answers in plain text. Prints
a Markdown table for BENCHMARKS.md. Everything goes through the command line, as a user would do it: data files, a
benchmark and a recipe of one's own, and as reward the function `right_sum` below.
"""

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

LARGEST = 20
HELD_OUT_SUMS = 50
LONGEST_ANSWER = 32  # tokens

BENCH = {
    "title": "Sums",
    "description": f"What is a + b? for numbers up to {LARGEST}, none of them trained on in either order",
    # Only a name: the problems are given with --data.
    "data": {"hub": "local/sums"},
    "columns": {"problem": "problem", "gold": "answer"},
    "rule": "math-expr",
    "prompt": "{problem}",
    "sampling": {"temperature": 0, "max_tokens": LONGEST_ANSWER},
}
RECIPE = {
    "scale_rewards": "none",
    "adjust_gd": True,
    # Without a threshold most groups of 8 are soon all right or all wrong, and a step learns from one or two of 6.
    "min_inverse_alpha": 0.6,
    "max_resample_rounds": 4,
    "loss_reduction": "token",
    "num_generations": 8,
    "per_device_train_batch_size": 48,  # 6 prompts
    "gradient_accumulation_steps": 1,
    "max_completion_length": LONGEST_ANSWER,
    # Keeps the memory of a step below 4 GB.
    "max_tokens_per_microbatch": 512,
    "temperature": 1.0,
    "learning_rate": 2e-5,
    "lr_scheduler_type": "constant",
    "bf16": False,
    "gradient_checkpointing": False,
    "save_strategy": "no",
}


def right_sum(completions: Sequence[Any], solution: Sequence[str], **columns: Any) -> list[float]:
    """The reward, as `reward_funcs: [python:FILE:right_sum]` names it: 1 for the right sum, else 0."""
    texts = [completion[-1]["content"] for completion in completions]
    return [float(is_right(text, gold)) for text, gold in zip(texts, solution, strict=True)]


def is_right(completion: str, gold: str) -> bool:
    """Whether a completion ends with the number of the gold, whatever text stands around the two.

    Not `gpg_cli.grading.grade`: math-verify works "20 + 13 = ?" out as 33 and calls it right, and within 20 steps a
    model that is paid by it writes nothing else.
    """
    numbers = re.findall(r"[0-9]+", completion)
    return bool(numbers) and numbers[-1] == re.findall(r"[0-9]+", gold)[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="folder of SmolLM2-135M-Instruct")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int, default=40)
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
    data = ("--dataset", "train.jsonl", "--set", f"reward_funcs=['{reward}']", "--max-steps", str(steps))
    gpg(
        folder,
        "train",
        "--config",
        "recipe.yaml",
        "--model",
        str(model),
        *data,
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
    """Greedy accuracy on the held-out sums, in percent: what `gpg eval` sampled, judged by `is_right`."""
    named = ("--bench", "sums.yaml", "--data", "sums=held_out.jsonl", "--engine", "transformers")
    gpg(folder, "eval", "--model", str(model), *named, "--output-dir", name)
    samples = [json.loads(line) for line in (folder / name / "samples.jsonl").read_text(encoding="utf-8").splitlines()]
    return 100 * sum(is_right(sample["completion"], sample["gold"]) for sample in samples) / len(samples)


def gpg(folder: Path, *arguments: str) -> dict[str, Any]:
    """`gpg ... --json` in a process of its own; its one JSON object."""
    command = [sys.executable, "-m", "gpg_cli", *arguments, "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
