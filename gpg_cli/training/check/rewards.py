"""What the rewards pay for a perfect, a wrong, a truncated and an empty answer."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from gpg_cli.training.check.answers import Answer
from gpg_cli.training.check.findings import Finding, Level, Section
from gpg_cli.training.reward_guard import GuardedReward

# Characters of a token of English and LaTeX, roughly.
_CHARACTERS_A_TOKEN = 3
_SAME = 1e-6


@dataclass(frozen=True)
class Case:
    """One row, and the answers to it that are tried.

    Attributes:
        prompt: text or messages, as the rewards are given it.
        columns: the row's other columns.
    """

    prompt: Any
    answers: Sequence[Answer]
    columns: dict[str, Any]


def check_rewards(
    cases: Sequence[Case],
    functions: Sequence[Callable],
    weights: Sequence[float],
    encode: Callable[[str], list[int]],
    timeout_s: float,
) -> Section:
    """Pay for each answer of some rows, and compare what the kinds of answers earn.

    Args:
        cases: each with the same kinds of answers, `perfect` and `empty` among them.
        functions: rewards with TRL's signature.
        weights: one for each.
        encode: text to tokens.
        timeout_s: for a call of a reward.
    """
    kinds = [answer.kind for answer in cases[0].answers]
    paid: dict[str, dict[str, list[float]]] = {}
    findings: list[Finding] = []
    for function in functions:
        guarded = GuardedReward(function, timeout_s)
        values = _pay(cases, guarded, encode)
        report = guarded.take_report()
        if report.failures:
            text = f"{guarded.__name__} failed for {len(report.failures)} of {report.rows} answers"
            findings.append(Finding(Level.PROBLEM, f"{text}: {report.failures[0].reason}", "reward_funcs"))
        paid[guarded.__name__] = values
    means = {name: {kind: _mean(values[kind]) for kind in kinds} for name, values in paid.items()}
    total = {
        kind: sum(weight * (means[name][kind] or 0.0) for name, weight in zip(means, weights, strict=True))
        for kind in kinds
    }
    findings += _judge(means, total)
    width = max(map(len, [*means, "all, weighted"]))
    lines = [" " * width + "".join(f"  {kind}" for kind in kinds)]
    shown: dict[str, Mapping[str, float | None]] = {**means, "all, weighted": total}
    lines += [
        f"{name:<{width}}" + "".join(_cell(earned[kind], len(kind)) for kind in kinds) for name, earned in shown.items()
    ]
    return Section("Rewards", findings, lines)


def check_cosine(reward_funcs: Sequence[str], max_completion_length: int, settings: Any) -> list[Finding]:
    """Whether the cosine's length is shorter than what may be written (trap T22: it is periodic)."""
    if "cosine" not in reward_funcs or settings.cosine_clamp:
        return []
    longest = max_completion_length * (1 if settings.cosine_in_tokens else _CHARACTERS_A_TOKEN)
    if longest <= settings.cosine_max_len:
        return []
    unit = "tokens" if settings.cosine_in_tokens else "characters"
    text = (
        f"a completion may have about {longest} {unit}, but cosine falls only up to cosine_max_len = "
        f"{settings.cosine_max_len} and rises again after it"
    )
    return [Finding(Level.WARNING, text, "cosine_clamp=true, or cosine_max_len (the published runs had it so)")]


def _pay(cases: Sequence[Case], reward: GuardedReward, encode: Callable[[str], list[int]]) -> dict[str, list[float]]:
    flat = [(case, answer) for case in cases for answer in case.answers]
    completions = [
        answer.text if isinstance(case.prompt, str) else [{"role": "assistant", "content": answer.text}]
        for case, answer in flat
    ]
    columns = {name: [case.columns[name] for case, _ in flat] for name in cases[0].columns}
    values = reward(
        prompts=[case.prompt for case, _ in flat],
        completions=completions,
        completion_ids=[encode(answer.text) for _, answer in flat],
        **columns,
    )
    paid: dict[str, list[float]] = {}
    for (_, answer), value in zip(flat, values, strict=True):
        paid.setdefault(answer.kind, []).append(math.nan if value is None else value)
    return paid


def _judge(means: dict[str, dict[str, float | None]], total: dict[str, float]) -> list[Finding]:
    findings = []
    for name, values in means.items():
        known = [value for value in values.values() if value is not None]
        if not known:
            findings.append(
                Finding(Level.PROBLEM, f"{name} gave no value at all", "reward_funcs, or the gold's column")
            )
        elif max(known) - min(known) < _SAME:
            text = f"{name} gives {known[0]:.3g} whatever the answer"
            findings.append(Finding(Level.WARNING, text, "reward_funcs"))
    if total["perfect"] <= total["empty"] + _SAME:
        text = f"a perfect answer earns {total['perfect']:.3g}, an empty one {total['empty']:.3g}"
        findings.append(Finding(Level.PROBLEM, text, "reward_funcs or reward_weights"))
    if total["wrong, tags"] > total["right, no tags"] + _SAME:
        text = "a wrong answer in the right form earns more than a right one without it"
        findings.append(Finding(Level.WARNING, text, "reward_weights"))
    if not findings:
        findings.append(Finding(Level.OK, "a perfect answer earns most, an empty one least"))
    return findings


def _mean(values: Sequence[float]) -> float | None:
    known = [value for value in values if not math.isnan(value)]
    return fmean(known) if known else None


def _cell(value: float | None, width: int) -> str:
    return f"  {'–' if value is None else format(value, '.2f'):>{width}}"
