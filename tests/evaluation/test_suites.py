"""Suites: several benchmarks under one name."""

import pytest

from gpg_cli.catalog import suite_paths
from gpg_cli.errors import GpgError
from gpg_cli.evaluation.suites import choose_benches, load_suite


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
        assert [bench.name for bench in choose_benches([name])[0]] == list(load_suite(name).benches)


def test_an_unknown_name_may_be_near_a_suite() -> None:
    with pytest.raises(GpgError, match="unknown benchmark 'maths'") as caught:
        choose_benches(["maths"])
    assert "Did you mean math" in caught.value.hint
