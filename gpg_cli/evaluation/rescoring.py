"""Stored completions judged again: after a grader was mended, or to see what another version of it says."""

from collections.abc import Sequence
from dataclasses import replace

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.journal import Sample
from gpg_cli.evaluation.record import Record
from gpg_cli.grading import grade_all, require_grader, strict_rule


def judge_again(samples: Sequence[Sample], record: Record) -> list[Sample]:
    """The samples with the verdicts that today's grader gives them, in the order given.

    Raises:
        GpgError: a sample is of a benchmark that the record does not know; the grader does not work.
    """
    require_grader()
    places: dict[str, list[int]] = {}
    for place, sample in enumerate(samples):
        if sample.bench not in record.benches:
            raise GpgError(f"a sample is of {sample.bench!r}, which was not measured", "Restore the folder's files.")
        places.setdefault(sample.bench, []).append(place)
    judged = list(samples)
    for name, found in places.items():
        rule = record.benches[name].bench.rule
        pairs = [(samples[place].gold, samples[place].completion) for place in found]
        for place, score, strict in zip(
            found, grade_all(pairs, rule), grade_all(pairs, strict_rule(rule)), strict=True
        ):
            judged[place] = replace(
                samples[place],
                extracted=score.extracted,
                verdict=str(score.verdict),
                strict=str(strict.verdict),
                value=score.value,
                strict_value=strict.value,
            )
    return judged
