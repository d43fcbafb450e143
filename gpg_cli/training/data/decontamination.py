"""Problems of a data set that benchmarks have too."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gpg_cli.errors import GpgError

# As in GPT-3's and lm-evaluation-harness's decontamination: 13 words, lower-cased, without punctuation.
WORDS = 13
_PUNCTUATION = re.compile(r"[^\w\s]|_")

# Gives the questions of the benchmarks at hand by their names, and for each other one the reason why it is not at
# hand; takes files that stand in for a benchmark's data. Evaluation is another part of the program, of which training
# knows nothing: the command line hands the function over.
BenchQuestions = Callable[[Mapping[str, Path]], tuple[dict[str, list[str]], dict[str, str]]]


@dataclass(frozen=True)
class Decontamination:
    """What was compared with what.

    Attributes:
        found: for each benchmark that was at hand, how many problems of the data set it has too.
        missing: the others, each with the reason.
        left_out: problems that any benchmark has; one may be in several.
    """

    found: dict[str, int]
    missing: dict[str, str]
    left_out: int

    def describe(self) -> list[str]:
        """Sentences for the person who starts a training."""
        found = ", ".join(f"{name} {count}" for name, count in self.found.items())
        some = "1 problem that shares" if self.left_out == 1 else f"{self.left_out} problems that share"
        lines = [f"Left out {some} {WORDS} words in a row with a benchmark: {found}."]
        if self.missing:
            names = ", ".join(self.missing)
            lines.append(f"Not compared with {names}: not at hand (--bench-data BENCH=FILE gives the data of one).")
        return lines


def shared_problems(problems: Sequence[str], benches: Mapping[str, Sequence[str]]) -> dict[int, list[str]]:
    """Which problems share a run of 13 words with a question of a benchmark, or are equal to one of fewer words.

    Args:
        problems: texts of the data set.
        benches: name of a benchmark to its questions.

    Returns:
        Position of a problem to the names of the benchmarks that have it.
    """
    known: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for name, questions in benches.items():
        for question in questions:
            for run in _runs(question):
                known[run][name] = None
    shared: dict[int, list[str]] = {}
    for position, problem in enumerate(problems):
        names = {name: None for run in _runs(problem) for name in known.get(run, ())}
        if names:
            shared[position] = list(names)
    return shared


def require_benches(questions: Mapping[str, Sequence[str]], missing: Mapping[str, str]) -> None:
    """Refuse a comparison with nothing.

    Raises:
        GpgError: no benchmark is at hand; it says why for one.
    """
    if not questions:
        name, reason = next(iter(missing.items()), ("none", "there are no benchmarks"))
        raise GpgError(
            f"decontaminate: no benchmark is at hand to compare with ({name}: {reason})",
            "Give the data of those you will measure with: --bench-data math500=FILE.jsonl, repeatable.",
        )


def _runs(text: str) -> set[str]:
    """All runs of 13 words; of a shorter text the whole, with its signs: `x + 1` and `x - 1` are other problems."""
    words = _PUNCTUATION.sub("", text.lower()).split()
    if len(words) < WORDS:
        whole = "".join(text.lower().replace("$", "").split()).rstrip(".?!:")
        return {whole} if whole else set()
    return {" ".join(words[start : start + WORDS]) for start in range(len(words) - WORDS + 1)}
