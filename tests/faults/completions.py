"""Completions and golds that a model, or a stranger's data, may hold: a seed, a string."""

import json
import random
from collections.abc import Sequence
from functools import cache

from tests.conftest import SHARED_DATA

_MANY = 10_000
_MATH = (
    *("5", "0", "-7", "3.14", "1e5", "1e999", "50\\%", "\\$1{,}200", "12:30", "x=2", "x \\in (1,2]", "\\pi", "\\infty"),
    *(
        "\\frac{1}{0}",
        "\\frac12",
        "\\sqrt3",
        "\\sqrt{-1}",
        "i",
        "10^{10}",
        "\\{1,2\\}",
        "(1,2)",
        "[1,2)",
        "1,000",
        "\\emptyset",
    ),
    *(
        "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}",
        "90^\\circ",
        "15\\text{ cm}^2",
        "\\text{(B)}",
        "٣",
        "²",
        "８",
        "½",
        "√3",
        "8√{3}",
    ),
    *(
        "4πcm",
        "12米",
        "120cm",
        "4.5e33",
        "6 \\times 10^{23}",
        "a",
        "A",
        "(A)",
        "x^2+1",
        "\\log_2 8",
        "5!",
        "\\binom{5}{2}",
        "nan",
    ),
    *(
        "|x|",
        "x<5",
        "1:2",
        "1/2/3",
        "--5",
        "5..",
        "\\mathrm{even}",
        "\\begin{cases}",
        "\\end{x}",
        "&",
        "\\\\",
        "^",
        "_",
        "{",
        "}",
        ",",
    ),
)
_WRAPS = (
    *(
        "{}",
        "{}",
        "{}",
        "\\boxed{{{}}}",
        "\\boxed{{{}}}",
        "\\boxed{{{}}}",
        "$\\boxed{{{}}}$.",
        "\\fbox{{{}}}",
        "\\boxed {}",
        "\\boxed{{{}",
    ),
    *(
        "<answer>{}</answer>",
        "<answer> {} </answer>",
        "<answer>\n{}\n</answer>",
        "<answer>{}",
        "{}</answer>",
        "<answer><answer>{}</answer>",
    ),
    *(
        "The answer is {}.",
        "The answer is ${}$",
        "Final answer: {}",
        "#### {}",
        "A: {}",
        "The final answer is {}. I hope it is correct.",
    ),
    *(
        "<think>\n{}\n</think>\n<answer>\n5\n</answer>",
        "<think>{}</think><answer>{}</answer>",
        "<think>{}",
        "</think>{}<think>",
    ),
    *(
        "\\frac{{{}}}{{2}}",
        "\\sqrt{{{}}}",
        "({})",
        "\\left({}\\right)",
        "{}^{{{}}}",
        "{}!",
        "{}+{}",
        "\\text{{{}}}",
        "-{}",
        "{}%",
        "${}$",
    ),
    *(
        "Step 1: {}",
        "First, {}",
        "\n- {}",
        "1. {}",
        "({},{}),({},{})",
        "{}{}",
        "{} and {}",
        "{}\n{}",
        "{}\n\n{}",
        "\\[{}\\]",
        "`{}`",
    ),
)
_ODD = (
    "\x00",
    "\ud800",
    "\udfff",
    "\u202e",
    "e\u0301\u0302\u0303",
    "\u2028",
    "\x85",
    "\u00a0",
    "\ufeff",
    "😀",
    "\x1b[31m",
    "ﷺ",
    "\r",
    "\v",
    "İ",
    "ß",
)
_JUNK = (
    *(
        "{",
        "}",
        "(",
        ")",
        "$",
        "\\",
        "^",
        "_",
        "<answer>",
        "</answer>",
        "<think>",
        "</think>",
        "\\boxed{",
        "\\frac{",
        "\\sqrt{",
        "\\text{",
    ),
    *(
        "√(",
        "=",
        " is ",
        "answer is ",
        "answer:",
        "1,",
        "1 ",
        "9",
        "0.",
        "a ",
        "A ",
        "(A)",
        "(1,2),(3,",
        " ",
        "\n",
        "\t",
        "|",
        "&",
        "!",
        ". ",
        "°",
    ),
    *(
        "\\left(",
        "x",
        "\\",
        "%",
        "#",
        "####",
        "-",
        "+",
        "*",
        "/",
        "Step 1:",
        "\\{",
        "\\cup",
        "\\begin{pmatrix}",
        "and ",
        "\u0660",
        "_x",
        "\ud800",
    ),
)
_MONSTERS = (
    *(
        "\\boxed{9^{9^{9^{9}}}}",
        "\\boxed{(x+1)^{9999}}",
        "\\boxed{(a+b+c+d)^{300}}",
        "\\boxed{100000000!}",
        "The answer is 9**9**9**9",
    ),
    *(
        "\\boxed{((10!)!)!}",
        "\\boxed{\\binom{2000000}{1000000}}",
        "\\boxed{\\sum_{n=1}^{10^{12}} n^{n}}",
        "<answer> 9^9^9^9 </answer>",
    ),
    *(
        "\\boxed{\\int_0^{10^{100}} e^{x^x} dx}",
        "\\boxed{e^{e^{e^{e^{e}}}}}",
        "\\boxed{10^{10^{10}}\\%}",
        "<answer>9^9^9^9π</answer>",
    ),
)
_STRANGE_GOLDS = (
    *(
        "",
        " ",
        "\n",
        "\x00",
        "\ud800",
        "$",
        "$$",
        "\\boxed{",
        "}",
        "<answer></answer>",
        "<answer>",
        "None",
        "nan",
        "1e999",
        "4.5e999",
        "\\",
    ),
    *(
        "[]",
        "[NaN,0,0,1]",
        "[1e400,0,1,1]",
        '["A",""]',
        '["A",null]',
        '["A"]',
        "{}",
        "null",
        "[[[",
        "[" * 50_000,
        '["B","a|b","(?P<x>"]',
        "%",
    ),
    *(
        '["A","\\\\","a"]',
        '["C","5","5","5"]',
        "(1,1),(0,0)",
        "(" + "9" * 5000 + ",1),(2,2)",
        "9" * 5000,
        "a" * 50_000,
        "cm",
        "°",
        "-",
        "٣",
    ),
)
_GOLDS = {
    "choice": ('["(B)","table","books","5"]', '["A","a","A","(A)"]', '["C","2","3","\\\\frac{7}{2}"]'),
    "box": ("[0.1,0.2,0.5,0.6]", "[0,0,1,1]", "[]", "[0.5,0.5,0.5,0.5]"),
    "box-training": ("(100,200),(500,600)", "<answer>(0,0),(1000,1000)</answer>"),
    "class-name": ("desert-rose", "Boeing 717", "2012", "Ä b_c"),
    "geoqa": ("<answer> 5 </answer>", "50°", "120cm", "8√{3}", "\\frac{10√{3}}{3}m", "4πcm"),
}
_LATEX_GOLDS = (
    "5",
    "$5$",
    "\\boxed{5}",
    "$\\frac{1}{2}$",
    "(1,2)",
    "x=2",
    "\\sqrt{3}",
    "50\\%",
    "4.5e33",
    "\\text{even}",
    "So $\\boxed{\\{1,2\\}}$",
)


