"""The card's section on what the model cannot do and what nobody knows of it, as far as its facts tell."""

from collections.abc import Iterable

from gpg_cli.publishing.facts import RunFacts
from gpg_cli.publishing.markdown import code, inline
from gpg_cli.publishing.names import hub_id, public_name
from gpg_cli.publishing.scores import BenchScore
from gpg_cli.quickstart_pictures import QUICKSTART_VISION
from gpg_cli.quickstart_task import QUICKSTART

_TOYS = (QUICKSTART, QUICKSTART_VISION)


def limitations(facts: RunFacts | None, scores: list[BenchScore]) -> str:
    """The section's text, a list; empty for a model of which nothing is known."""
    if facts is None:
        return ""
    return "\n".join(f"- {sentence}" for sentence in _sentences(facts, scores))


def _sentences(facts: RunFacts, scores: list[BenchScore]) -> Iterable[str]:
    if facts.model in _TOYS:
        yield "A toy, made to try the tool out: it does nothing but its one task."
    if facts.dataset and facts.dataset not in _TOYS:
        known = "see its card for their language and origin" if hub_id(facts.dataset) else "not published here"
        data = inline(public_name(facts.dataset))
        yield f"Trained on the problems of one data set, {data} ({known}); on others it may gain nothing, or lose."
    yield from _rewards(facts)
    longest = facts.settings.get("max_completion_length")
    if isinstance(longest, int):
        yield f"Trained on completions of at most {longest} tokens: it learned nothing about longer ones."
    if facts.all_steps and facts.steps and facts.steps < facts.all_steps:
        yield f"A checkpoint on the way, after {facts.steps} of {facts.all_steps} steps."
    if scores:
        titles = ", ".join(inline(score.title) for score in scores)
        yield f"Measured on {titles} only. The intervals say what the choice of problems allows for, and no more."
        if not all(score.is_whole for score in scores):
            yield "A score of the first problems of a benchmark is not comparable with published ones."
    elif not facts.curve and not facts.accuracy:
        yield "Not measured on any benchmark."
    if facts.model not in _TOYS:
        yield "It was not tested for safety, bias or truthfulness beyond what is written here."


def _rewards(facts: RunFacts) -> Iterable[str]:
    named = facts.settings.get("reward_funcs")
    names = [named] if isinstance(named, str) else named if isinstance(named, list) else []
    if not names:
        return
    shown = ", ".join(code(name) for name in names)
    who = f"the function {shown}, which looks" if len(names) == 1 else f"the functions {shown}, which look"
    yield (
        f"Rewarded by {who} at a completion's text and final answer: the reasoning before it was not supervised, and "
        "may be wrong where the answer is right."
    )
