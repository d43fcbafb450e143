"""The live line of an evaluation, on a real pseudo-terminal."""

from tests.terminal import Terminal

PROGRAM = """
import time
from gpg_cli.console import say
from gpg_cli.evaluation.progress import watching
with watching("sampling", 60, done=20, right=5.0, shown=True) as count:
    for sample in range(40):
        time.sleep(0.03)
        count(float(sample % 2))
        if sample == 20:
            say("said in the middle")
"""


def test_it_counts_what_was_there_before_and_shows_the_share_that_is_right() -> None:
    for columns in (40, 80):
        terminal = Terminal(columns).run(["-c", PROGRAM])
        assert terminal.code == 0
        said, last = terminal.shown
        assert said == "said in the middle"
        assert "60/60  41.7% correct" in last
        assert ("sampling" in last) == (columns == 80)
        counts = [line for screen in terminal.screens for line in screen if "/60" in line]
        assert all(line.startswith(("⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏", "✓")) for line in counts)
        assert "20/60" in counts[0]
