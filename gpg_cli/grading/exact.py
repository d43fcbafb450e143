"""Rule `exact`: the text in the last box, or the whole completion, equals the gold letter by letter."""

import re
from collections.abc import Sequence

from gpg_cli.grading.verdict import Grade, Verdict, best_verdict

_BRACE = re.compile(r"\\boxed\{|[{}]")


def last_box(text: str) -> str | None:
    r"""What stands in the last `\boxed{...}` whose braces are balanced, stripped; None where there is none.

    In one pass, whatever the nesting: a completion may hold thousands of boxes that are never closed.
    """
    # Of each brace that is open: where its content starts if it is a box, else None.
    opened: list[int | None] = []
    last_start, last_end = -1, -1
    for brace in _BRACE.finditer(text):
        if brace[0] != "}":
            opened.append(brace.end() if len(brace[0]) > 1 else None)
        elif opened:
            start = opened.pop()
            if start is not None and start > last_start:
                last_start, last_end = start, brace.start()
    return text[last_start:last_end].strip() if last_start >= 0 else None


def grade_exact(golds: Sequence[str], completion: str) -> Grade:
    """Compare the last box, or the whole completion where there is no box, with each gold; both sides are stripped."""
    answer = last_box(completion)
    if answer is None:
        answer = completion.strip() or None
    verdicts = [_compare(gold.strip(), answer) for gold in golds]
    return Grade(best_verdict(verdicts), answer)


def _compare(gold: str, answer: str | None) -> Verdict:
    if not gold:
        return Verdict.UNPARSED
    return Verdict.CORRECT if answer == gold else Verdict.WRONG
