"""What the program writes: results alone on stdout, and nothing from outside is an order to a terminal."""

import errno
import io
import json
import subprocess
import sys

import pytest
from rich.markup import escape
from rich.progress import Progress

from gpg_cli import console
from gpg_cli.console import print_json, say, table, visible

# Colour, title, clipboard (OSC 52), a hyperlink, the whole screen cleared, an 8-bit CSI, bell and backspace.
ORDERS = [
    "\x1b[31m",
    "\x1b]0;title\x07",
    "\x1b]52;c;cm0gLXJm\x07",
    "\x1b]8;;http://example.invalid\x1b\\",
    "\x1b[2J",
    "\x9b31m",
    "\x07",
    "a\x08b",
    "a\rb",
    "\x7f",
    "\u202etxt.exe",
]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """A terminal without colours: any escape character on it is somebody else's."""
    monkeypatch.setenv("TERM", "xterm")
    shown = io.StringIO()
    made = type(console.messages)(file=shown, highlight=False, force_terminal=True, color_system=None, width=200)
    for name in ("messages", "results"):
        monkeypatch.setattr(console, name, made)
    return shown


@pytest.mark.parametrize("order", ORDERS)
def test_orders_to_a_terminal_are_shown_and_not_given(terminal: io.StringIO, order: str) -> None:
    say(escape(order))
    console.messages.print(order, markup=False)
    listing = table(escape(order), title=escape(order))
    listing.add_row(escape(order))
    console.results.print(listing)
    try:
        raise ValueError(order)
    except ValueError:
        console.messages.print_exception()
    assert not set(terminal.getvalue()) & set("\x1b\x07\x08\x7f\x9b\u202e\r")
    assert order not in visible(order)


def test_progress_gives_none_of_a_description(terminal: io.StringIO) -> None:
    with Progress(console=console.messages) as progress:
        progress.add_task(escape("\x1b]0;title\x07 \x1b[31m"), total=1)
    assert "\x1b]0" not in terminal.getvalue()
    assert "\x1b[31m" not in terminal.getvalue()


def test_brackets_that_are_no_markup_are_shown(terminal: io.StringIO) -> None:
    say("a folder named [/strange]")
    assert "a folder named [/strange]" in terminal.getvalue()


def test_lines_on_a_terminal_end_between_words_and_a_path_stays_whole(terminal: io.StringIO) -> None:
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    path = "/a/very/long/path" * 20
    say("word " * 60 + f"[bold]{path}[/] and more\n\n[yellow]end[/]")
    lines = terminal.getvalue().splitlines()
    assert [len(line) for line in lines[:2]] == [199, 99]
    assert lines[2:] == [path, "and more", "", "end"]


def test_json_says_the_same_without_what_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({order: [order, "é 数", "\ud800"] for order in ORDERS})
    out = capsys.readouterr().out
    assert "é 数" in out
    assert not set(out) & set("\x1b\x07\x08\x7f\x9b\u202e\r")
    assert json.loads(out) == {order: [order, "é 数", "\ud800"] for order in ORDERS}


PROGRAM = """
import subprocess, sys
from gpg_cli.console import stdout_on_stderr
held = sys.stdout
print("before")
with stdout_on_stderr():
    print("printed")
    print("by one who holds the stream", file=held)
    subprocess.run(["echo", "by a child"], check=True)
print("after")
"""


def test_what_is_printed_meanwhile_goes_to_stderr_whoever_prints() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout == "before\nafter\n"
    assert sorted(done.stderr.splitlines()) == ["by a child", "by one who holds the stream", "printed"]


@pytest.mark.parametrize(
    "error", [BrokenPipeError(errno.EPIPE, "Broken pipe"), OSError(errno.EIO, "Input/output error")]
)
def test_nobody_who_reads_messages_is_no_reason_to_stop(monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise error

    monkeypatch.setattr(sys, "stderr", Closed())
    say("step 3 of 4")
