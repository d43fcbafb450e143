"""completions.jsonl of a run folder: some of what was sampled in each step, and what it earned.

One JSON object a completion, those of a step one after the other, those of a prompt side by side:

    {"step": 3, "row": 17, "sample": 2, "prompt": "...", "gold": "42", "completion": "...", "tokens": 21,
     "truncated": false, "accuracy": 1.0, "reward": 1.0, "rewards": {"accuracy": 1.0}, "advantage": 0.25,
     "group_rewards": [1.0, 0.0, 1.0, 1.0]}

`row` is the prompt's place in the training data, `sample` the completion's among those of the prompt, from 0.
`accuracy` is null where nothing was graded, a reward where a function said nothing, `advantage` where the group was not
trained on (there were enough others). `group_rewards` are those of all completions of the prompt in that step, this one
among them.
"""

from pathlib import Path
from typing import Any

from gpg_cli.data_file import read_json_lines
from gpg_cli.run_folder import COMPLETIONS_FILE


def read_completions(folder: Path) -> list[dict[str, Any]]:
    """All whole lines of completions.jsonl; none where the file is missing. A kill may cut the last line short.

    Raises:
        GpgError: a whole line is no JSON object.
    """
    path = folder / COMPLETIONS_FILE
    return read_json_lines(path, torn_end=True) if path.is_file() else []
