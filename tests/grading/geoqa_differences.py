"""The rows of geoqa_completions.jsonl where `geoqa-strict` differs from the published label, each read by a person.

Row (from 1): who is right, and why.
"""

STRICT, LABEL = "strict", "label"

_FACTOR = "the gold's root is dropped, and the answer is its factor"

DIFFERENCES: dict[int, tuple[str, str]] = {
    65: (STRICT, f"10 is not 10√2: {_FACTOR}"),
    85: (STRICT, "sqrt(3)/2 is the gold, which does not parse"),
    136: (STRICT, f"10 is not 10√2: {_FACTOR}"),
    175: (STRICT, "sqrt(1/3) is not 1/3: the root of the answer is dropped"),
    223: (STRICT, f"4 is not 4√3: {_FACTOR}"),
    249: (STRICT, "cut off without an answer; a 3 of the thoughts is taken for 3π"),
    262: (STRICT, "6 is not 6√2 - 6: only the gold's last number is read"),
    271: (STRICT, "60√3 is not 60√3 + 1: both are read as 60"),
    285: (STRICT, f"3 is not 3√3: {_FACTOR}"),
    351: (STRICT, f"10 is not 10√3: {_FACTOR}"),
    429: (STRICT, "cut off in the middle of a formula; a 1/2 in it is taken for the answer"),
    442: (STRICT, f"10 is not 10√2: {_FACTOR}"),
    466: (STRICT, "2*sqrt(5)/5 is the gold, which does not parse"),
    472: (STRICT, "100.0 is the gold; glued to its tags it is not seen, and the 40.0 of the thoughts is"),
    512: (STRICT, f"5 is not 5√3: {_FACTOR}"),
    536: (STRICT, "√5 is the gold, which does not parse"),
    557: (STRICT, "1/3 is the gold; glued to its tags it is not seen, and the 3.0 of the thoughts is"),
    639: (STRICT, "6 is not 6√2 - 6: only the gold's last number is read"),
    642: (STRICT, "the ratio 2:3 is 2/3, and is read as 3"),
    645: (STRICT, "the ratio 1:4 is 1/4; glued to its tags it is not seen"),
    648: (STRICT, "120 is not 60√3 + 1; the 60 of the thoughts is taken for the gold's"),
    660: (STRICT, "5√3 is not 5: the root of the answer is dropped"),
    662: (STRICT, f"3 is not 3√3: {_FACTOR}"),
    678: (STRICT, "27.1 is not 27; glued to its tags it is not seen, and the 27.0 of the thoughts is"),
    748: (STRICT, "3.0 is the gold; glued to its tags it is not seen, and the 4.0 of the thoughts is"),
    750: (STRICT, "3√3 is the gold, which is read as 3"),
}
