"""Long runs hold no more at their end than in their middle, and their steps cost no more."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults import LONG
from tests.faults.watching import Seen, watch

LIMIT = 0.02


def lines_of(path: str) -> Callable[[], int]:
    def count() -> int:
        return Path(path).read_bytes().count(b"\n") if Path(path).exists() else 0

    return count


def check(seen: Seen, *, limit: float) -> None:
    """Nothing rises by more than `limit` over the second half, beyond what chance explains (two standard errors).

    What a unit of work costs is told from noise by long runs only.
    """
    assert len(seen.done) >= 10
    rises = {name: seen.growth(name) for name in ("memory", "files", "threads")}
    if limit == LIMIT:
        rises["processor per unit"] = seen.growth_of_cost("processor")
        # A live line is drawn so many times a second: a machine that gets slower meanwhile gets more of it a unit.
        rises["shown per second"] = seen.growth_of_cost("shown", per="clock")
    print({name: f"{rise:+.2%} ± {error:.2%}" for name, (rise, error) in rises.items()})
    assert not {name: rise for name, (rise, error) in rises.items() if rise - 2 * error > limit}


@pytest.mark.parametrize(("steps", "limit"), [(120, 0.2), pytest.param(2000, LIMIT, marks=LONG)])
def test_training(steps: int, limit: float, tiny_model: Path, json_lines: Callable, tally: Callable) -> None:
    """Sampling, grading, saving and scoring on the way; almost no learning, so that every step has the same work."""
    rows = json_lines(*({"problem": f"1{n}+1{n}=", "answer": str(20 + 2 * n)} for n in range(10)))
    arguments = (
        *("train", "--preset", "quickstart", "--model", str(tiny_model), "--dataset", str(rows)),
        *("--max-steps", str(steps), "--output-dir", "run", "--json", "--eval-bench", "quickstart"),
        *("--eval-every", str(steps // 8), "--eval-limit", "16"),
    )
    settings = {
        "per_device_train_batch_size": 16,
        "max_completion_length": 16,
        "learning_rate": 1e-9,
        "reward_funcs": "[cosine]",
        "cosine_max_len": 20,
        "save_strategy": "steps",
        "save_steps": steps // 10,
        "save_total_limit": 2,
    }
    sets = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    seen = watch([*arguments, *sets], lines_of("run/metrics.jsonl"))
    assert lines_of("run/metrics.jsonl")() == steps
    check(seen, limit=limit)
    tally("steps of training watched", steps)


@pytest.mark.parametrize(("samples", "limit"), [(500, 0.2), pytest.param(50_000, LIMIT, marks=LONG)])
def test_evaluation(samples: int, limit: float, tiny_model: Path, json_lines: Callable, tally: Callable) -> None:
    """The same few questions over and over, with the same answers, so that every sample costs the same; and enough of
    them to see past the waves of some ten seconds in which a machine gets slower and faster."""
    rows = json_lines(*({"problem": f"1{n % 10}+1{n % 10}=", "answer": str(20 + 2 * (n % 10))} for n in range(samples)))
    arguments = (
        *("eval", "--model", str(tiny_model), "--bench", "quickstart", "--data", f"quickstart={rows}", "--json"),
        *("--html", "--temperature", "0", "--max-tokens", "4", "--engine", "transformers"),
        *("--output-dir", "evaluation", "--engine-arg", "batch_size=16"),
    )
    seen = watch([*arguments], lines_of("evaluation/samples.jsonl"), every_s=0.2 if limit == LIMIT else 0.02)
    assert json.loads(Path("evaluation/results.json").read_text())
    assert lines_of("evaluation/samples.jsonl")() == samples
    check(seen, limit=limit)
    tally("samples of an evaluation watched", samples)
