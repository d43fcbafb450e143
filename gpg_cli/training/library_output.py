"""Where the libraries under a training may write."""

import contextlib
from collections.abc import Iterator

from gpg_cli.console import stdout_on_stderr


@contextlib.contextmanager
def library_output_on_stderr() -> Iterator[None]:
    """Keep stdout for results: what libraries print meanwhile goes to stderr, and their progress bars nowhere."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        with stdout_on_stderr():
            yield
    finally:
        if shown:
            logging.enable_progress_bar()
