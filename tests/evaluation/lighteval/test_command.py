"""`gpg eval --harness lighteval`, from the command line to the files."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gpg_cli.evaluation.engine import Completion, OnFinished, Request
from tests.conftest import Outcome, shared_data
from tests.evaluation.lighteval.conftest import PROBLEMS

Gpg = Callable[..., Outcome]

pytestmark = pytest.mark.usefixtures("lighteval")

# To `PROBLEMS`: three are right.
COMPLETIONS = [r"\boxed{2}", "It is 0.25", r"\boxed{5}", r"\boxed{-1, 1}"]


class ReadyAnswers:
    """An engine that has the completions already; they are finished last first."""

    def generate(self, requests: Sequence[Request], on_finished: OnFinished) -> None:
        for request in reversed(requests):
            on_finished(request, Completion(COMPLETIONS[request.index], 7, "stop"))

    def close(self) -> None:
        pass


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often an engine was started; it is `ReadyAnswers`."""
    found: list[int] = []

    @contextmanager
    def open_engine(*arguments: Any) -> Iterator[ReadyAnswers]:
        found.append(1)
        yield ReadyAnswers()

    monkeypatch.setattr("gpg_cli.evaluation.run.open_engine", open_engine)
    return found


def test_both_scores_and_all_files_come_out_of_one_start(
    gpg: Gpg, chat_model: Path, json_lines: Callable[..., Path], starts: list[int], tmp_path: Path
) -> None:
    data = json_lines(*PROBLEMS)
    command = ["eval", "--model", chat_model, "--bench", "math500", "--data", f"math500={data}", "--engine"]
    command += ["transformers", "--harness", "lighteval", "--output-dir", tmp_path / "out", "--json"]
    outcome = gpg(*command)
    assert (outcome.code, starts) == (0, [1])
    bench = outcome.json["benches"]["math500"]
    assert (bench["score"], bench["lighteval"]) == (75.0, 75.0)
    # Ours in lighteval's format, and lighteval's own.
    [ours], [theirs] = (tmp_path / "out").glob("results_*.json"), (tmp_path / "out" / "lighteval").iterdir()
    scores = [json.loads(path.read_text(encoding="utf-8"))["results"]["all"] for path in (ours, theirs)]
    assert scores[0] == pytest.approx(scores[1])
    assert ours.name == theirs.name

    # What is there is judged again, without an engine.
    again = gpg(*command)
    assert (again.code, starts) == (0, [1])
    assert again.json["benches"]["math500"]["lighteval"] == 75.0


def test_what_cannot_be_judged_is_told_before_a_model_loads(
    gpg: Gpg, chat_model: Path, starts: list[int], tmp_path: Path
) -> None:
    own = tmp_path / "letters.yaml"
    text = (Path(__file__).parents[3] / "evals" / "quickstart.yaml").read_text(encoding="utf-8")
    own.write_text(text.replace("rule: math-expr", "rule: exact"), encoding="utf-8")
    outcome = gpg("eval", "--model", chat_model, "--bench", own, "--harness", "lighteval")
    assert (outcome.code, starts) == (2, [])
    assert "lighteval has no metric like the rule exact of letters" in outcome.err


@pytest.mark.slow
def test_lighteval_counts_as_we_do_with_an_engine(gpg: Gpg, chat_model: Path, tmp_path: Path) -> None:
    # The model's context is too short for the protocol's prompt, so this is a benchmark file of one's own.
    own = tmp_path / "short.yaml"
    text = (Path(__file__).parents[3] / "evals" / "math500.yaml").read_text(encoding="utf-8")
    head, _, rest = text.partition("prompt: |-")
    own.write_text(head + 'prompt: "{problem}"\n' + rest[rest.index("# The model's own") :], encoding="utf-8")
    command = [
        "--bench",
        own,
        "--data",
        f"short={shared_data('math500.jsonl')}",
        "--max-tokens",
        "40",
        "--samples",
        "2",
    ]
    both_count(gpg, "--model", chat_model, *command)


@pytest.mark.slow
def test_lighteval_counts_as_we_do_with_a_real_model(gpg: Gpg, smollm2: Path) -> None:
    command = ["--bench", "math500", "--data", f"math500={shared_data('math500.jsonl')}", "--max-tokens", "48"]
    both_count(gpg, "--model", smollm2, *command)


def both_count(gpg: Gpg, *command: str | Path) -> None:
    outcome = gpg("eval", *command, "--limit", "5", "--engine", "transformers", "--harness", "lighteval", "--json")
    assert outcome.code == 0
    [bench] = outcome.json["benches"].values()
    assert (bench["problems"], sum(bench["verdicts"].values())) == (5, 5 * bench["sampling"]["n"])
    assert bench["lighteval"] == bench["score"]
