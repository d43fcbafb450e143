"""Which program asks and judges: ours, or lighteval's pipeline and metrics over our engines."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.benches import Bench
from gpg_cli.evaluation.journal import Sample
from gpg_cli.evaluation.prompting import Prepared
from gpg_cli.evaluation.record import Record
from gpg_cli.yaml_file import did_you_mean

OURS, LIGHTEVAL = "gpg", "lighteval"
HARNESSES = (OURS, LIGHTEVAL)


def check_harness(harness: str, benches: Iterable[Bench]) -> None:
    """Check that a harness exists, is installed, and can judge these benchmarks.

    Raises:
        GpgError: it does not, is not, or cannot.
    """
    if harness not in HARNESSES:
        raise GpgError(
            f"unknown harness {harness!r}", f"{did_you_mean(harness, HARNESSES)}There are: {', '.join(HARNESSES)}."
        )
    if harness == LIGHTEVAL:
        from gpg_cli.evaluation.lighteval_harness import check_lighteval

        check_lighteval(benches)


def judged_by_lighteval(
    prepared: Sequence[Prepared], make_samples: Callable[[], list[Sample]], record: Record, folder: Path | None
) -> dict[str, float]:
    """Let lighteval's pipeline ask and judge; its own results file is left in the folder.

    Args:
        make_samples: called once, from within the pipeline.

    Returns:
        Benchmark to lighteval's score, in [0, 1].
    """
    from gpg_cli.evaluation.lighteval_harness import lighteval_scores, run_lighteval

    return lighteval_scores(run_lighteval(prepared, make_samples, record, folder), record)
