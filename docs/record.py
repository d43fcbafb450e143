"""Record a command on a real pseudo-terminal as an animated SVG: python docs/record.py

Draws docs/pictures/quickstart.svg for the README; run the quickstart once before, so that its model is there. What a
terminal emulator (pyte, of the extra `test`) shows at each moment becomes a frame; the frames stand in a column that
CSS moves by one at a time. So the picture works as an image on a page that allows no script and no font of its own.
Needs Linux or macOS.
"""

import argparse
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pyte

CHECKOUT = Path(__file__).parents[1]
PICTURE = CHECKOUT / "docs" / "pictures" / "quickstart.svg"
COLUMNS, LINES = 80, 18
# Played in so many seconds; the last frame stays so long, and none is shorter than this.
PLAYED_S, LAST_S, FRAME_S = 18.0, 7.0, 0.15

CELL_WIDTH, LINE_HEIGHT, FONT_SIZE, MARGIN, BAR = 8.4, 18, 14, 14, 30
BACKGROUND, FOREGROUND = "#16181d", "#d6d9e0"
COLOURS = {"green": "#7fc97f", "cyan": "#6cc7d8", "brown": "#e0b45c", "red": "#e57373", "brightblack": "#767d8c"}


@dataclass(frozen=True)
class Frame:
    """What is on the screen, one SVG `tspan` list a line, from a moment on, in seconds."""

    lines: tuple[str, ...]
    at: float


class Screen(pyte.Screen):
    """pyte's, which has no faint letters: they are shown in grey."""

    def select_graphic_rendition(self, *attributes: int, **kwargs: Any) -> None:
        super().select_graphic_rendition(*(90 if each == 2 else each for each in attributes), **kwargs)


def record(command: list[str], typed: str, folder: Path) -> list[Frame]:
    """Run a command and keep what the screen shows.

    Args:
        typed: what a person would type for it, shown as the first line.
    """
    screen = Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    stream.feed(f"\x1b[32m$\x1b[0m {typed}\r\n".encode())
    frames = [Frame(drawn(screen), 0.0)]
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    removed = ("CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")
    kept = {name: value for name, value in os.environ.items() if name not in removed}
    process = subprocess.Popen(
        command,
        **dict.fromkeys(("stdin", "stdout", "stderr"), its),
        cwd=folder,
        start_new_session=True,
        env=kept | {"TERM": "xterm-256color", "PYTHONPATH": str(CHECKOUT)},
    )
    os.close(its)
    started = time.monotonic()
    while True:
        select.select([ours], [], [])
        try:
            output = os.read(ours, 65536)
        except OSError:  # it has ended
            break
        if not output:
            break
        stream.feed(output)
        shown = drawn(screen)
        if shown != frames[-1].lines:
            frames.append(Frame(shown, time.monotonic() - started))
    if process.wait():
        sys.exit(f"the command ended with exit code {process.returncode}: {screen.display}")
    return frames


def drawn(screen: pyte.Screen) -> tuple[str, ...]:
    """The screen's lines as SVG, letters of one look together."""
    return tuple(_line(screen.buffer[number], screen.columns) for number in range(screen.lines))


def _line(cells: Any, columns: int) -> str:
    runs: list[tuple[tuple[str, bool], int, str]] = []
    for column in range(columns):
        cell = cells[column]
        look = (cell.fg, cell.bold)
        if runs and runs[-1][0] == look:
            runs[-1] = (look, runs[-1][1], runs[-1][2] + cell.data)
        else:
            runs.append((look, column, cell.data))
    spans = []
    for number, ((colour, bold), column, text) in enumerate(runs):
        last = number == len(runs) - 1
        text = text.rstrip() if last else text
        if not text.strip():
            continue
        style = f' fill="{COLOURS[colour]}"' if colour in COLOURS else ""
        weight = ' font-weight="bold"' if bold else ""
        # Placed by column and stretched to its cells, whatever font is there.
        shown = text.rstrip()
        spans.append(
            f'<tspan x="{column * CELL_WIDTH:.1f}" textLength="{len(shown) * CELL_WIDTH:.1f}"{style}{weight}>'
            f"{escape(shown)}</tspan>"
        )
    return "".join(spans)


def played(frames: list[Frame]) -> list[Frame]:
    """The same in `PLAYED_S` seconds, and at most one frame every `FRAME_S`: the last of those that fall into it."""
    faster = PLAYED_S / max(frame.at for frame in frames)
    kept = {int(frame.at * faster / FRAME_S): frame for frame in frames}
    return [Frame(frame.lines, number * FRAME_S) for number, frame in kept.items()]


def svg(frames: list[Frame], title: str) -> str:
    """One picture: each line once, frames that point at lines, and a film of them that moves in jumps."""
    seconds = frames[-1].at + LAST_S
    numbers = {line: number for number, line in enumerate(dict.fromkeys(line for f in frames for line in f.lines))}
    width = COLUMNS * CELL_WIDTH + 2 * MARGIN
    inner = LINES * LINE_HEIGHT
    height = inner + BAR + MARGIN
    lines = "".join(f'<text id="l{number}">{line}</text>\n' for line, number in numbers.items() if line)
    film = []
    for place, frame in enumerate(frames):
        uses = "".join(
            f'<use href="#l{numbers[line]}" y="{place * inner + (row + 1) * LINE_HEIGHT - 5}"/>'
            for row, line in enumerate(frame.lines)
            if line
        )
        film.append(f"<g>{uses}</g>\n")
    jumps = "".join(
        f"{frame.at / seconds:.3%}{{transform:translateY({-place * inner}px)}}" for place, frame in enumerate(frames)
    )
    end = f"translateY({-(len(frames) - 1) * inner}px)"
    dots = "".join(
        f'<circle cx="{MARGIN + 5 + 18 * number}" cy="15" r="5" fill="{colour}"/>'
        for number, colour in enumerate(("#e57373", "#e0b45c", "#7fc97f"))
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}"
 height="{height}" role="img" aria-label="{escape(title)}">
<title>{escape(title)}</title>
<style>
text{{font:{FONT_SIZE}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:{FOREGROUND};
white-space:pre}}
.film{{transform:{end};animation:film {seconds:.2f}s step-end infinite}}
@keyframes film{{{jumps}100%{{transform:{end}}}}}
@media (prefers-reduced-motion:reduce){{.film{{animation:none}}}}
</style>
<defs>
{lines}</defs>
<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>
{dots}
<svg x="{MARGIN}" y="{BAR}" width="{COLUMNS * CELL_WIDTH:.0f}" height="{inner}" overflow="hidden">
<g class="film">
{"".join(film)}</g>
</svg>
</svg>
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=PICTURE)
    to = parser.parse_args().to
    arguments = ["train", "--preset", "quickstart", "--output-dir", "runs/quickstart"]
    with tempfile.TemporaryDirectory() as folder:
        frames = played(
            record([sys.executable, "-m", "gpg_cli", *arguments], f"gpg {' '.join(arguments)}", Path(folder))
        )
    title = "gpg train --preset quickstart on a CPU, played faster than it ran"
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(svg(frames, title), encoding="utf-8")
    print(f"{to}: {len(frames)} frames, {to.stat().st_size / 1000:.0f} kB, {frames[-1].at + LAST_S:.0f} s")


if __name__ == "__main__":
    main()
