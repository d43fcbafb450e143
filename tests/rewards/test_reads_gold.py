"""Training asks which rewards compare with the gold, to check golds before it starts."""

import pytest

from gpg_cli.rewards import reads_gold


@pytest.mark.parametrize(("name", "expected"), [("accuracy", True), ("cosine", True), ("format", False)])
def test_rewards_that_compare_with_the_gold_are_known(name: str, expected: bool) -> None:
    assert reads_gold(name) is expected
