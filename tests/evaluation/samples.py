"""A sample, and others like it, for the tests of what samples add up to."""

from dataclasses import replace
from typing import Any

from gpg_cli.evaluation.journal import Sample

SAMPLE = Sample(
    bench="math500",
    index=0,
    number=0,
    problem="1+1?",
    groups={},
    prompt="1+1?",
    completion=r"\boxed{2}",
    extracted="2",
    gold="2",
    verdict="correct",
    strict="correct",
    tokens=10,
    finish_reason="stop",
    seed=7,
)


def changed(**values: Any) -> Sample:
    """The sample with other values."""
    return replace(SAMPLE, **values)
