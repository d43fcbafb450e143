"""What the live line, and a log, say of a step."""

from typing import Any

from gpg_cli.live_line import Fact


def step_facts(logs: dict[str, Any]) -> list[Fact]:
    """The most important first.

    Args:
        logs: a line of metrics.jsonl.
    """
    facts = [Fact(f"reward {logs['reward']:.3f}" if logs.get("reward") is not None else "reward -")]
    if logs.get("accuracy") is not None:
        facts.append(Fact(f"accuracy {logs['accuracy']:.1%}"))
    if logs.get("skipped/dead") or logs.get("skipped/nonfinite"):
        facts.append(Fact("skipped", "yellow"))
    if "groups/valid" in logs:
        facts.append(Fact(f"valid {logs['groups/valid']:.0f}/{logs['groups/total']:.0f}"))
    facts.append(Fact(f"{logs['time/step']:.1f} s"))
    facts.append(Fact(f"sampling {logs['time/generate'] / max(logs['time/step'], 1e-9):.0%}", "dim"))
    if logs.get("resampling/rounds"):
        facts.append(Fact(f"+{logs['resampling/rounds']:.0f} rounds", "dim"))
    return facts
