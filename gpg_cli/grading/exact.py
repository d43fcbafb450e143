"""Rule `exact`: the text in the last box, or the whole completion, equals the gold letter by letter."""

from collections.abc import Sequence

from gpg_cli.grading.verdict import Grade, Verdict, best_verdict

_BOX = "\\boxed{"


def last_box(text: str) -> str | None:
    r"""What stands in the last `\boxed{...}` whose braces are balanced, stripped; None where there is none."""
    start = text.rfind(_BOX)
    while start >= 0:
        content_start = start + len(_BOX)
        end = _closing_brace(text, content_start)
        if end is not None:
            return text[content_start:end].strip()
        start = text.rfind(_BOX, 0, start)
    return None


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


def _closing_brace(text: str, content_start: int) -> int | None:
    depth = 1
    for position in range(content_start, len(text)):
        if text[position] == "{":
            depth += 1
        elif text[position] == "}":
            depth -= 1
            if depth == 0:
                return position
    return None
