"""The completions that runs kept, as one block of data, and what they can be filtered by."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gpg_cli.page.rich_text import Formulas
from gpg_cli.page.samples import Filter, make_filter
from gpg_cli.run_page.read import Run
from gpg_cli.secrets import hidden

# Characters of completions and prompts that a page holds, of all runs together: it stays below 3 MB.
MOST_TEXT = 3_000_000

Row = dict[str, Any]


@dataclass(frozen=True)
class Kept:
    """What a page shows of the completions.

    Attributes:
        rows: (number of the run, line of completions.jsonl), by step.
        all_of_them: how many there are in the files.
    """

    rows: list[tuple[int, Row]]
    all_of_them: int


def choose(runs: Sequence[Run], most_text: int = MOST_TEXT) -> Kept:
    """As many steps as there is room for, chosen at random, those of each run among them; whole steps, by step."""
    steps: dict[tuple[int, int], list[Row]] = {}
    for number, run in enumerate(runs):
        for row in run.completions:
            steps.setdefault((row["step"], number), []).append(row)
    order = sorted(steps)
    # The same runs give the same page.
    random.Random(0).shuffle(order)
    kept = []
    for key in order:
        most_text -= sum(len(row["completion"]) + len(row["prompt"]) for row in steps[key])
        if most_text < 0:
            break
        kept.append(key)
    rows = [(number, row) for step, number in sorted(kept) for row in steps[step, number]]
    return Kept(rows, sum(map(len, steps.values())))


def filters(kept: Kept, runs: Sequence[Run]) -> list[Filter]:
    """Every filter by which some completions differ from others, in the order of the page."""
    made = [
        make_filter("run", "Run", (str(number) for number, _ in kept.rows)),
        make_filter("verdict", "Answer", (_verdict(row) for _, row in kept.rows)),
        make_filter("push", "Advantage", (_push(row) for _, row in kept.rows)),
        make_filter("end", "Completion", (_end(row) for _, row in kept.rows)),
    ]
    return [each for each in made if len(each.options) > 1]


def pack(kept: Kept) -> dict[str, Any]:
    """What gpg_cli/page/samples.js shows; prompts and golds that several completions share stand there once:

    {"formulas": [[source, tree]], "prompts": [{prompt, gold}], "samples": [{run, step, prompt: a number,
     completion, tokens, verdict, push, end, reward, rewards, advantage, place,
         group}]}
    """
    formulas = Formulas()
    numbers: dict[tuple[str, str | None], int] = {}
    prompts: list[dict[str, Any]] = []
    samples = []
    for run, row in kept.rows:
        gold = row["gold"] if isinstance(row.get("gold"), str) else None
        key = row["prompt"], gold
        if key not in numbers:
            numbers[key] = len(prompts)
            shown = None if gold is None else formulas.rich_answer(hidden(gold))
            prompts.append({"prompt": formulas.rich(hidden(row["prompt"])), "gold": shown})
        samples.append(
            {
                "run": run,
                "step": row["step"],
                "prompt": numbers[key],
                "completion": formulas.rich(hidden(row["completion"])),
                "tokens": int(_number(row.get("tokens")) or 0),
                "verdict": _verdict(row),
                "push": _push(row),
                "end": _end(row),
                "reward": _number(row.get("reward")),
                "rewards": [[str(name), _number(value)] for name, value in row["rewards"].items()],
                "advantage": _number(row.get("advantage")),
                "place": row.get("sample"),
                "group": [_number(value) for value in row["group_rewards"]],
            }
        )
    return {"formulas": formulas.converted, "prompts": prompts, "samples": samples}


def _verdict(row: Row) -> str:
    accuracy = _number(row.get("accuracy"))
    if accuracy is None:
        return "not graded"
    return "right" if accuracy == 1 else "wrong" if accuracy == 0 else "partly right"


def _push(row: Row) -> str:
    """Which way the step moved the model."""
    advantage = _number(row.get("advantage"))
    if advantage is None:
        return "not trained on"
    return "0: no signal" if advantage == 0 else "above 0: more likely" if advantage > 0 else "below 0: less likely"


def _end(row: Row) -> str:
    return "truncated" if row.get("truncated") is True else "complete"


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e30 else None
