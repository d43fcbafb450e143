"""`gpg report`: runs as one HTML file that needs no network: curves, settings, scores, completions."""

from gpg_cli.run_page.write import write_report

__all__ = ["write_report"]
