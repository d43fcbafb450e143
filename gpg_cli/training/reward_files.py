"""Which files of Python a run may start for its rewards: only those that its user has named.

A recipe and a run folder may come from a stranger, and a reward `python:rewards.py:shorter` in them is code that they
want to be run. Naming it on the command line is naming it: `--set reward_funcs=...`, `--reward_funcs ...`, or
`--reward-file rewards.py` for one that a recipe or a run asks for. Beyond that, a recipe that is named with --config
may use files that lie in its own folder; a preset, and a run that goes on, may use none. What is run is said.
"""

from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape

from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.rewards import own_reward_file
from gpg_cli.training.launch import is_started_by_us, process_rank
from gpg_cli.training.settings import Settings

OPTION = "--reward-file"


def check_reward_files(settings: Settings, recipe: Path | None, named: Sequence[Path], resumed: Path | None) -> None:
    """Refuse to run a file that nobody named, and say which are run.

    Args:
        recipe: the file that --config named.
        named: files that --reward-file named.
        resumed: the run folder, where a run goes on.

    Raises:
        GpgError: a preset, a recipe or a run asks for a file that may not be run; or a named one is not there.
    """
    for path in named:
        if not path.expanduser().is_file():
            raise GpgError(f"{OPTION}: there is no file {path}", "Check the path.")
    place = settings.places.get("reward_funcs", "")
    asked = [file for file in map(own_reward_file, settings.run.reward_funcs) if file is not None]
    allowed = {path.expanduser().resolve() for path in named}
    for file in dict.fromkeys(asked):
        if not (place.startswith("--") or file.resolve() in allowed or _is_beside(file, recipe, place)):
            who = f"the run {resumed}" if resumed and place == "run.json" else place
            raise GpgError(
                f"{who} asks to run the code in {file}, for a reward",
                f"Read it; if it may run: {OPTION} {file}",
            )
        if file.is_file() and process_rank() == 0 and not is_started_by_us():
            say(f"Runs the code in {escape(str(file))}, which {escape(place or 'the run')} names for a reward.")


def _is_beside(file: Path, recipe: Path | None, place: str) -> bool:
    """Whether the recipe of the user asks for it, and it lies in that recipe's folder, or below."""
    if recipe is None or not (place == str(recipe) or place.startswith(f"{recipe}:")):
        return False
    return file.resolve().is_relative_to(recipe.expanduser().resolve().parent)
