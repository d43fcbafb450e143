"""The live line on a real pseudo-terminal, looked at after each piece of output, and what a log gets instead."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.terminal import Terminal

PROGRAM = ["-m", "tests.live_program"]
TURNING = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
LIVE = re.compile(rf"^[{TURNING}] .*\b\d+/\d+")


def live_lines(screen: list[str]) -> list[str]:
    return [line for line in screen if line[:1] and line[0] in TURNING]


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (40, ["30/30", "reward 1.000", "accuracy 100.0%"]),
        (80, ["━", "30/30", "reward 1.000", "accuracy 100.0%", "valid 34/64", "39.5 s", "0:0"]),
        (120, ["training", "━", "30/30", "reward 1.000", "accuracy 100.0%", "valid 34/64", "39.5 s", "sampling 13%"]),
    ],
)
def test_a_line_of_any_width_has_the_most_important_first(columns: int, shown: list[str]) -> None:
    terminal = Terminal(columns).run([*PROGRAM, "30", "0.02"])
    last, result = terminal.shown
    assert result == "the result"
    assert last.startswith("✓ ")
    places = [last.find(part) for part in shown]
    assert -1 not in places, last
    assert places == sorted(places)
    assert len(last) < columns
    for screen in terminal.screens:
        for line in live_lines(screen):
            assert LIVE.match(line), line
            assert "…" not in line


@pytest.mark.parametrize("columns", [40, 80])
def test_it_is_never_empty_torn_or_there_twice_whoever_else_speaks(columns: int) -> None:
    terminal = Terminal(columns, 20).run([*PROGRAM, "40", "0.03", "noise"])
    begun = next(number for number, screen in enumerate(terminal.screens) if live_lines(screen))
    ended = next(number for number, screen in enumerate(terminal.screens) if any(line[:1] == "✓" for line in screen))
    for screen in terminal.screens[begun:ended]:
        lines = live_lines(screen)
        assert len(lines) == 1, screen
        assert screen[-1] == lines[0], screen
        assert LIVE.match(lines[0]), screen
    said = terminal.everything
    for step in range(1, 41):
        kind = ("said at", "printed at", "logged at", "", "a long one at")[step % 5]
        if kind:
            assert len(re.findall(rf"{kind} step {step}\b", "\n".join(said))) == 1, (step, said)
    assert sum("UserWarning: warned at step" in " ".join(said[i : i + 3]) for i in range(len(said))) >= 8
    assert said[-1] == "the result"
    assert len(live_lines(said)) == 0
    assert sum(line.startswith("✓") for line in said) == 1
    # The cursor was hidden meanwhile, and is back.
    assert terminal.output.rindex(b"\x1b[?25h") > terminal.output.rindex(b"\x1b[?25l")


def test_a_frame_is_written_over_the_last_one_and_erases_nothing() -> None:
    """A terminal that paints in the middle of a write shows no empty line."""
    terminal = Terminal(80).run([*PROGRAM, "20", "0.05"])
    frames = terminal.output.split(b"\r")[2:-2]
    assert len(frames) > 5
    assert not any(b"\x1b[2K" in frame or b"\x1b[K" in frame or b"\x1b[J" in frame for frame in frames)
    for screen in terminal.screens[2:]:
        assert screen, "the screen was empty"


def test_it_follows_a_window_that_is_made_narrower_and_wider() -> None:
    sizes = iter([(50, 10), (110, 20), (45, 30), (80, 40)])
    following = next(sizes)
    changed = [80]

    def drag(terminal: Terminal, chunk: bytes) -> None:
        nonlocal following
        columns, at = following
        found = re.search(r"(\d+)/60", " ".join(live_lines(terminal.shown)))
        if found and int(found[1]) >= at:
            terminal.resize(columns)
            changed.append(columns)
            following = next(sizes, (80, 99))

    terminal = Terminal(80).run([*PROGRAM, "60", "0.05"], drag)
    assert changed == [80, 50, 110, 45, 80]
    assert [line[:2] for line in terminal.shown] == ["✓ ", "th"]
    assert "60/60" in terminal.shown[0]
    assert not live_lines(terminal.everything)


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"CI": "true"}, {"TERM": "unknown"}])
def test_a_terminal_that_nobody_watches_gets_lines(environment: dict[str, str]) -> None:
    terminal = Terminal(100, **environment).run([*PROGRAM, "40", "0.0"])
    assert b"\r" not in terminal.output.replace(b"\r\n", b"\n")
    assert b"\x1b" not in terminal.output
    assert len([line for line in terminal.shown if line.startswith("step ")]) == 20


def test_without_colours_the_bar_can_still_be_read() -> None:
    terminal = Terminal(80, NO_COLOR="1").run([*PROGRAM, "10", "0.1"])
    assert not re.search(rb"\x1b\[[0-9;]*3[0-7]m", terminal.output)
    assert any(re.search("━─", line) for screen in terminal.screens for line in live_lines(screen))


@pytest.mark.parametrize("forced", ["", "1"])
def test_a_file_gets_a_line_now_and_then_and_no_escape_codes(tmp_path: Path, forced: str) -> None:
    log = tmp_path / "log"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "FORCE_COLOR": forced}
    with log.open("wb") as file:
        subprocess.run([sys.executable, *PROGRAM, "400", "0"], stdout=file, stderr=file, env=environment, check=True)
    lines = log.read_text().splitlines()
    steps = [line for line in lines if line.startswith("step ")]
    assert len(steps) == 20
    assert re.fullmatch(
        r"step 20/400  reward 0\.050  accuracy 5\.0%  valid 44/64  29\.5 s  sampling 17%  0:00 left", steps[0]
    )
    assert steps[-1].startswith("step 400/400  reward 1.000")
    assert "\x1b" not in "".join(steps)
