"""What stands in the tables of the page: published scores beside ours, groups, how it was sampled. Pure functions."""

from dataclasses import dataclass

from gpg_cli.evaluation.journal import SAMPLES_FILE, Sample
from gpg_cli.evaluation.page.browser import longest_completion
from gpg_cli.evaluation.page.folder import Group, MaskScores, Results
from gpg_cli.evaluation.published import Against, against_bench, against_suite
from gpg_cli.page.samples import ends_with_number, natural


@dataclass(frozen=True)
class Beside:
    """One published score beside ours, in percent; `within` says whether the difference can be chance (95%)."""

    published: float
    difference: float
    within: bool


@dataclass(frozen=True)
class PublishedTable:
    """Rows of published scores; a cell is None where nothing was published.

    Attributes:
        columns: (title, our score) of each benchmark, then of each suite.
        rows: model -> its cells.
    """

    columns: list[tuple[str, float]]
    rows: dict[str, list[Beside | None]]


def published_table(results: Results) -> PublishedTable:
    """Every published row with something to compare; its average only where it has all of a suite's benchmarks."""
    benches = results.benches
    columns = [(bench.title, bench.score) for bench in benches.values()]
    columns += [(f"{name} average", suite.score) for name, suite in results.suites.items()]
    rows: dict[str, list[Beside | None]] = {}
    for row in dict.fromkeys(row for bench in benches.values() for row in bench.published):
        found = {
            name: against_bench(bench.score, bench.interval, row, bench.published[row], bench.available)
            for name, bench in benches.items()
            # Of some of the problems alone nothing was published.
            if row in bench.published and bench.problems == bench.available
        }
        cells = [_beside(found.get(name)) for name in benches]
        for suite in results.suites.values():
            whole = found.keys() >= set(suite.benches)
            average = against_suite(suite.score, [found[name] for name in suite.benches], row) if whole else None
            cells.append(_beside(average))
        if any(cells):
            rows[row] = cells
    return PublishedTable(columns, rows)


def _beside(against: Against | None) -> Beside | None:
    return None if against is None else Beside(against.score, against.difference, against.is_noise)


def ordered_groups(groups: dict[str, Group]) -> dict[str, Group]:
    """Levels by their number, names from the best score to the worst."""
    if all(map(ends_with_number, groups)):
        return dict(sorted(groups.items(), key=lambda item: natural(item[0])))
    return dict(sorted(groups.items(), key=lambda item: (-item[1].score, item[0])))


def pass_ks(results: Results) -> list[str]:
    """Every k of which some benchmark has a pass@k; none where each problem was sampled once."""
    ks = sorted({k for bench in results.benches.values() for k in bench.pass_at}, key=natural)
    return ks if len(ks) > 1 else []


def common_sampling(results: Results) -> dict[str, object] | None:
    """How all benchmarks were sampled; None where they differ."""
    settings = [bench.sampling for bench in results.benches.values()]
    return settings[0] if settings and all(setting == settings[0] for setting in settings) else None


def notes(results: Results, samples: list[Sample]) -> list[str]:
    """What a reader must know before the numbers: other samples than the scores were made of, texts cut short."""
    sentences = []
    for name, bench in results.benches.items():
        expected = sum(bench.verdicts.values())
        stored = sum(sample.bench == name for sample in samples)
        if stored != expected:
            sentences.append(f"{bench.title}: the scores are those of {expected} samples, the folder holds {stored}.")
    if any(bench.problems < bench.available for bench in results.benches.values()):
        sentences.append("Only some of the problems were asked: such numbers are not compared with published ones.")
    sentences += [_masks(bench.title, bench.masks) for bench in results.benches.values() if bench.masks is not None]
    longest = longest_completion(samples)
    if longest is not None:
        sentences.append(
            f"Of long completions only the last {longest:,} characters are here; all of them are in {SAMPLES_FILE}."
        )
    return sentences


def _masks(title: str, masks: MaskScores) -> str:
    definitions = (("first polygon, as published", masks.first_polygon), ("as LISA defines it", masks.official))
    scores = [
        f"gIoU {each.giou:.1f} and cIoU {each.ciou:.1f} of {each.pictures} pictures ({name})"
        for name, each in definitions
        if each.giou is not None and each.ciou is not None
    ]
    return f"{title}, masks by {masks.segmenter}: {'; '.join(scores) or 'no picture counts'}."
