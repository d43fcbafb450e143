"""What all tests share: no network, a cache folder of their own, tiny models, and the command line as a function."""

import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Read by the libraries when they are imported.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"

import pytest

from tests.faults.tally import pytest_terminal_summary, tally  # noqa: F401
from tests.page.browser import chromium  # noqa: F401

# What a shell starts in the background ignores Ctrl-C, and so would every process that the tests of it start.
signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@dataclass(frozen=True)
class Outcome:
    """What one call of the command line did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error_lines(self) -> list[str]:
        return self.err.strip().splitlines()


@pytest.fixture
def gpg(capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """`gpg("train", "--preset", "quickstart")`: the command line in this process."""
    from gpg_cli.cli import main

    def call(*arguments: str | Path) -> Outcome:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Outcome(int(ended.value.code or 0), out, err)

    return call


@pytest.fixture(autouse=True)
def _away_from_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test works in an empty folder, so that a stray runs/ never lands in the checkout."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def untrained_quickstart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random Qwen2 of 0.3 million parameters, without a chat template: the quickstart's, untrained."""
    from gpg_cli.training.quickstart import make_model, make_tokenizer

    folder = tmp_path_factory.mktemp("tiny_model")
    tokenizer = make_tokenizer()
    make_model(tokenizer, seed=0).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_model(untrained_quickstart: Path) -> Path:
    """What most tests take for a model; those of publishing have another one, in bfloat16 and with a chat template."""
    return untrained_quickstart


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """SmolLM2-135M-Instruct, whose folder GPG_TEST_SMOLLM2 names; the test is skipped where there is none."""
    folder = Path(os.environ.get("GPG_TEST_SMOLLM2", "not set"))
    if not (folder / "config.json").is_file():
        pytest.skip("needs the folder of SmolLM2-135M-Instruct in the environment variable GPG_TEST_SMOLLM2")
    return folder


@pytest.fixture
def json_lines(tmp_path: Path) -> Callable[..., Path]:
    """`json_lines({"problem": ...}, ...)`: a data file with these rows."""

    def write(*rows: Any, name: str = "rows.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


def shared_data(name: str) -> Path:
    """A file of real benchmark data beside the checkout; the test is skipped where it is missing."""
    path = SHARED_DATA / name
    if not path.is_file():
        pytest.skip(f"needs {name} in shared/data beside the checkout")
    return path


@pytest.fixture(scope="session")
def needs_torchvision() -> None:
    """Image processors need torchvision; the test is skipped where it is missing or does not fit this torch."""
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError, OSError):
        pytest.skip("needs torchvision, which image processors use")


@pytest.fixture(scope="session")
def tiny_qwen2_vl(tmp_path_factory: pytest.TempPathFactory, needs_torchvision: None) -> Path:
    """A folder with a random Qwen2-VL of 0.3 million parameters, its processor and a chat template."""
    from tests.vision.models import save_tiny_vision_model

    return save_tiny_vision_model(tmp_path_factory.mktemp("tiny_qwen2_vl"))


@pytest.fixture(scope="session")
def tiny_qwen2_5_vl(tmp_path_factory: pytest.TempPathFactory, needs_torchvision: None) -> Path:
    """The same as a Qwen2.5-VL."""
    from tests.vision.models import save_tiny_vision_model

    return save_tiny_vision_model(tmp_path_factory.mktemp("tiny_qwen2_5_vl"), "qwen2_5_vl")