def golds_of(rule: str) -> Sequence[str]:
    """Ordinary golds of a rule of grading."""
    name = next(
        (each for each in (rule, rule.removesuffix("-strict"), rule.removesuffix("-training")) if each in _GOLDS), ""
    )
    return _GOLDS["geoqa"] if rule == "vision-training" else _GOLDS.get(name, _LATEX_GOLDS)


def gold(seed: random.Random, rule: str) -> str:
    """A gold as it should be, mostly one that is soon compared with; one time in twenty a strange one."""
    kind = seed.random()
    usual = golds_of(rule)
    return seed.choice(_STRANGE_GOLDS) if kind < 0.05 else seed.choice(usual) if kind < 0.12 else seed.choice(usual[:2])


def completion(seed: random.Random) -> str:
    """Most are short or real; one in a thousand is made to hang a parser, one in two thousand is a megabyte."""
    kind = seed.random()
    if kind < 0.001:
        return seed.choice(_MONSTERS)
    if kind < 0.0015:
        return _repeated(seed, 1_000_000)
    if kind < 0.02:
        return _repeated(seed, seed.choice((50, 500, _MANY)))
    if kind < 0.03:
        return seed.choice(("", " ", "\n\n", "\t", "\u2028", "\u00a0", "<answer></answer>", "\\boxed{}", "\\boxed{ }"))
    if kind < 0.4:
        return _mutated(seed, seed.choice(_real()))
    if kind < 0.5:
        return "".join(
            chr(seed.choice((seed.randrange(128), seed.randrange(0x3000), seed.randrange(0x110000)))) for _ in range(30)
        )
    return "".join(_part(seed) for _ in range(seed.choice((1, 1, 1, 2, 3, 8))))


def _part(seed: random.Random) -> str:
    text = seed.choice(_MATH)
    for _ in range(seed.choice((0, 1, 1, 2, 3, 12))):
        text = seed.choice(_WRAPS).format(*(text, seed.choice(_MATH), seed.choice(_MATH), text))
    return text + seed.choice(_ODD) if seed.random() < 0.1 else text


def _repeated(seed: random.Random, size: int) -> str:
    """Bait for regular expressions and for recursion, in a box or tags one time in two."""
    opening = seed.choice(_JUNK)
    text = opening * (size // len(opening))
    if seed.random() < 0.4:
        text += seed.choice(_MATH) + seed.choice(("}", ")", "</answer>", "!", "=")) * seed.choice(
            (1, size // len(opening))
        )
    return seed.choice(("{}", "{}", "\\boxed{{{}}}", "<answer>{}</answer>", "The answer is {}")).format(text)


def _mutated(seed: random.Random, text: str) -> str:
    for _ in range(seed.choice((1, 1, 2, 5))):
        first, second = sorted(seed.randrange(len(text) + 1) for _ in range(2))
        match seed.randrange(6):
            case 0:
                text = text[:first] + text[second:]
            case 1:
                text = text[:second] + text[first : first + 200] * seed.choice((1, 2, 20)) + text[second:]
            case 2:
                text = text[second:] + text[:first]
            case 3:
                text = text[:first] + seed.choice((*_JUNK, *_ODD, *_MATH)) + text[first:]
            case 4:
                text = text[:first] + _part(seed) + text[second:]
            case _:
                other = seed.choice(_real())
                text = text[:first] + other[len(other) // 2 :]
        text = text[:20_000]
    return text


@cache
def _real() -> tuple[str, ...]:
    """What models wrote; where the data is not beside the checkout, what one might write."""
    files = [SHARED_DATA / f"{name}_completions.jsonl" for name in ("graded", "math", "geoqa")]
    rows = [json.loads(line) for file in files if file.is_file() for line in file.read_text().split("\n") if line]
    made_up = "Step 1: we add.\n\n6 + 1 = 7. So \\[x = \\frac{14}{2}\\]. The answer is $\\boxed{7}$."
    return tuple(row["completion"] for row in rows) or (
        made_up,
        f"<think>\n{made_up}\n</think>\n<answer>\n7\n</answer>",
    )
