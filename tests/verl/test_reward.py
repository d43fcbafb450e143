"""Under verl a completion earns what it earns in training."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.rewards import RewardSettings, get_rewards
from gpg_cli.verl.reward import compute_score

from ..conftest import shared_data

PRESETS = [
    (["format_v2", "cosine"], [1.0, 2.0], {"cosine_max_len": 400}),
    (["accuracy_lv35"], None, {}),
    (["accuracy", "format"], [1.0, 0.1], {}),
]


def real_completions(count: int) -> list[tuple[str, str]]:
    """(completion, gold), from wrong and right ones alike."""
    lines = shared_data("graded_completions.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines[:: len(lines) // count]][:count]
    return [(row["completion"], f"${row['gold']}$") for row in rows]


@pytest.mark.parametrize(("names", "weights", "parameters"), PRESETS)
def test_it_pays_what_our_rewards_pay(names: list[str], weights: list[float] | None, parameters: dict) -> None:
    rows = real_completions(60)
    completions, golds = [text for text, _ in rows], [gold for _, gold in rows]
    paid = [
        function(completions=completions, solution=golds)
        for function in get_rewards(names, RewardSettings(**parameters))
    ]
    expected = [
        sum(weight * (value or 0.0) for weight, value in zip(weights or [1.0] * len(names), values, strict=True))
        for values in zip(*paid, strict=True)
    ]

    def score(row: tuple[str, str]) -> float:
        given = {"reward_funcs": names, "reward_weights": weights, **parameters}
        return compute_score("data", row[0], row[1], {"index": 0, "num_turns": None}, **given)

    # verl calls it in threads.
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(score, rows))
    assert found == pytest.approx(expected)
    assert len(set(found)) > 1, "some are right and some are wrong"


def test_columns_of_the_data_reach_a_reward_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "def worth(completions, level, **columns):\n"
        "    return [float(len(text) * factor) for text, factor in zip(completions, level)]\n"
    )
    info = {"columns": json.dumps({"level": 3})}
    assert compute_score("data", "four", "", info, reward_funcs=[f"python:{file}:worth"]) == 12.0


def test_a_mistake_on_the_command_line_is_told() -> None:
    with pytest.raises(GpgError, match="unknown reward"):
        compute_score("data", "x", "1", reward_funcs=["acuracy"])
    with pytest.raises(GpgError, match="cosine_max_length"):
        compute_score("data", "x", "1", reward_funcs=["cosine"], cosine_max_length=3)
    with pytest.raises(GpgError, match="weights"):
        compute_score("data", "x", "1", reward_funcs=["accuracy"], reward_weights=[1, 2])
