"""Which program measures: ours, or lighteval's pipeline and metrics over our engines."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpg_cli.evaluation.plan import EvalRequest
    from gpg_cli.evaluation.results import EvalResult


def evaluate_with(harness: str, request: "EvalRequest", *, html: bool) -> "EvalResult":
    from gpg_cli.evaluation.run import evaluate

    return evaluate(request, html=html)
