"""Beside the real GnuPG: what is not ours reaches it unchanged."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gpg_cli import __version__, entry, gnupg
from gpg_cli.commands import COMMANDS

BIN = Path(sys.executable).parent
OURS = BIN / "gpg"
GNUPG = next((str(gpg) for gpg in [gnupg.find_gnupg()] if gpg), None)
KEY = "Tester <tester@example.org>"

needs_script = pytest.mark.skipif(not OURS.is_file(), reason="the console script is not installed: pip install -e .")
needs_gnupg = pytest.mark.skipif(GNUPG is None, reason="GnuPG is not installed")
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

pytestmark = needs_script

Run = Callable[..., subprocess.CompletedProcess[bytes]]


def call(*command: str | Path, **options: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([str(part) for part in command], capture_output=True, timeout=60, **options)  # type: ignore


def make_gpg(folder: Path, text: str) -> Path:
    """An executable script called gpg in a new folder."""
    folder.mkdir(parents=True)
    script = folder / "gpg"
    script.write_text(text)
    script.chmod(0o755)
    return script


@pytest.fixture(scope="module")
def keyring() -> Iterator[dict[str, str]]:
    """The environment of a person with our `gpg` first on PATH and one key without a passphrase."""
    # The agent's sockets lie in it, and a socket's path may have 107 bytes at most: pytest's own folders are too long.
    with tempfile.TemporaryDirectory(prefix="gpg", dir="/tmp") as home:
        environment = {
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "HOME": home,
            "GNUPGHOME": home,
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        options = ["--batch", "--passphrase", "", "--quick-generate-key", KEY, "default", "default", "never"]
        made = call(OURS, *options, env=environment)
        assert made.returncode == 0, made.stderr
        yield environment
        call("gpgconf", "--kill", "all", env=environment)


@pytest.fixture
def as_person(keyring: dict[str, str]) -> Run:
    """Run a command as that person."""
    return lambda *command, **options: call(*command, env=keyring, **options)


@needs_gnupg
@needs_git
def test_git_signs_a_commit_and_verifies_it(as_person: Run, tmp_path: Path) -> None:
    as_person("git", "init", tmp_path)
    # Git asks for the key of this very name and address.
    identity = ["-c", "user.name=Tester", "-c", "user.email=tester@example.org"]
    signed = as_person("git", "-C", tmp_path, *identity, "commit", "-S", "--allow-empty", "-m", "signed")
    verified = as_person("git", "-C", tmp_path, "verify-commit", "HEAD")
    assert signed.returncode == 0, signed.stderr
    assert verified.returncode == 0, verified.stderr
    assert b"Good signature" in verified.stderr


@needs_gnupg
def test_a_secret_goes_through_a_pipe_and_back(as_person: Run) -> None:
    secret = bytes(range(256)) * 1000
    encrypted = as_person("gpg", "--batch", "--trust-model", "always", "--encrypt", "-r", KEY, input=secret)
    decrypted = as_person("gpg", "--batch", "--decrypt", input=encrypted.stdout)
    assert encrypted.stdout != secret
    assert decrypted.stdout == secret


@needs_gnupg
def test_stdout_stderr_and_exit_code_are_gnupgs_own(as_person: Run) -> None:
    through_us = as_person(OURS, "--batch", "--decrypt", input=b"garbage")
    directly = as_person(GNUPG, "--batch", "--decrypt", input=b"garbage")
    assert directly.returncode not in (0, 1)
    assert through_us.returncode == directly.returncode
    assert (through_us.stdout, through_us.stderr) == (directly.stdout, directly.stderr)


@needs_gnupg
def test_an_inherited_status_descriptor_is_written_to(as_person: Run) -> None:
    reading, writing = os.pipe()
    signed = as_person("gpg", f"--status-fd={writing}", "--clearsign", input=b"hello", pass_fds=[writing])
    os.close(writing)
    with open(reading, "rb") as statuses:
        assert b"[GNUPG:] SIG_CREATED" in statuses.read()
    assert signed.returncode == 0


@needs_gnupg
def test_the_way_through_us_costs_little(as_person: Run) -> None:
    def median_seconds(program: str | Path) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            as_person(program, "--list-keys")
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    assert GNUPG is not None
    # An interpreter's start takes 0.03 s here; rich and typer would add 0.1 s, torch 2 s.
    assert median_seconds(OURS) - median_seconds(GNUPG) < 0.25


def test_gnupg_gets_default_signals_and_its_arguments_unchanged(tmp_path: Path) -> None:
    report = make_gpg(tmp_path / "bin", '#!/bin/sh\ngrep SigIgn /proc/self/status\nprintf "%s|" "$@"\n')
    if not Path("/proc/self/status").exists():
        pytest.skip("asks /proc which signals are ignored")
    out = call(OURS, "--sign", "a b", "", "ü", env={"PATH": f"{report.parent}:/usr/bin:/bin"}).stdout.decode()
    ignored = int(out.split()[1], 16)
    sigpipe, sigxfsz = 1 << 12, 1 << 24
    assert not ignored & sigpipe
    assert not ignored & sigxfsz
    assert out.endswith("\n--sign|a b||ü|")


def test_environments_on_path_do_not_call_each_other_for_ever(tmp_path: Path) -> None:
    first, second = (make_gpg(tmp_path / name, OURS.read_text()) for name in ("one", "two"))
    found = call(first, "--list-keys", env={"PATH": f"{BIN}:{first.parent}:{second.parent}"})
    assert found.returncode == 2
    assert b"no GnuPG is on PATH" in found.stderr


def test_shims_that_come_back_to_us_are_tried_once_each(tmp_path: Path) -> None:
    text = f'#!/bin/sh\necho "shim $0" >&2\nexec {OURS} "$@"\n'
    shims = [make_gpg(tmp_path / name, text).parent for name in ("pyenv", "asdf")]
    real = make_gpg(tmp_path / "real", '#!/bin/sh\necho "real $*"\n').parent
    found = call(OURS, "--sign", env={"PATH": f"{shims[0]}:{shims[1]}:{real}"})
    assert found.stdout == b"real --sign\n"
    assert found.stderr.count(b"shim /") == 2


def test_relative_folders_and_files_without_the_executable_bit_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_gpg(tmp_path / "near", "#!/bin/sh\n")
    make_gpg(tmp_path / "plain", "#!/bin/sh\n").chmod(0o644)
    real = make_gpg(tmp_path / "real", "#!/bin/sh\n")
    monkeypatch.chdir(tmp_path / "near")
    monkeypatch.setenv("PATH", os.pathsep.join(["", ".", "../near", str(tmp_path / "plain"), str(real.parent)]))
    assert gnupg.find_gnupg() == real


@pytest.mark.parametrize(
    ("arguments", "ours"),
    [
        ([], True),
        (["--help"], True),
        (["--version"], True),
        (["train", "--preset", "open-rs1"], True),
        (["export"], True),
        (["--version", "--batch"], False),
        (["--help", "train"], False),
        (["--list-keys"], False),
        (["-bsau", "KEY"], False),
        (["message.gpg"], False),
    ],
)
def test_only_our_commands_are_ours(arguments: list[str], ours: bool) -> None:
    assert entry.is_ours(arguments) is ours


def test_version_names_ours_and_where_gnupg_is(tmp_path: Path) -> None:
    real = make_gpg(tmp_path / "real", "#!/bin/sh\n")
    with_gnupg = call(OURS, "--version", env={"PATH": str(real.parent)})
    without = call(OURS, "--version", env={"PATH": str(tmp_path)})
    assert with_gnupg.stdout.decode() == f"gpg-cli {__version__}\nGnuPG: {real}\n"
    assert without.stdout.decode() == f"gpg-cli {__version__}\nGnuPG: not found on PATH\n"


def test_without_gnupg_a_typing_error_is_answered_with_the_nearest_command(tmp_path: Path) -> None:
    answer = call(OURS, "trian", env={"PATH": str(tmp_path)})
    assert answer.returncode == 2
    assert answer.stdout == b""
    what, hint = answer.stderr.decode().splitlines()
    assert what == "Error: 'trian' is no command of gpg-cli, and no GnuPG is on PATH"
    assert "Did you mean train?" in hint


def test_a_gnupg_that_cannot_start_is_named(tmp_path: Path) -> None:
    broken = make_gpg(tmp_path / "bin", "#!/no/such/interpreter\n")
    answer = call(OURS, "--sign", env={"PATH": str(broken.parent)})
    assert answer.returncode == 2
    assert f"cannot start GnuPG at {broken}" in answer.stderr.decode()


def test_the_decision_imports_nothing_heavy() -> None:
    code = "import sys, gpg_cli.gnupg; print([m for m in ('typer', 'rich', 'yaml', 'torch') if m in sys.modules])"
    assert call(sys.executable, "-c", code).stdout == b"[]\n"


def test_the_commands_are_those_of_the_typer_app() -> None:
    import typer

    from gpg_cli.cli import app

    assert sorted(COMMANDS) == sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
