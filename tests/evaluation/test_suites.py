"""Suites: several benchmarks under one name."""

import pytest

from gpg_cli.catalog import suite_paths
from gpg_cli.errors import GpgError
from gpg_cli.evaluation.suites import choose_benches


def test_math_is_the_five_of_the_paper() -> None:
    benches, suites = choose_benches(["math"])
    assert [bench.name for bench in benches] == ["aime24", "math500", "amc23", "minerva", "olympiadbench"]
    assert [suite.name for suite in suites] == ["math"]


def test_names_suites_and_repetitions_mix() -> None:
    benches, suites = choose_benches(["gsm8k", "math500", "math", "gsm8k"])
    assert [bench.name for bench in benches] == ["gsm8k", "math500", "aime24", "amc23", "minerva", "olympiadbench"]
    assert [suite.name for suite in suites] == ["math"]


def test_every_suite_that_ships_has_benchmarks_that_exist() -> None:
    for name in suite_paths():
        benches, suites = choose_benches([name])
        assert [bench.name for bench in benches] == list(suites[0].benches)


def test_suites_inside_a_suite_are_measured_with_it() -> None:
    benches, suites = choose_benches(["all"])
    assert len(benches) == 15
    assert {suite.name: suite.mean for suite in suites} == {"all": False, "math": True, "vision": False, "cls": True}
    assert suites[3].benches == ("cls-flowers102", "cls-pets37", "cls-fgvc-aircraft", "cls-cars196")
    assert set(suites[3].benches) < set(suites[2].benches) < set(suites[0].benches)


def test_an_unknown_name_may_be_near_a_suite() -> None:
    with pytest.raises(GpgError, match="unknown benchmark 'maths'") as caught:
        choose_benches(["maths"])
    assert "Did you mean math" in caught.value.hint
