"""Names of open-r1's rewards for programs, which are refused here, because they run what a model wrote."""

from gpg_cli.errors import GpgError

_PROGRAM_REWARDS = ("binary_code", "cf_code", "code", "code_format", "ioi_code")


def refuse_program_reward(name: str) -> None:
    """Say why a reward for programs is missing.

    Raises:
        GpgError: `name` is one of them.
    """
    if name in _PROGRAM_REWARDS:
        raise GpgError(
            f"the reward {name!r} is for programs, which have to be run in a sandbox; gpg has none and runs nothing "
            "that a model wrote",
            "Write a reward that calls a sandbox of yours, and name it: reward_funcs: [python:FILE.py:FUNCTION].",
        )
