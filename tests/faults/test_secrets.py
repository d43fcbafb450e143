"""Keys, tokens and passwords: planted wherever a person keeps them, and searched for in all that is left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Outcome
from tests.publishing.fake_hub import FakeHub

PLANTED = {
    "HF_TOKEN": FakeHub.token,
    "WANDB_API_KEY": "0123456789abcdef0123456789abcdef01234567",
    "OPENAI_API_KEY": "sk-proj-planted-planted-planted",
    "SOME_SERVICE_API_KEY": "of-no-known-form-at-all",
}
# In a command, a recipe or an address, and what `hf auth login` stores.
WRITTEN = {"stored": "hf_storedstoredstored", "password": "correct-horse-battery", "typed": "hf_typedtypedtyped"}
SECRETS = {name: value.encode() for name, value in (PLANTED | WRITTEN).items()}

TRAIN = ["train", "--preset", "quickstart", "--max-steps", "2", "--set", "save_strategy=steps", "--set", "save_steps=1"]
EVAL = ["eval", "--model", "run", "--bench", "quickstart", "--limit", "2", "--max-tokens", "4", "--html"]
QUICK = ["--set", "eval_bench=null"]


class Sessions:
    """Runs `gpg` in a folder with all secrets planted, and looks at what it says and leaves."""

    def __init__(self, folder: Path, hub_url: str) -> None:
        self.folder = folder
        self.commands = 0
        self._hub_url = hub_url
        (folder / "token").write_text(WRITTEN["stored"])
        host = hub_url.removeprefix("http://")
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"},
            **PLANTED,
            "HF_TOKEN_PATH": str(folder / "token"),
            "HF_HOME": str(folder / "hf"),
            "HF_ENDPOINT": f"http://me:{WRITTEN['password']}@{host}",
            "HF_HUB_DISABLE_XET": "1",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }

    def run(self, *arguments: str, kill_after_s: float | None = None, offline: bool = True) -> int:
        # httpx sends the login of an address instead of the token.
        environment = self.environment | ({"HF_HUB_OFFLINE": "1"} if offline else {"HF_ENDPOINT": self._hub_url})
        process = subprocess.Popen(
            [sys.executable, "-m", "gpg_cli", *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if kill_after_s is not None:
            time.sleep(kill_after_s)
            process.send_signal(signal.SIGKILL)
        said, _ = process.communicate()
        self.commands += 1
        self.search(said, " ".join(arguments)[:60])
        self.search_files()
        return process.returncode

    def search(self, content: bytes, where: str) -> None:
        for name, secret in SECRETS.items():
            assert secret not in content, f"{name} is in {where}"

    def search_files(self) -> None:
        for path in self.folder.rglob("*"):
            if path.is_file() and path.name not in ("token", "recipe.yaml"):
                self.search(path.read_bytes(), str(path))


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Sessions]:
    with FakeHub() as hub:
        yield Sessions(tmp_path, hub.url)


def test_a_command_and_its_failure_show_none(
    sessions: Sessions, gpg: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch, tally: Callable[[str, int], None]
) -> None:
    for name in (*PLANTED, "HF_TOKEN_PATH"):
        monkeypatch.setenv(name, sessions.environment[name])
    typed, password = WRITTEN["typed"], WRITTEN["password"]
    (sessions.folder / "recipe.yaml").write_text(f"base: quickstart\nrun_name: {typed}\n")
    address = f"https://me:{password}@example.invalid/v1"
    commands = [
        [*TRAIN, "--set", f"vllm_server_base_url={address}", "--dry-run"],
        [*TRAIN, "--set", "run_name=of-no-known-form-at-all", "--dry-run"],
        ["train", "--config", "recipe.yaml", "--debug"],
        ["eval", "--model", "nowhere/at-all", "--bench", "quickstart", "--base-url", address, "--debug"],
        ["eval", "--model", ".", "--bench", "quickstart", "--engine", "vllm", "--engine-arg", f"hf_token={typed}"],
        ["train", "--preset", typed, "--debug"],
        ["export", WRITTEN["stored"], "--to", "there", "--debug"],
        [*TRAIN, "--dataset", f"{address}/rows.jsonl", "--debug"],
    ]
    for command in commands:
        outcome = gpg(*command)
        assert outcome.code == 2, command
        sessions.search((outcome.out + outcome.err).encode(), " ".join(command))
    sessions.search_files()
    tally("commands with planted secrets", len(commands))


@pytest.mark.slow
def test_a_training_an_evaluation_and_an_export_leave_none(
    sessions: Sessions, tally: Callable[[str, int], None]
) -> None:
    hidden = ["--set", f"hub_token={WRITTEN['typed']}"]
    assert sessions.run(*TRAIN, *QUICK, *hidden, "--output-dir", "run") == 0
    assert sessions.run(*EVAL) == 0
    assert sessions.run("export", "run", "--repo-id", "me/model", "--to", "exported", offline=False) == 0
    assert sessions.run("env") == 0
    # Killed at some moment, and gone on with.
    sessions.run(*TRAIN, *QUICK, "--output-dir", "killed", "--max-steps", "50", kill_after_s=40)
    sessions.run("train", "--resume", "killed", "--max-steps", "3", "--debug")
    tally("commands with planted secrets", sessions.commands)
