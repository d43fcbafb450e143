"""Training is asked to stop, at any moment: it saves where there is something to save, and goes on to the same end."""

import random
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.faults import LONG
from tests.faults.training_runs import Fault, Training

# A process that has not begun with its first step, or has done its last, has nothing to save: a signal ends it at once.
_AT_ONCE = {signal.SIGTERM: -signal.SIGTERM, signal.SIGINT: 130}


@pytest.mark.parametrize(
    ("number", "times"),
    [
        (signal.SIGTERM, 1),
        pytest.param(signal.SIGTERM, 20, marks=LONG),
        pytest.param(signal.SIGINT, 8, marks=LONG),
    ],
)
def test_asked_to_stop(
    number: signal.Signals, times: int, whole_training: Training, tmp_path: Path, tally: Callable
) -> None:
    changes = whole_training.changes
    first_step, end = changes.index("run/metrics.jsonl") + 1, changes.index("run/reward.png.tmp") + 1
    for moment in random.Random(12).sample(range(1, len(changes) + 1), times):
        training = Training(tmp_path / str(moment), whole_training.command)
        ended = training.fork(whole_training.command, Fault(moment, [number]))
        if moment < first_step or moment >= end:
            assert ended.code in (0, _AT_ONCE[number]), (moment, ended)
        else:
            assert ended.code == 0, (moment, ended.said)
            assert f"{number.name}: finishing the step" in ended.said
            assert "gpg train --resume run" in ended.said or "Done." in ended.said
        ended = training.go_on()
        assert ended.code == 0, (moment, ended.said)
        training.assert_equals(whole_training)
    tally(f"trainings asked to stop by {number.name}", times)


@pytest.mark.parametrize(
    ("numbers", "code", "times"),
    [
        pytest.param([signal.SIGINT, signal.SIGINT], 130, 6, marks=LONG),
        pytest.param([signal.SIGTERM, signal.SIGTERM], 0, 2, marks=LONG),
        pytest.param([signal.SIGTERM, signal.SIGINT, signal.SIGINT], 130, 2, marks=LONG),
    ],
)
def test_asked_again_while_it_saves(
    numbers: Sequence[signal.Signals],
    code: int,
    times: int,
    whole_training: Training,
    tmp_path: Path,
    tally: Callable,
) -> None:
    """Ctrl-C once more stops at once; a scheduler may repeat itself."""
    changes = whole_training.changes
    inside = [place + 1 for place, path in enumerate(changes) if path.startswith("run/.checkpoint.tmp")]
    for moment in random.Random(13).sample(inside, times):
        training = Training(tmp_path / str(moment), whole_training.command)
        ended = training.fork(whole_training.command, Fault(moment, numbers))
        assert ended.code == code, (moment, ended)
        if code:
            hint = " ".join(["Go on from the last checkpoint, if there is one: gpg", *training.going_on])
            assert ended.said.endswith(f"Error: stopped at once\n{hint}\n")
        ended = training.go_on()
        assert ended.code == 0, (moment, ended.said)
        training.assert_equals(whole_training)
    tally("trainings asked to stop once more while they saved", times)
