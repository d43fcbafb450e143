"""A training as its live line sees it, without a model: `python -m tests.live_program STEPS SECONDS [noise]`."""

import logging
import sys
import time
import warnings

from gpg_cli.console import say, stdout_on_stderr
from gpg_cli.live_line import LiveLine
from gpg_cli.training.step_facts import step_facts

STEPS, SECONDS, NOISE = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:] == ["noise"]
# Made before the line is there, as the libraries' are when they are imported.
logging.basicConfig(stream=sys.stderr, format="%(message)s")


def noise(step: int) -> None:
    if step % 5 == 0:
        say(f"[yellow]said at step {step}[/]")
    if step % 5 == 1:
        print(f"printed at step {step}")
    if step % 5 == 2:
        logging.getLogger("some.library").warning(f"logged at step {step}")
    if step % 5 == 3:
        warnings.warn(f"warned at step {step}", stacklevel=1)
    if step % 5 == 4:
        say(f"a long one at step {step}: " + "word " * 30 + "end")


with stdout_on_stderr(), LiveLine("training", unit="step", log_parts=20) as line:
    line.start(0, STEPS)
    for step in range(1, STEPS + 1):
        time.sleep(SECONDS)
        logs = {
            "reward": step / STEPS,
            "accuracy": step / STEPS,
            "groups/valid": 64.0 - step % 60,
            "groups/total": 64.0,
            "time/step": 9.5 + step,
            "time/generate": 5.0,
        }
        line.show(step, step_facts(logs))
        if NOISE:
            noise(step)
print("the result")
