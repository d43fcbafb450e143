"""Can each gold be answered at all? Every gold is graded against itself."""

from collections.abc import Sequence

from gpg_cli.grading import Verdict, grade_all
from gpg_cli.training.check.answers import boxed
from gpg_cli.training.check.findings import Finding, Level, Section

# As for golds that cannot be read: a few are in most data sets.
_TOLERATED = 0.05
_SHOWN = 5


def check_golds_by_themselves(golds: Sequence[str], rows: Sequence[int], rule: str) -> Section:
    """Grade the answer `\\boxed{gold}` by its own gold, as the rewards would.

    Args:
        golds: as the rewards read them.
        rows: number of each in the data set, from 1.
        rule: one of `gpg_cli.grading.RULES`.
    """
    grades = grade_all([(gold, boxed(gold)) for gold in golds], rule)
    failed = [place for place, grade in enumerate(grades) if grade.verdict is not Verdict.CORRECT]
    if not failed:
        return Section("Golds", [Finding(Level.OK, f"all {len(golds)} golds are right by themselves")])
    share = len(failed) / len(golds)
    examples = ", ".join(f"row {rows[place]} ({golds[place][:40]!r})" for place in failed[:3])
    level = Level.PROBLEM if share > _TOLERATED else Level.WARNING
    text = f"{len(failed)} of {len(golds)} golds ({share:.1%}) earn nothing when given as the answer: {examples}"
    change = "answer_column or solution_column, or mend these rows"
    return Section("Golds", [Finding(level, text, change, tuple(rows[place] for place in failed[:_SHOWN]))])
