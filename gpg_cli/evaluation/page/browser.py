"""All samples as one block of data, and what they can be filtered by."""

from collections.abc import Mapping, Sequence
from typing import Any

from gpg_cli.evaluation.journal import Sample
from gpg_cli.page.rich_text import Formulas
from gpg_cli.page.samples import Filter, make_filter, packed

# Characters of completions that a page holds: it then has some 30 MB, is made in a minute and opens in seconds.
MOST_TEXT = 60_000_000


def filters(samples: Sequence[Sample], benches: Sequence[str]) -> list[Filter]:
    """Every filter by which some samples differ from others, in the order of the page."""
    made = [
        make_filter("bench", "Benchmark", (sample.bench for sample in samples), benches),
        make_filter("verdict", "Verdict", (sample.verdict for sample in samples)),
        make_filter("strict", "Strict verdict", ("differs" if _differs(sample) else "the same" for sample in samples)),
        make_filter("end", "Completion", (_end(sample) for sample in samples)),
    ]
    for group in dict.fromkeys(group for sample in samples for group in sample.groups):
        values = (sample.groups[group] for sample in samples if group in sample.groups)
        made.append(make_filter(f"group:{group}", group.capitalize(), values))
    return [choice for choice in made if len(choice.options) > 1]


def longest_completion(samples: Sequence[Sample]) -> int | None:
    """Of how many characters at its end a completion is shown; None where the page has room for all."""
    if sum(len(sample.completion) for sample in samples) <= MOST_TEXT:
        return None
    return MOST_TEXT // len(samples)


def pack(samples: Sequence[Sample], pictures: Mapping[tuple[str, int], str] | None = None) -> str:
    """All samples in one block, see `samples.packed`.

    Texts are taken apart into strings and numbers of formulas (`rich_text`); problems and prompts that several samples
    share stand there once:

        {"formulas": [[source, tree]], "prompts": [text], "problems": [{bench, index, problem, gold, groups, picture}],
         "samples": [{problem, prompt: numbers; number, completion, extracted, verdict, strict, value, differs, tokens,
                      end, seed}]}

    Args:
        pictures: benchmark and row of a problem to the data URL of its picture, where there is one.
    """
    formulas = Formulas()
    longest = longest_completion(samples)
    prompts: dict[str, int] = {}
    numbers: dict[tuple[str, int], int] = {}
    problems: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for sample in samples:
        key = sample.bench, sample.index
        if key not in numbers:
            numbers[key] = len(problems)
            problems.append({**_problem(sample, formulas), "picture": (pictures or {}).get(key)})
        rows.append(
            {
                "problem": numbers[key],
                "prompt": prompts.setdefault(sample.prompt, len(prompts)),
                "number": sample.number,
                "completion": formulas.rich(_ending(sample.completion, longest)),
                "extracted": None if sample.extracted is None else formulas.rich_answer(sample.extracted),
                "verdict": sample.verdict,
                "strict": sample.strict,
                "value": sample.value,
                "differs": _differs(sample),
                "tokens": sample.tokens,
                "end": _end(sample),
                "seed": sample.seed,
            }
        )
    data = {"formulas": formulas.converted, "prompts": list(prompts), "problems": problems, "samples": rows}
    return packed(data)


def _problem(sample: Sample, formulas: Formulas) -> dict[str, Any]:
    golds = (sample.gold,) if isinstance(sample.gold, str) else sample.gold
    return {
        "bench": sample.bench,
        "index": sample.index,
        "problem": formulas.rich(sample.problem),
        "gold": [formulas.rich_answer(gold) for gold in golds],
        "groups": sample.groups,
    }


def _ending(completion: str, longest: int | None) -> str:
    if longest is None or len(completion) <= longest:
        return completion
    return f"[{len(completion) - longest:,} characters left out]\n{completion[-longest:]}"


def _differs(sample: Sample) -> bool:
    return sample.verdict != sample.strict or sample.differs


def _end(sample: Sample) -> str:
    return "truncated" if sample.finish_reason == "length" else "complete"
