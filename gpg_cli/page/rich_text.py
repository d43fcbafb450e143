"""Text with mathematics in it -> pieces: strings, and numbers that stand for formulas."""

import re

from gpg_cli.page.mathematics import Tree, to_tree

Rich = list[str | int]

_ENVIRONMENTS = "align|alignat|aligned|array|bmatrix|cases|eqnarray|equation|gather|matrix|multline|pmatrix|split"

# Every alternative stops at the next opening delimiter and never goes back (*+), so that the time is linear in the
# text whatever a model repeats. A dollar sign opens mathematics by Pandoc's rule (no space inside of either, no digit
# behind), which tells it from money; with spaces inside, where there is a sign of mathematics between.
_MATHEMATICS = re.compile(
    rf"""
    \\\\ | \\\$                                                                     # neither is a delimiter
    | \$\$ (?P<dollars> (?: [^\\$] | \\. )++ ) \$\$
    | \$ (?P<dollar> (?!\s) (?: [^\\$\n] | \\. | \n(?!\s*\n) )++ (?<!\s) ) \$ (?!\d)
    | \$ (?P<spaced> (?=[^$]*[\\^_=]) (?: [^\\$\n] | \\. | \n(?!\s*\n) )++ ) \$ (?!\d)
    | \\\[ (?P<brackets> (?: [^\\] | \\[^\[\]] )*+ ) \\\]
    | \\\( (?P<parentheses> (?: [^\\] | \\[^()] )*+ ) \\\)
    | (?P<environment> \\begin\{{ (?P<name> (?:{_ENVIRONMENTS}) \*? ) \}}
        (?: [^\\] | \\(?!(?:begin|end)\{{(?P=name)\}}) )*+ \\end\{{(?P=name)\}} )
    | (?P<boxed> \\boxed \s* \{{ (?: [^{{}}] | \{{ (?: [^{{}}] | \{{ [^{{}}]*+ \}} )*+ \}} )*+ \}} )
    """,
    re.VERBOSE | re.DOTALL,
)
_BLOCKS = frozenset(("dollars", "brackets", "environment"))
_LATEX_SIGN = re.compile(r"[\\^_]")


class Formulas:
    """The distinct formulas of a page, each converted once.

    Attributes:
        converted: (source with its delimiters, tree) of each, in the order of their numbers.
    """

    def __init__(self) -> None:
        self.converted: list[tuple[str, Tree]] = []
        self._numbers: dict[str, int | None] = {}

    def rich(self, text: str) -> Rich:
        """Take text apart; put together again, with the sources of the formulas, the pieces are the text.

        What cannot be converted stays text.
        """
        pieces: Rich = []
        written = 0
        for match in _MATHEMATICS.finditer(text):
            kind = match.lastgroup
            if kind is None:
                continue
            number = self._number(match[0], match[kind], block=kind in _BLOCKS)
            if number is not None:
                pieces += [text[written : match.start()], number] if match.start() > written else [number]
                written = match.end()
        if written < len(text):
            pieces.append(text[written:])
        return pieces

    def rich_answer(self, answer: str) -> Rich:
        """The same for an answer, which may be a formula without delimiters."""
        pieces = self.rich(answer)
        if pieces == [answer] and _LATEX_SIGN.search(answer):
            number = self._number(answer, answer, block=False)
            return pieces if number is None else [number]
        return pieces

    def _number(self, source: str, latex: str, *, block: bool) -> int | None:
        if source not in self._numbers:
            tree = to_tree(latex, block=block)
            self._numbers[source] = None if tree is None else len(self.converted)
            if tree is not None:
                self.converted.append((source, tree))
        return self._numbers[source]
