"""One completion, one reward: as a plain string and as a chat, which must make no difference."""

from typing import Any

from gpg_cli.rewards import RewardSettings, get_reward

WELL_FORMED = "<think>\n6 + 1\n</think>\n<answer>\n7\n</answer>"


def chat(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def scores(
    name: str, *texts: str, solution: str | list[str] = "$7$", columns: dict[str, Any] | None = None, **settings: Any
) -> list[float | None]:
    """What a reward says about completions of one batch; `solution` may be one for all."""
    function = get_reward(name, RewardSettings(**settings))
    golds = [solution] * len(texts) if isinstance(solution, str) else solution
    given: dict[str, Any] = {
        "prompts": ["What is 6 + 1?"] * len(texts),
        "completion_ids": [list(range(len(text.split()))) for text in texts],
        "solution": golds,
    } | (columns or {})
    plain = function(completions=list(texts), **given)
    assert function(completions=[chat(text) for text in texts], **given) == plain
    return plain


def score(name: str, text: str, **more: Any) -> float | None:
    """What a reward says about one completion; see `scores`."""
    (value,) = scores(name, text, **more)
    return value
