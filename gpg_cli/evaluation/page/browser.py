"""All samples as one block of data, and what they can be filtered by."""

import base64
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gpg_cli.evaluation.journal import Sample
from gpg_cli.page.rich_text import Formulas

# Characters of completions that a page holds: it then has some 30 MB, is made in a minute and opens in seconds.
MOST_TEXT = 60_000_000

_ENDING_NUMBER = re.compile(r"(.*?)(\d+(?:\.\d+)?)", re.DOTALL)


@dataclass(frozen=True)
class Filter:
    """One choice in the browser of samples.

    Attributes:
        name: the key under which the script finds a sample's value.
        label: what a reader sees.
        options: (value, how many samples have it).
    """

    name: str
    label: str
    options: list[tuple[str, int]]


def filters(samples: Sequence[Sample], benches: Sequence[str]) -> list[Filter]:
    """Every filter by which some samples differ from others, in the order of the page."""
    made = [
        _filter("bench", "Benchmark", (sample.bench for sample in samples), benches),
        _filter("verdict", "Verdict", (sample.verdict for sample in samples)),
        _filter("strict", "Strict verdict", ("differs" if _differs(sample) else "the same" for sample in samples)),
        _filter("end", "Completion", (_end(sample) for sample in samples)),
    ]
    for group in dict.fromkeys(group for sample in samples for group in sample.groups):
        values = (sample.groups[group] for sample in samples if group in sample.groups)
        made.append(_filter(f"group:{group}", group.capitalize(), values))
    return [choice for choice in made if len(choice.options) > 1]


def longest_completion(samples: Sequence[Sample]) -> int | None:
    """Of how many characters at its end a completion is shown; None where the page has room for all."""
    if sum(len(sample.completion) for sample in samples) <= MOST_TEXT:
        return None
    return MOST_TEXT // len(samples)


def pack(samples: Sequence[Sample], pictures: Mapping[tuple[str, int], str] | None = None) -> str:
    """All samples as JSON, compressed with gzip, in base64: a fifth of the size, and no character that HTML knows.

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
    packed: list[dict[str, Any]] = []
    for sample in samples:
        key = sample.bench, sample.index
        if key not in numbers:
            numbers[key] = len(problems)
            problems.append({**_problem(sample, formulas), "picture": (pictures or {}).get(key)})
        packed.append(
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
    data = {"formulas": formulas.converted, "prompts": list(prompts), "problems": problems, "samples": packed}
    # mtime=0: the same samples give the same page.
    packed_bytes = gzip.compress(json.dumps(data, separators=(",", ":")).encode(), compresslevel=6, mtime=0)
    return base64.b64encode(packed_bytes).decode()


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


def _filter(name: str, label: str, values: Iterable[str], order: Sequence[str] = ()) -> Filter:
    """The options in the order given, else sorted."""
    counted = Counter(values)
    return Filter(name, label, [(value, counted[value]) for value in order or sorted(counted, key=natural)])


def natural(text: str) -> tuple[str, float]:
    """Sorts what ends with a number by that number: 9 before 10, Level 9 before Level 10."""
    match = _ENDING_NUMBER.fullmatch(text)
    return (match[1], float(match[2])) if match else (text, 0.0)


def ends_with_number(text: str) -> bool:
    return _ENDING_NUMBER.fullmatch(text) is not None
