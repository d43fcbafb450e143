"""Every command of the pages is executed, or says what it needs and is then parsed, options and settings included."""

import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Outcome

from .option_check import check_line
from .pages import PAGES, ROOT, Block, read_blocks

WITH_RUNS = [page for page in PAGES if any(block.kind == "run" for block in read_blocks(page))]


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", WITH_RUNS, ids=_name)
def test_the_commands_of_a_page_do_what_it_says(page: Path, gpg: Callable[..., Outcome], tmp_path: Path) -> None:
    printed = ""
    for block in read_blocks(page):
        where = f"{_name(page)}:{block.line}"
        if block.title is not None:
            (tmp_path / block.title).write_text(block.text, encoding="utf-8")
        if block.language == "python" and block.title:
            exec(compile(block.text, where, "exec"), {})
        if block.kind == "run":
            printed = _run(block, gpg, tmp_path, where)
        elif block.kind == "prints":
            wanted = [_plain(line) for line in block.text.splitlines() if line.strip()]
            assert not [line for line in wanted if line not in _plain(printed)], f"{where}\n{printed}"


def _run(block: Block, gpg: Callable[..., Outcome], folder: Path, where: str) -> str:
    """Execute a block; returns what it printed."""
    printed = []
    for words in block.statements:
        if words[0] != "gpg":
            done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{where}: {words}\n{done.stderr}"
            printed.append(done.stdout)
            continue
        more = block.detail.split() if words[1] == "train" else []
        outcome = gpg(*words[1:], *more)
        assert outcome.code == 0, f"{where}: {words}\n{outcome.err}"
        printed.append(outcome.out + outcome.err)
    return "\n".join(printed)


def _plain(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_what_a_page_cannot_execute_says_why_and_names_what_exists(
    page: Path, gpg: Callable[..., Outcome], tmp_path: Path
) -> None:
    for block in read_blocks(page):
        where = f"{_name(page)}:{block.line}"
        if block.title is not None:
            (tmp_path / block.title).write_text(block.text, encoding="utf-8")
        if block.language == "bash":
            assert block.kind == "run" or (block.kind == "needs" and block.detail), f"{where}: run, or needs what?"
        if block.kind != "needs":
            continue
        for words in block.statements:
            if words[0] != "gpg":
                continue
            if words[1:4] == ["train", "--preset", "quickstart"]:
                outcome = gpg(*words[1:], "--dry-run")
                assert outcome.code == 0, f"{where}: {words}\n{outcome.err}"
            else:
                check_line(words[1:])


def test_a_page_cannot_name_what_does_not_exist() -> None:
    for line in (
        ["eval", "--models", "x", "--bench", "math"],
        ["train", "--preset", "open-rs1", "--set", "scale_reward=none"],
        ["train", "--preset", "open-rs1", "--learning_rates", "1e-6"],
        ["train", "--preset", "open-rs9"],
    ):
        with pytest.raises(Exception, match=r"(?i)no such option|unknown"):
            check_line(line)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_messages_are_those_of_the_program(page: Path) -> None:
    for block in read_blocks(page):
        if block.kind == "message":
            source = re.sub(r'"\s*\n\s*f?"', "", (ROOT / block.detail).read_text(encoding="utf-8"))
            pieces = [
                piece.strip() for line in block.text.splitlines() for piece in line.removeprefix("Error:").split("…")
            ]
            assert not [piece for piece in pieces if piece not in source], f"{_name(page)}:{block.line}"


def test_extras_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    named = {
        extra
        for page in PAGES
        for found in re.findall(r"\.\[([\w,]+)\]", page.read_text(encoding="utf-8"))
        for extra in found.split(",")
    }
    assert named <= set(extras)


def test_files_that_are_named_exist() -> None:
    """Paths of the repository in backticks; those of a run's folder or of examples on a page are others."""
    folders = ("gpg_cli/", "presets/", "evals/", "tests/", "benchmarks/", "docs/")
    named = {
        word
        for page in PAGES
        for word in re.findall(r"`([\w./-]+)`", page.read_text(encoding="utf-8"))
        if word.startswith(folders) and "NAME" not in word
    }
    assert len(named) > 10
    assert not [word for word in named if not (ROOT / word).exists()]
