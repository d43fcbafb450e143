"""Rewards of the user's own: `python:path/to/file.py:function`."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.rewards import RewardSettings, get_reward, get_rewards, reads_gold, reward_summary
from gpg_cli.training.reward_guard import GuardedReward

GIVEN = {"trainer_state": None, "log_extra": None, "log_metric": None}

REWARDS = '''
"""Rewards of mine."""

import dataclasses


@dataclasses.dataclass
class Taste:
    best: int = 4


def shorter(prompts, completions, completion_ids, **kwargs):
    """Shorter is better.

    By a tenth a character.
    """
    return [-len(completion) / 10 for completion in completions]


def right(completions, solution, **kwargs):
    return [1.0 if gold in text else None for text, gold in zip(completions, solution)]


def tokens(completion_ids, **kwargs):
    return [float(len(ids)) for ids in completion_ids]


anonymous = lambda completions, **kwargs: [0.5] * len(completions)


class Weighted:
    def __init__(self, weight):
        self.weight = weight

    def __call__(self, completions, **kwargs):
        return [self.weight * len(text) for text in completions]


doubled = Weighted(2.0)
number = 3


def no_keywords(prompts, completions):
    return [0.0 for _ in completions]


def by_position(completions, /, **kwargs):
    return [0.0 for _ in completions]
'''

TEXTS = ["", "7", r"\boxed{7}", r"\boxed{7} \boxed{8}", "<answer>7</answer> 8", "✓ é 七", "x" * 10_000]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write_file(text: str, name: str = "rewards.py") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


def values_of(name: str, *texts: str) -> list[float | None]:
    ids = [[1] * len(text.split()) for text in texts]
    function = get_reward(name, RewardSettings())
    return function(
        prompts=["?"] * len(texts), completions=list(texts), completion_ids=ids, solution=["7"] * len(texts), **GIVEN
    )


@pytest.mark.parametrize(
    ("function", "values"),
    [
        ("shorter", [0.0, -0.1, -0.9, -1.9, -2.0, -0.5, -1000.0]),
        ("right", [None, 1.0, 1.0, 1.0, 1.0, None, None]),
        ("tokens", [0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 1.0]),
        ("anonymous", [0.5] * 7),
        ("doubled", [0.0, 2.0, 18.0, 38.0, 40.0, 10.0, 20_000.0]),
    ],
)
def test_a_function_in_a_file_is_called_as_trl_calls_rewards(write, function: str, values: list[float]) -> None:
    write(REWARDS)
    assert values_of(f"python:rewards.py:{function}", *TEXTS) == values


def test_it_is_logged_under_the_name_of_the_function(write) -> None:
    write(REWARDS)
    names = [f"python:rewards.py:{name}" for name in ("shorter", "anonymous", "doubled")]
    assert [function.__name__ for function in get_rewards(names, RewardSettings())] == [
        "shorter",
        "anonymous",
        "doubled",
    ]


@pytest.mark.parametrize("folder", ["", "mine", "a:b", "mit Leerzeichen"])
def test_a_path_may_be_relative_absolute_or_hold_a_colon(write, tmp_path: Path, folder: str) -> None:
    path = write(REWARDS, f"{folder}/rewards.py" if folder else "rewards.py")
    assert values_of(f"python:{path}:shorter", "12345") == [-0.5]
    assert values_of(f"python:{path.relative_to(tmp_path)}:shorter", "12345") == [-0.5]


def test_a_file_may_import_its_neighbours_and_is_imported_once(write) -> None:
    write("PRICE = 0.5\n", "prices_of_mine.py")
    write(
        "from pathlib import Path\n"
        "from prices_of_mine import PRICE\n"
        "Path('imports.txt').open('a').write('x')\n"
        "def price(completions, **kwargs): return [PRICE for _ in completions]\n"
        "def free(completions, **kwargs): return [0.0 for _ in completions]\n"
    )
    assert values_of("python:rewards.py:price", "a", "b") == [0.5, 0.5]
    assert values_of("python:./rewards.py:free", "a") == [0.0]
    assert Path("imports.txt").read_text() == "x"


def test_whether_it_reads_the_gold_is_told_by_its_arguments(write) -> None:
    write(REWARDS)
    assert reads_gold("python:rewards.py:right")
    assert not reads_gold("python:rewards.py:shorter")


def test_it_is_described_by_its_docstring(write) -> None:
    write(REWARDS)
    summary = reward_summary("python:rewards.py:shorter")
    assert summary.description == "Shorter is better."
    assert summary.documentation.endswith("By a tenth a character.")


@pytest.mark.parametrize(
    ("name", "complaint", "remedy"),
    [
        ("python:", "'python:' names no function of a file", "python:FILE.py:FUNCTION"),
        ("python:rewards.py", "names no function of a file", "python:FILE.py:FUNCTION"),
        ("python:rewards.py:", "names no function of a file", "python:FILE.py:FUNCTION"),
        ("python:reward.py:shorter", "there is no file reward.py in {here}", "python:FILE.py:FUNCTION"),
        ("python:/nowhere/r.py:shorter", "there is no file /nowhere/r.py", "python:FILE.py:FUNCTION"),
        ("python:folder:shorter", "there is no file folder in {here}", "python:FILE.py:FUNCTION"),
        ("python:rewards.py:shortr", "rewards.py has no function 'shortr'", "Did you mean shorter? It has: shorter,"),
        ("python:empty.py:shorter", "empty.py has no function 'shorter'", "It has none."),
        ("python:rewards.py:number", "'number' in rewards.py is of type int, not a function", "def number(prompts,"),
        ("python:rewards.py:Taste", "'Taste' in rewards.py is a class, not a function", "def Taste(prompts,"),
        ("python:rewards.py:no_keywords", "cannot be called as TRL calls rewards: got an unexpected", "**kwargs)"),
        ("python:rewards.py:by_position", "cannot be called as TRL calls rewards", "**kwargs)"),
        ("python:broken.py:f", "broken.py:3 raises while it is imported: SyntaxError: '(' was never closed", "Mend"),
        ("python:raises.py:f", "raises.py:2 raises while it is imported: ZeroDivisionError: division by zero", "Mend"),
        ("python:misses.py:f", "misses.py:2 raises while it is imported: ModuleNotFoundError: No module", "Mend"),
        ("python:exits.py:f", "exits.py:2 raises while it is imported: SystemExit: 3", "Mend"),
        ("python:bytes.py:f", "bytes.py:1 raises while it is imported: SyntaxError", "Mend"),
    ],
)
def test_what_cannot_be_loaded_is_refused_in_words(
    write, tmp_path: Path, name: str, complaint: str, remedy: str
) -> None:
    write(REWARDS)
    write("", "empty.py")
    write("x = 1\n\ny = (2\n", "broken.py")
    write("def f(**kwargs):\n    return 1 / 0\n\nf()\n", "raises.py")
    write("import os\nimport a_module_that_is_not_there\n", "misses.py")
    write("import sys\nsys.exit(3)\n", "exits.py")
    (tmp_path / "bytes.py").write_bytes(b"x = '\xff\xfe'\n")
    (tmp_path / "folder").mkdir()
    with pytest.raises(GpgError) as raised:
        get_reward(name, RewardSettings())
    assert complaint.format(here=tmp_path) in raised.value.message
    assert remedy in raised.value.hint


def test_a_file_that_was_mended_loads(write) -> None:
    write("1 / 0\n")
    with pytest.raises(GpgError, match="ZeroDivisionError"):
        get_reward("python:rewards.py:f", RewardSettings())
    write("def f(completions, **kwargs):\n    return [1.0 for _ in completions]\n")
    assert values_of("python:rewards.py:f", "a") == [1.0]


def test_two_functions_of_one_name_are_refused(write) -> None:
    write(REWARDS)
    write(REWARDS, "others.py")
    names = ["python:rewards.py:shorter", "python:others.py:shorter"]
    with pytest.raises(GpgError, match=r"as 'shorter': python:rewards\.py:shorter and python:others\.py"):
        get_rewards(names, RewardSettings())


COROUTINES = """
import asyncio

