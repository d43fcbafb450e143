"""The command that goes on with a run, as it stands in hints and summaries."""

import shlex
from pathlib import Path

from gpg_cli.errors import GpgError
from gpg_cli.rewards import own_reward_file
from gpg_cli.run_folder import RUN_FILE, read_json


def resume_command(run: Path) -> str:
    """`gpg train --resume RUN`, with the reward files that it may run only where they are named again.

    See gpg_cli/training/reward_files.py. A run that cannot be read is named without any.
    """
    try:
        settings = read_json(run / RUN_FILE).get("settings")
    except (GpgError, OSError):
        settings = None
    asked = settings.get("reward_funcs") if isinstance(settings, dict) else None
    specs = [spec for spec in asked if isinstance(spec, str)] if isinstance(asked, list) else []
    files = dict.fromkeys(str(file) for file in map(own_reward_file, specs) if file is not None)
    named = "".join(f" --reward-file {shlex.quote(file)}" for file in files)
    return f"gpg train --resume {shlex.quote(str(run))}{named}"
