"""`python -m gpg_cli`, the same as `gpg-cli`."""

from gpg_cli.cli import main

main()
