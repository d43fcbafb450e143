"""`gpg eval --html`: an evaluation as one HTML file that needs no network."""

from gpg_cli.evaluation.page.write import write_page

__all__ = ["write_page"]
