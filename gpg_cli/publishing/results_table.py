"""The card's results: each measured score beside the published ones, and how it was measured."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from gpg_cli.published_rows import rows_beside_trained
from gpg_cli.publishing.facts import RunFacts
from gpg_cli.publishing.markdown import inline, table
from gpg_cli.publishing.names import public_name
from gpg_cli.publishing.scores import BenchScore
from gpg_cli.run_folder import REWARD_PICTURE

# Of gold masks, as results.json names their definitions; published numbers are by the first.
_MASKS = {"first_polygon": "as published", "official": "as LISA defines it"}


@dataclass(frozen=True)
class Line:
    """One row of the table: a benchmark, one of its groups, its masks, or the mean of a suite; all in percent."""

    name: str
    score: float
    interval: Sequence[float] | None = None
    published: dict[str, float] = field(default_factory=dict)


def results(facts: RunFacts | None, scores: list[BenchScore]) -> str:
    """The section's text; empty where nothing was measured."""
    parts = []
    if scores:
        parts += [_table(facts, scores), f"How it was measured:\n\n{_how(scores)}"]
    if facts and facts.accuracy:
        before, after = (f"{100 * share:.1f}%" for share in facts.accuracy)
        parts.append(f"Accuracy on the training task's held-out problems: {before} before, {after} after.")
    measured = {score.bench for score in scores}
    for bench, share in facts.curve.items() if facts else ():
        if bench not in measured:
            which = f"the first {facts.curve_problems} problems" if facts and facts.curve_problems else "its problems"
            parts.append(f"{inline(bench)}, measured while training, on {which}: {100 * share:.1f}%.")
    if facts and facts.picture:
        parts.append(f"![Reward over the steps of the training]({REWARD_PICTURE})")
    return "\n\n".join(parts)


def _table(facts: RunFacts | None, scores: list[BenchScore]) -> str:
    lines = [line for score in scores for line in _lines(score)] + list(_suites(scores))
    base = public_name(facts.model) if facts and facts.model else None
    wanted = rows_beside_trained(base, [line.published for line in lines])
    rows = [row for row in dict.fromkeys(wanted) if any(row in line.published for line in lines)]
    header = ["Benchmark", "This model, %", "95% interval", *(inline(row) for row in rows)]
    shown = table(header, [_row(line, rows) for line in lines])
    if not rows:
        return shown
    columns = "The other column is a published score" if len(rows) == 1 else "The other columns are published scores"
    return f"{shown}\n\n{columns}, one sample a problem, not measured here; – where none was published."


def _row(line: Line, rows: list[str]) -> list[str]:
    interval = f"{line.interval[0]:.1f} to {line.interval[1]:.1f}" if line.interval else ""
    return [line.name, f"{line.score:.1f}", interval, *(_published(line.published.get(row)) for row in rows)]


def _published(score: float | None) -> str:
    # As many decimals as were published; of a mean, one.
    if score is None:
        return "–"
    return f"{score:.2f}" if round(score, 1) != score == round(score, 2) else f"{score:.1f}"


def _lines(score: BenchScore) -> Iterator[Line]:
    title = inline(score.title)
    if not score.is_whole:
        yield Line(f"{title}, first {score.problems} of {score.available} problems", score.score, score.interval)
        return
    named = title if score.metric == "accuracy" else f"{title} ({inline(score.metric)})"
    yield Line(named, score.score, score.interval, score.published)
    for key, groups in _dict(score.entry.get("published_groups")).items():
        measured = _dict(_dict(score.entry.get("groups")).get(key))
        for value, published in _dict(groups).items():
            found = _dict(measured.get(value)).get("score")
            if isinstance(found, int | float):
                yield Line(f"{title}: {inline(value)}", found, None, _dict(published))
    masks = _dict(score.entry.get("masks"))
    for definition, meaning in _MASKS.items():
        found = _dict(masks.get(definition))
        for key, shown in (("giou", "gIoU"), ("ciou", "cIoU")):
            if isinstance(found.get(key), int | float):
                # Published were gIoU by the first definition alone.
                is_published = (definition, key) == ("first_polygon", "giou")
                published = _dict(score.entry.get("published_masks")) if is_published else {}
                yield Line(f"{title}: {shown} of masks, {meaning}", found[key], None, published)


def _suites(scores: list[BenchScore]) -> Iterator[Line]:
    """The mean of each suite whose benchmarks all come from one evaluation of whole benchmarks."""
    by_name = {score.bench: score for score in scores}
    for name, suite in {name: suite for score in scores for name, suite in score.suites.items()}.items():
        benches, mean = _dict(suite).get("benches"), _dict(suite).get("score")
        members = [by_name.get(str(bench)) for bench in benches] if isinstance(benches, list) else []
        found = [each for each in members if each is not None and each.is_whole and each.suites.get(name) == suite]
        if not found or len(found) < len(members) or not isinstance(mean, int | float):
            continue
        known = [row for row in found[0].published if all(row in each.published for each in found)]
        published = {row: round(fmean(each.published[row] for each in found), 1) for row in known}
        title = f"Mean of the {len(found)} benchmarks of {inline(name)}"
        yield Line(title, mean, _interval(suite.get("interval")), published)


def _how(scores: list[BenchScore]) -> str:
    """A list: what was asked and how the answers were sampled, one item for all that were sampled alike."""
    alike: dict[str, list[str]] = {}
    for score in scores:
        alike.setdefault(inline(", ".join(_manner(score))), []).append(inline(score.title) + _counts(score))
    return "\n".join(f"- {', '.join(names)}{f': {how}' if how else ''}" for how, names in alike.items())


def _manner(score: BenchScore) -> list[str]:
    samples = score.sampling.get("n")
    return [
        *([f"{samples} samples of each problem"] if isinstance(samples, int) and samples > 1 else []),
        *sampling_words(score),
        *([f"engine {score.engine}"] if score.engine else []),
        *(["data from a local file"] if score.from_local_file else []),
    ]


def _counts(score: BenchScore) -> str:
    samples = score.sampling.get("n")
    asked = score.problems * (samples if isinstance(samples, int) else 1)
    if not asked:
        return ""
    return f" ({asked} answers)" if score.correct is None else f" ({score.correct:g} of {asked} answers right)"


def sampling_words(score: BenchScore) -> list[str]:
    """The settings of the sampling that are known, such as `temperature 0.6`; the number of samples is left out."""
    names = {"temperature": "temperature", "top_p": "top_p", "max_tokens": "at most %s tokens"}
    words = []
    for key, name in names.items():
        value = score.sampling.get(key)
        if isinstance(value, int | float) and not (key == "top_p" and value == 1):
            words.append(name % value if "%s" in name else f"{name} {value:g}")
    return words


def _interval(value: Any) -> Sequence[float] | None:
    are_numbers = isinstance(value, list) and len(value) == 2 and all(isinstance(each, int | float) for each in value)
    return value if are_numbers else None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
