"""Rule `choice-strict`: a sound judgement of lettered choices beside the protocol's, see `choices`.

An answer is right where every candidate in it is the right choice: its letter, its text in any case, or its number in
words. The article "a" is no candidate, and two different candidates are no answer.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from gpg_cli.grading.choices import Choices, read_choices
from gpg_cli.grading.exact import last_box
from gpg_cli.grading.tags import last_tagged
from gpg_cli.grading.verdict import Grade, Verdict, best_grade

_NUMBER_WORDS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
)
# In a text without tags: "The answer is (B).", "Answer: B"
_ANNOUNCEMENT = re.compile(r"answer(?:\s+is|\s*:)\s*:?", re.IGNORECASE)
_LONGEST_LINE = 1000
# What is longer is no answer but a thought; without tags that begins earlier.
_LONGEST_ANSWER = 2000
_LONGEST_UNTAGGED = 200
_LETTER = re.compile(
    r"\(\s?([A-Fa-f])\s?\)"  # (B), (b)
    r"|(?<![\w'’-])([A-Fa-f])\)"  # b)
    r"|\b(?i:option|choice)\s+([A-Fa-f])\b(?![-'’])"
    # Capitals that stand alone; A before a word is an article as a rule.
    r"|(?<![\w'’-])([B-F])(?![\w'’-])"
    r"|(?<![\w'’-])(A)(?![\w'’-]|\s+(?!(?:and|or|is)\b)\w)"
)
_WHOLE_LETTER = re.compile(r"[\s*\"'`]*([A-Fa-f])[\s*\"'`.:]*")


def grade_choice_strict(golds: Sequence[str], completion: str) -> Grade:
    """Judge soundly what the model states as its answer.

    That is what stands between the last answer tags, over any number of lines; else in the last box; else what the
    last line announces ("The answer is"); else the whole text, where it is one short line.

    Args:
        golds: as `gpg_cli.grading.choices.choice_gold` makes them.
        completion: reasoning and answer.
    """
    answer = _stated(completion)
    return best_grade([_grade(read_choices(gold), answer) for gold in golds])


def _grade(choices: Choices | None, answer: str) -> Grade:
    if choices is None:
        return Grade(Verdict.UNPARSED, None)
    if not answer or len(answer) > _LONGEST_ANSWER:
        return Grade(Verdict.WRONG, None)
    chosen = _chosen(answer, choices.texts)
    return Grade(Verdict.CORRECT if chosen == {choices.right} else Verdict.WRONG, answer)


def _stated(completion: str) -> str:
    for answer in (last_tagged(completion), last_box(completion)):
        if answer is not None:
            return answer
    lines = completion.strip().split("\n")
    last_line = lines[-1][-_LONGEST_LINE:]
    announcements = list(_ANNOUNCEMENT.finditer(last_line))
    if announcements:
        return last_line[announcements[-1].end() :].strip()
    return last_line if len(lines) == 1 and len(last_line) <= _LONGEST_UNTAGGED else ""


def _chosen(answer: str, texts: tuple[str, ...]) -> set[int]:
    """Places of the choices that an answer names."""
    whole = _WHOLE_LETTER.fullmatch(answer)
    if whole:
        return {_place(whole[1])}
    pattern, place_of = _names(texts)
    places = {place_of.get(" ".join(match[0].casefold().split())) for match in pattern.finditer(answer)}
    # Letters are looked for beside the names; what stands for a name is a word, before which A is an article.
    letters = [next(filter(None, match.groups())) for match in _LETTER.finditer(pattern.sub("_", answer))]
    return {place for place in places if place is not None} | set(map(_place, letters))


def _place(letter: str) -> int:
    return ord(letter.upper()) - ord("A")


@lru_cache(maxsize=1024)
def _names(texts: tuple[str, ...]) -> tuple[re.Pattern[str], dict[str, int]]:
    """A pattern of the choices' names, longer ones first, and whose they are: texts, and numbers in words, too."""
    place_of: dict[str, int] = {}
    for place, text in enumerate(texts):
        name = " ".join(text.casefold().split())
        is_small = name.isascii() and name.isdecimal() and len(name) < 3 and int(name) < len(_NUMBER_WORDS)
        for form in filter(None, (name, _NUMBER_WORDS[int(name)] if is_small else "")):
            place_of.setdefault(form, place)
    forms = sorted(place_of, key=len, reverse=True)
    either = "|".join(r"\s+".join(map(re.escape, form.split())) for form in forms) or "(?!)"
    # Not the 3 of 13, 3.5 or 3,000; but that of 3.0.
    pattern = rf"(?<![\w-])(?<![0-9][.,])(?:{either})(?![\w-])(?!\.[0-9]*[1-9]|,[0-9])"
    return re.compile(pattern, re.IGNORECASE), place_of
