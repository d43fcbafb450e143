"""What training is given of the other parts of the program, which it does not import: evaluation and publishing."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpg_cli.training.pushing import Publisher
    from gpg_cli.training.run import Benchmarks


def benchmarks() -> "Benchmarks":
    """What training is given to measure its model with, and to keep away from: the code of `gpg eval`."""
    from gpg_cli.evaluation.for_training import held_out, measure
    from gpg_cli.evaluation.questions import questions_at_hand
    from gpg_cli.training.run import Benchmarks

    return Benchmarks(questions=questions_at_hand, measure=measure, held_out=held_out)


def publisher() -> "Publisher":
    """What training is given to push with: `gpg export`."""
    from gpg_cli.publishing.for_training import check_push, export_arguments
    from gpg_cli.training.pushing import Publisher

    return Publisher(check_push, export_arguments)
