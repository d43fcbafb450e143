"""The answer between `<answer>` and `</answer>`, as the vision experiments ask for it."""

_OPENING, _CLOSING = "<answer>", "</answer>"


def tagged_on_one_line(text: str) -> str | None:
    """What the first pair of tags on one line holds, stripped; None where there is none.

    This is the pattern `<answer>(.*?)</answer>` of the published protocols, whose dot matches no line break.
    """
    for line in text.split("\n"):
        start = line.find(_OPENING)
        end = line.find(_CLOSING, start + len(_OPENING)) if start >= 0 else -1
        if end >= 0:
            return line[start + len(_OPENING) : end].strip()
    return None


def first_tagged(text: str) -> str | None:
    """What the first pair of tags holds, over any number of lines, stripped; None where there is none."""
    start = text.find(_OPENING)
    end = text.find(_CLOSING, start + len(_OPENING)) if start >= 0 else -1
    return text[start + len(_OPENING) : end].strip() if end >= 0 else None


def last_tagged(text: str) -> str | None:
    """What the last pair of tags holds, over any number of lines, stripped; None where there is none.

    A closing tag too many changes nothing.
    """
    end = text.rfind(_CLOSING)
    start = text.rfind(_OPENING, 0, end) if end >= 0 else -1
    if start < 0:
        return None
    start += len(_OPENING)
    return text[start : text.find(_CLOSING, start)].strip()
