"""A run in a few numbers. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from gpg_cli.page.render import duration
from gpg_cli.publishing.cleaning import public_text
from gpg_cli.publishing.names import last_component
from gpg_cli.run_page.axes import short
from gpg_cli.run_page.read import Run

# A beginning and an end are means over this part of a run, so that a single step's luck is none of them.
_ENDS = 0.05


@dataclass(frozen=True)
class Overview:
    """A run's head: facts are (name, text) in the order of the page, the same names for every run; "" where unknown."""

    name: str
    title: str
    facts: list[tuple[str, str]]

    def fact(self, name: str) -> str:
        """Of that name."""
        return dict(self.facts).get(name, "")


def overview(run: Run) -> Overview:
    """The state of a run, what it trained, and how its most important numbers changed."""
    settings, facts = run.settings, run.facts
    preset = facts.get("preset")
    model = _named(facts.get("model"))
    return Overview(
        run.name,
        str(preset) if preset else model or run.name,
        [
            ("State", _state(run)),
            ("Model", model),
            ("Data", _named(facts.get("dataset"))),
            ("Objective", _objective(settings)),
            ("Seed", "" if facts.get("seed") is None else str(facts["seed"])),
            ("Steps", f"{run.last_step:,}"),
            ("Time of all steps", duration(sum(line.get("time/step", 0.0) for line in run.steps))),
            ("Reward", _change(run, "reward")),
            ("Accuracy while training", _change(run, "accuracy", percent=True)),
            (_bench(run), _before_and_after(facts)),
        ],
    )


def _state(run: Run) -> str:
    total = run.settings.get("max_steps")
    if run.finished:
        return f"finished {str(run.facts['finished'])[:16].replace('T', ' ')} UTC"
    of = f" of {total:,}" if isinstance(total, int) and total > 0 else ""
    return f"not finished: step {run.last_step:,}{of}"


def _objective(settings: dict[str, Any]) -> str:
    algorithm = str(settings.get("algorithm") or "gpg")
    names = {"gpg": "GPG", "grpo": "GRPO", "dr_grpo": "Dr. GRPO", "dapo": "DAPO"}
    if algorithm != "gpg":
        return names.get(algorithm, algorithm)
    scale = {"none": "F = 1", "group": "F = std of the group", "batch": "F = std of the batch"}
    parts = [scale.get(str(settings.get("scale_rewards")), ""), "alpha" if settings.get("adjust_gd") else "no alpha"]
    return ", ".join(filter(None, ["GPG", *parts]))


def _named(value: Any) -> str:
    """A Hub id as it is, a place on a disk by its last component."""
    text = public_text(value) if isinstance(value, str) else ""
    return last_component(text) if text.count("/") > 1 or text.startswith((".", "~")) else text


def _change(run: Run, key: str, *, percent: bool = False) -> str:
    values = [line[key] for line in run.steps if key in line]
    if not values:
        return ""
    count = max(1, round(_ENDS * len(values)))
    ends = fmean(values[:count]), fmean(values[-count:])
    shown = [f"{100 * end:.1f}%" if percent else f"{end:.3f}" if abs(end) < 100 else short(end) for end in ends]
    return " → ".join(shown)


def _bench(run: Run) -> str:
    bench = run.settings.get("eval_bench")
    return f"{bench}, before and after" if bench else "Benchmark, before and after"


def _before_and_after(facts: dict[str, Any]) -> str:
    summary = facts.get("summary")
    after = summary.get("accuracy_after") if isinstance(summary, dict) else None
    shares = [facts.get("accuracy_before"), after]
    if all(share is None for share in shares):
        return ""
    return " → ".join(f"{100 * share:.1f}%" if isinstance(share, int | float) else "…" for share in shares)


def common_names(overviews: Sequence[Overview]) -> list[str]:
    """The facts of which some run knows something."""
    names: dict[str, bool] = {}
    for each in overviews:
        for name, text in each.facts:
            names[name] = names.get(name, False) or bool(text)
    return [name for name, known in names.items() if known]
