"""`gpg env` on the command line: parse, delegate, print."""

from gpg_cli.cli_options import JsonOption
from gpg_cli.command_errors import explains_errors


@explains_errors
def env(json: JsonOption = False) -> None:
    """Show versions, devices and likely problems, on one screen: what a bug report needs. No network, no token."""
    from gpg_cli.environment.facts import look_around
    from gpg_cli.environment.problems import find_problems
    from gpg_cli.report_environment import show_environment

    found = look_around()
    show_environment(found, find_problems(found), as_json=json)
