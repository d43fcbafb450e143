"""Training is killed, at any moment: going on, it ends with what an uninterrupted run leaves, bit for bit."""

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults import LONG
from tests.faults.training_runs import Fault, Training

NUMBERS = [2, pytest.param(20, marks=LONG)]


@pytest.mark.parametrize("kills", NUMBERS)
def test_killed_when_the_run_folder_changes(
    kills: int, whole_training: Training, tmp_path: Path, tally: Callable
) -> None:
    """Each kill meets a run of its own, in the middle of writing something: half of what is written is checkpoints."""
    moments = random.Random(8).sample(range(1, len(whole_training.changes) + 1), kills)
    for moment in moments:
        training = Training(tmp_path / str(moment), whole_training.command)
        assert training.fork(whole_training.command, Fault(moment, [signal.SIGKILL])).code == -signal.SIGKILL
        ended = training.go_on()
        assert ended.code == 0, (moment, ended.said)
        training.assert_equals(whole_training)
    inside = sum("checkpoint" in whole_training.changes[moment - 1] for moment in moments)
    tally("trainings killed while their folder changed", kills)
    tally("trainings killed while their folder changed: a checkpoint was written, put in place or deleted", inside)


@pytest.mark.parametrize("kills", [pytest.param(20, marks=LONG)])
def test_killed_again_and_again(kills: int, whole_training: Training, tmp_path: Path, tally: Callable) -> None:
    """Now one run meets a kill whenever it goes on, until it comes to its end; then another."""
    chosen = random.Random(9)
    done = ended_runs = 0
    while done < kills:
        training = Training(tmp_path / str(ended_runs), whole_training.command)
        ended = training.fork(whole_training.command, Fault(chosen.randint(1, 40), [signal.SIGKILL]))
        while ended.code == -signal.SIGKILL:
            done += 1
            ended = training.go_on(Fault(chosen.randint(1, 40), [signal.SIGKILL]) if done < kills else None)
        assert ended.code == 0, ended.said
        training.assert_equals(whole_training)
        ended_runs += 1
    tally("trainings killed again and again, whenever they went on", done)


@pytest.mark.parametrize("kills", [pytest.param(10, marks=LONG)])
def test_killed_in_the_middle_of_a_file(kills: int, whole_training: Training, tmp_path: Path, tally: Callable) -> None:
    """The kernel kills who writes more than so many bytes into one file: weights and optimiser are cut anywhere."""
    chosen = random.Random(10)
    largest = max(path.stat().st_size for path in whole_training.run.glob("checkpoint-*/*"))
    for kill in range(kills):
        training = Training(tmp_path / str(kill), whole_training.command)
        fault = Fault(chosen.randint(8, 55), largest_file=chosen.randrange(largest))
        ended = training.fork(whole_training.command, fault)
        assert ended.code == -signal.SIGXFSZ, (fault, ended)
        ended = training.go_on()
        assert ended.code == 0, (fault, ended.said)
        training.assert_equals(whole_training)
    tally("trainings killed in the middle of a file", kills)


@pytest.mark.parametrize("kills", [pytest.param(5, marks=LONG)])
def test_the_command_itself_killed_at_any_time(
    kills: int, whole_training: Training, tmp_path: Path, tally: Callable
) -> None:
    """From the first import to the last file, by the clock."""
    chosen = random.Random(11)
    started = time.monotonic()
    assert Training(tmp_path / "timed", whole_training.command).start(whole_training.command).wait() == 0
    lasts_s = time.monotonic() - started
    for kill in range(kills):
        training = Training(tmp_path / str(kill), whole_training.command)
        process = training.start(whole_training.command)
        time.sleep(chosen.uniform(0, lasts_s))
        process.kill()
        process.wait()
        ended = training.go_on()
        # A user who resumes what has ended, or never began, is told so or gets the same again.
        assert ended.code == 0, ended.said
        training.assert_equals(whole_training)
    tally("commands killed at any time, imports included", kills)
