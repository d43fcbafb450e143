"""How fast answers are graded, beside math-verify called in a loop.

    python benchmarks/grading.py FOLDER [--rounds 9]

FOLDER holds math_completions.jsonl. The loop is parse(gold), parse(completion), verify(gold, answer), with the
extraction of rule `math-latex`, in one process, as math-verify's documentation shows it. Rounds of the two alternate;
the table holds medians, and the ratio of each round's pair. The first line, the answers repeated, is what
sampling from a model that has settled looks like; the second shows what is left without repetition. Prints a Markdown
table for BENCHMARKS.md.
"""

import argparse
import importlib.metadata
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from gpg_cli.grading import Verdict, grade_all, require_grader

RULE = "math-latex"
Pair = tuple[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    lines = (arguments.folder / "math_completions.jsonl").read_text(encoding="utf-8").splitlines()
    pairs = [(row["gold"], row["completion"]) for row in map(json.loads, lines)]
    require_grader()
    # All workers started and warm, as after the first step of a training.
    grade_all(pairs, RULE)
    time.sleep(3)
    version = importlib.metadata.version("math-verify")
    print("| answers | math-verify | in a loop, a second | gpg_cli.grading, a second | ratio |\n|---|---|---|---|---|")
    different = list(dict.fromkeys(pairs))
    batches = {
        f"{len(pairs)} answers 10 times": pairs * 10,
        f"{len(different)} different answers": different,
        "48 different answers": different[:48],
    }
    for name, batch in batches.items():
        loop_s, ours_s = measure(batch, arguments.rounds if len(batch) > 48 else 10 * arguments.rounds)
        ratio = statistics.median(slow / fast for slow, fast in zip(loop_s, ours_s, strict=True))
        rates = [f"{len(batch) / statistics.median(seconds):,.0f}" for seconds in (loop_s, ours_s)]
        print(f"| {name} | {version} | {' | '.join(rates)} | {ratio:.2f} |", flush=True)


def measure(batch: list[Pair], rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of each round: of the loop, and of `grade_all`."""
    loop = loop_of_math_verify()
    if loop(batch) != grade_batch(batch):
        raise SystemExit("the two disagree about an answer: there is nothing to compare")
    loop_s, ours_s = [], []
    for _ in range(rounds):
        loop_s.append(seconds(loop, batch))
        # What the last batch was graded is remembered; another one makes that be forgotten.
        grade_all([("1", "2")], "exact")
        ours_s.append(seconds(grade_batch, batch))
    return loop_s, ours_s


def loop_of_math_verify() -> Callable[[list[Pair]], list[bool]]:
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

    gold_config = [LatexExtractionConfig()]
    answer_config = [ExprExtractionConfig(), LatexExtractionConfig(boxed_match_priority=0)]

    def loop(pairs: list[Pair]) -> list[bool]:
        return [verify(parse(f"${gold}$", gold_config), parse(answer, answer_config), 5) for gold, answer in pairs]

    return loop


def grade_batch(pairs: list[Pair]) -> list[bool]:
    return [grade.verdict is Verdict.CORRECT for grade in grade_all(pairs, RULE)]


def seconds(work: Callable[[list[Pair]], object], batch: list[Pair]) -> float:
    started = time.perf_counter()
    work(batch)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