running = 0
most = 0
lock = asyncio.Lock()


async def ask(text):
    global running, most
    running += 1
    most = max(most, running)
    await asyncio.sleep(0.05)
    running -= 1
    async with lock:
        if text == "bad":
            raise ValueError("no such text")
        return float(len(text))


async def judged(completions, **kwargs):
    return list(await asyncio.gather(*map(ask, completions)))


async def most_at_once(completions, **kwargs):
    return [float(most) for _ in completions]


async def endless(completions, **kwargs):
    try:
        await asyncio.sleep(0 if completions == ["a"] else 3600)
    finally:
        open("ended.txt", "a").write("x")
    return [1.0 for _ in completions]


class Judge:
    async def __call__(self, completions, **kwargs):
        return await judged(completions)


judge = Judge()
"""


@pytest.mark.parametrize("name", ["judged", "judge"])
def test_a_coroutine_function_is_awaited_and_its_awaits_run_together(write, name: str) -> None:
    write(COROUTINES)
    assert values_of(f"python:rewards.py:{name}", "a", "bcd", "") == [1.0, 3.0, 0.0]
    assert values_of(f"python:rewards.py:{name}", "ab") == [2.0]
    assert values_of("python:rewards.py:most_at_once", "a") == [3.0]


def test_a_coroutine_function_that_fails_costs_only_the_completions_it_fails_on(write) -> None:
    write(COROUTINES)
    guarded = GuardedReward(get_reward("python:rewards.py:judged", RewardSettings()), timeout_s=20)
    assert guarded(completions=["a", "bad", "ccc", ""]) == [1.0, None, 3.0, 0.0]
    assert [failure.reason for failure in guarded.take_report().failures] == ["ValueError: no such text"]


def test_a_coroutine_function_that_hangs_is_stopped(write) -> None:
    write(COROUTINES)
    guarded = GuardedReward(get_reward("python:rewards.py:endless", RewardSettings()), timeout_s=0.2)
    started = time.monotonic()
    assert guarded(completions=["hangs"]) == [None]
    assert time.monotonic() - started < 5
    assert guarded(completions=["a"]) == [1.0]
    assert Path("ended.txt").read_text() == "xx"  # the one that was stopped does not go on


def test_a_partial_function_will_do(write) -> None:
    write(
        "import functools\n"
        "def times(completions, factor, **kwargs): return [factor * len(text) for text in completions]\n"
        "thrice = functools.partial(times, factor=3.0)\n"
    )
    assert values_of("python:rewards.py:thrice", "ab") == [6.0]


def test_the_command_line_trains_with_it(write, gpg) -> None:
    write(REWARDS)
    quick = ("train", "--preset", "quickstart", "--dry-run", "--json")
    outcome = gpg(*quick, "--set", "reward_funcs=[accuracy, 'python:rewards.py:shorter']")
    assert outcome.code == 0, outcome.err
    assert outcome.json["settings"]["reward_funcs"] == ["accuracy", "python:rewards.py:shorter"]
    Path("recipe.yaml").write_text('reward_funcs: ["python:rewards.py:shorter"]\n')
    assert gpg(*quick, "--config", "recipe.yaml").code == 0
    Path("recipe.yaml").write_text('reward_funcs: ["python:rewards.py:longer"]\n')
    refused = gpg(*quick, "--config", "recipe.yaml")
    assert refused.code == 2
    assert "rewards.py has no function 'longer'" in refused.error_lines[-2]
