"""The one exception for what a user did or met, as opposed to a mistake of ours."""


class GpgError(Exception):
    """A failure that a user can mend.

    The command line prints it as two lines, what is wrong and what to do, and exits with code 2; a traceback is shown
    only with `--debug`.

    Args:
        message: what is wrong, naming the thing (a key, a file and its line, an option) and what was expected.
        hint: what to do about it, a command where there is one.
    """

    exit_code = 2

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}"


class Interrupted(GpgError):
    """The user broke off with Ctrl-C, and is told how to go on; the exit code is a shell's for that."""

    exit_code = 130
