"""How often the grader agrees with the labels that came with real model outputs.

    python benchmarks/grading_agreement.py FOLDER

FOLDER holds math_completions.jsonl and graded_completions.jsonl. Prints a Markdown table for BENCHMARKS.md; run it once
with math-verify 0.9 and once with 0.5.2 (what lighteval needs).
"""

import argparse
import importlib.metadata
import json
import time
from pathlib import Path

from gpg_cli.grading import Verdict, grade

# File, and the column of its labels.
FILES = (("math_completions.jsonl", "upstream_is_correct"), ("graded_completions.jsonl", "label"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    version = importlib.metadata.version("math-verify")
    print("| file | math-verify | agreement | answers a second |\n|---|---|---|---|")
    for name, label in FILES:
        rows = [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]
        started = time.perf_counter()
        agree = sum(is_right(row) == row[label] for row in rows)
        rate = len(rows) / (time.perf_counter() - started)
        print(f"| {name} | {version} | {agree} of {len(rows)} | {rate:,.0f} |", flush=True)


def is_right(row: dict) -> bool:
    rule = "math-expr" if row.get("dataset") == "gsm8k" else "math-latex"
    return grade(row["gold"], row["completion"], rule).verdict is Verdict.CORRECT


if __name__ == "__main__":
    main()
