"""`--harness lighteval`: lighteval's pipeline and metric over our data, prompts and engines."""

import inspect
import json
import random
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.benches import load_bench
from gpg_cli.evaluation.engine import EngineOptions
from gpg_cli.evaluation.engines import open_engine
from gpg_cli.evaluation.journal import Journal, Sample
from gpg_cli.evaluation.lighteval_harness import check_lighteval, run_lighteval
from gpg_cli.evaluation.model_text import load_model_text
from gpg_cli.evaluation.plan import EvalRequest, check
from gpg_cli.evaluation.prompting import Prepared, prepare
from gpg_cli.evaluation.record import Record, make_record
from gpg_cli.evaluation.sampling import sample_all, still_wanted
from tests.conftest import shared_data
from tests.evaluation.samples import changed

TRANSFORMERS = EngineOptions("transformers")
PROBLEMS = [
    {"problem": "1+1?", "solution": r"It is $\boxed{2}$."},
    {"problem": "1/4?", "solution": r"It is $\boxed{\frac{1}{4}}$."},
    {"problem": "2+2?", "solution": r"It is $\boxed{4}$."},
    {"problem": "Roots of x^2=1?", "solution": r"They are $\boxed{1,-1}$."},
]


@pytest.fixture
def lighteval() -> Any:
    return pytest.importorskip("lighteval", reason="needs the extra lighteval")


@dataclass(frozen=True)
class Asked:
    """An evaluation up to where it would sample."""

    prepared: list[Prepared]
    record: Record

    def samples(self, completions: Iterable[str], **values: Any) -> list[Sample]:
        """Samples with these completions, in the order of the problems, those of one problem together."""
        keys = [
            (item.planned.bench.name, problem.index, number)
            for item in self.prepared
            for problem in item.planned.problems.problems
            for number in range(self.record.samples)
        ]
        return [
            changed(bench=bench, index=index, number=number, completion=text, **values)
            for (bench, index, number), text in zip(keys, completions, strict=False)
        ]

    def run(self, sample: Callable[[], Iterable[Sample]], folder: Path | None = None) -> dict[str, Any]:
        return run_lighteval(self.prepared, sample, self.record, folder)


@pytest.fixture
def asked(chat_model: Path, json_lines: Callable[..., Path]) -> Callable[..., Asked]:
    """An evaluation of math500 with four problems of ours, and what else is named."""

    def make(*benches: str, model: Path = chat_model, files: dict[str, Path] | None = None, **values: Any) -> Asked:
        files = files or {"math500": json_lines(*PROBLEMS)}
        request = EvalRequest(str(model), list(benches) or ["math500"], files, engine=TRANSFORMERS, **values)
        plan = check(request)
        prepared = [prepare(planned, load_model_text(str(model))) for planned in plan.benches]
        return Asked(prepared, make_record(plan, prepared, request.engine))

    return make


def our_own(asked: Asked, model: Path) -> list[Sample]:
    """All samples, from the transformers engine."""
    wanted = still_wanted(asked.prepared, asked.record.samples, asked.record.seed, [])
    with open_engine(TRANSFORMERS, str(model), load_model_text(str(model)), 2048) as engine:
        return sample_all(wanted, engine, Journal(None), lambda sample: None)


@pytest.mark.usefixtures("lighteval")
def test_lighteval_scores_our_completions_and_writes_its_results_file(
    asked: Callable[..., Asked], tmp_path: Path
) -> None:
    evaluation = asked()
    samples = evaluation.samples([r"\boxed{2}", "It is 0.25", r"\boxed{5}", r"\boxed{-1, 1}"])
    results = evaluation.run(lambda: samples, tmp_path)
    assert results["results"]["gpg:math500|0"]["extractive_match"] == 0.75
    assert results["results"]["all"]["extractive_match"] == 0.75
    assert results["config_general"]["model_config"]["engine"] == "transformers"
    assert results["config_general"]["max_samples"] is None
    [file] = (tmp_path / "lighteval").iterdir()
    assert file.name == f"results_{evaluation.record.created.removesuffix('Z').replace(':', '-')}.json"
    assert json.loads(file.read_text(encoding="utf-8")) == results


@pytest.mark.usefixtures("lighteval")
def test_it_asks_our_prompts_in_one_go(asked: Callable[..., Asked], json_lines: Callable[..., Path]) -> None:
    files = {"math500": json_lines(*PROBLEMS), "gsm8k": json_lines({"question": "3+4?", "answer": "#### 7"}, name="g")}
    evaluation = asked("math500", "gsm8k", files=files, limit=3)
    calls = []

    def sample() -> list[Sample]:
        calls.append(1)
        return evaluation.samples([r"\boxed{2}", r"\boxed{0.25}", r"\boxed{4}", r"\boxed{8}"])

    results = evaluation.run(sample)
    assert calls == [1]
    assert list(results["results"]) == ["gpg:math500|0", "gpg:gsm8k|0", "gpg:_average|0", "all"]
    assert results["results"]["gpg:math500|0"]["extractive_match"] == 1.0
    assert results["results"]["gpg:gsm8k|0"]["extractive_match"] == 0.0
    assert results["config_general"]["max_samples"] == 3
    ours = {f"gpg:{name}|0": bench.query_hash for name, bench in evaluation.record.benches.items()}
    assert {task: each["hashes"]["hash_examples"] for task, each in results["summary_tasks"].items()} == ours


@pytest.mark.usefixtures("lighteval")
def test_the_completions_of_a_problem_are_averaged(asked: Callable[..., Asked]) -> None:
    evaluation = asked(samples=2, limit=2)
    samples = evaluation.samples([r"\boxed{2}", r"\boxed{3}", r"\boxed{1/4}", r"\boxed{0.25}"])
    # In whatever order they were finished.
    results = evaluation.run(lambda: samples[::-1])
    assert results["results"]["gpg:math500|0"]["avg@n:n=2"] == 0.75


@pytest.mark.usefixtures("lighteval")
def test_reasoning_is_judged_with_the_answer_as_in_the_published_protocol(asked: Callable[..., Asked]) -> None:
    evaluation = asked(limit=1)
    samples = evaluation.samples(["<think>\\boxed{2}</think> I am done."])
    assert evaluation.run(lambda: samples)["results"]["gpg:math500|0"]["extractive_match"] == 1.0


@pytest.mark.usefixtures("lighteval")
def test_nothing_is_downloaded(asked: Callable[..., Asked], monkeypatch: pytest.MonkeyPatch) -> None:
    evaluation = asked()

    def refuse(*arguments: Any) -> None:
        raise AssertionError(f"a connection to {arguments[1:]}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert evaluation.run(lambda: evaluation.samples(["?"] * 4))["results"]["all"]["extractive_match"] == 0.0


@pytest.mark.usefixtures("lighteval")
def test_lighteval_and_the_random_state_are_afterwards_as_they_were(
    asked: Callable[..., Asked], capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    import numpy as np
    from lighteval.tasks.lighteval_task import LightevalTask
    from lighteval.tasks.registry import Registry

    def state() -> list[Any]:
        hooks = [Registry.load_all_task_configs, LightevalTask.download_dataset_worker]
        return [*hooks, random.getstate(), np.random.get_state()[1].tolist()]

    evaluation = asked()
    random.random()
    before = state()
    capfd.readouterr()
    evaluation.run(lambda: evaluation.samples(["?"] * 4))
    assert state() == before
    assert capfd.readouterr() == ("", "")
    # No folder, no file: the only one here is the data of the test.
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


@pytest.mark.usefixtures("lighteval")
def test_what_an_engine_fails_with_comes_through(asked: Callable[..., Asked]) -> None:
    def fail() -> list[Sample]:
        raise GpgError("the engine died", "Run the same command again.")

    with pytest.raises(GpgError, match="the engine died"):
        asked().run(fail)


@pytest.mark.usefixtures("lighteval")
def test_a_missing_sample_is_named(asked: Callable[..., Asked]) -> None:
    evaluation = asked()
    with pytest.raises(GpgError, match="math500: problem 3 has no completion"):
        evaluation.run(lambda: [sample for sample in evaluation.samples(["?"] * 4) if sample.index != 2])


@pytest.mark.usefixtures("lighteval")
def test_outside_the_main_thread_it_refuses_instead_of_calling_every_answer_wrong(asked: Callable[..., Asked]) -> None:
    evaluation, errors = asked(), []

    def run() -> None:
        try:
            evaluation.run(lambda: evaluation.samples([r"\boxed{2}"] * 4))
        except RuntimeError as error:
            errors.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert errors == ["lighteval's metrics need the main thread: elsewhere they call every answer wrong"]


@pytest.mark.usefixtures("lighteval")
def test_the_hooks_of_lighteval_are_those_of_0_13() -> None:
    from lighteval.pipeline import Pipeline
    from lighteval.tasks.lighteval_task import LightevalTask
    from lighteval.tasks.registry import Registry

    assert list(inspect.signature(Registry.load_all_task_configs).parameters) == ["custom_tasks", "load_multilingual"]
    assert list(inspect.signature(LightevalTask.download_dataset_worker).parameters) == ["task"]
    assert "self.model._cache._init_registry(self.registry)" in inspect.getsource(Pipeline.__init__)


def test_without_lighteval_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    with pytest.raises(GpgError, match="which is not installed") as error:
        check_lighteval([])
    assert error.value.hint == 'pip install "gpg-cli[lighteval]"'


@pytest.mark.parametrize(
    ("versions", "message"),
    [
        ({"lighteval": "0.12.3", "xxhash": "3.8.2"}, "needs lighteval 0.13, and 0.12.3 is installed"),
        ({"lighteval": "0.13.0", "xxhash": "4.0.0"}, "does not work with xxhash 4"),
    ],
)
def test_versions_it_was_not_made_for_are_refused(
    monkeypatch: pytest.MonkeyPatch, versions: dict[str, str], message: str
) -> None:
    monkeypatch.setattr(metadata, "version", versions.__getitem__)
    with pytest.raises(GpgError, match=message):
        check_lighteval([])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rule": "exact"}, "no metric like the rule exact of math500"),
        ({"name": "a|b"}, "cannot name a task 'a|b'"),
    ],
)
def test_what_lighteval_cannot_judge_or_name_is_refused(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], message: str
) -> None:
    monkeypatch.setattr(metadata, "version", {"lighteval": "0.13.0", "xxhash": "3.8.2"}.__getitem__)
    with pytest.raises(GpgError, match=message):
        check_lighteval([load_bench("aime24"), load_bench("math500").model_copy(update=changes)])


@pytest.mark.slow
@pytest.mark.usefixtures("lighteval")
def test_with_a_tiny_model_and_an_engine_it_counts_as_we_do(
    asked: Callable[..., Asked], chat_model: Path, tmp_path: Path
) -> None:
    # Its context is too short for the protocol's prompt, so this is a benchmark file of one's own.
    own = tmp_path / "short.yaml"
    text = (Path(__file__).parents[3] / "evals" / "math500.yaml").read_text(encoding="utf-8")
    head, _, rest = text.partition("prompt: |-")
    own.write_text(head + 'prompt: "{problem}"\n' + rest[rest.index("# The model's own") :], encoding="utf-8")
    evaluation = asked(str(own), files={"short": shared_data("math500.jsonl")}, limit=5, max_tokens=40)
    agree_on(evaluation, chat_model, "gpg:short|0", problems=5)


@pytest.mark.slow
@pytest.mark.usefixtures("lighteval")
def test_with_a_real_model_it_counts_as_we_do(asked: Callable[..., Asked], smollm2: Path) -> None:
    files = {"gsm8k": shared_data("gsm8k_test.jsonl")}
    evaluation = asked("gsm8k", model=smollm2, files=files, limit=5, max_tokens=160, temperature=0.0)
    agree_on(evaluation, smollm2, "gpg:gsm8k|0", problems=5)


def agree_on(evaluation: Asked, model: Path, task: str, problems: int) -> None:
    made: list[Sample] = []
    results = evaluation.run(lambda: made.extend(our_own(evaluation, model)) or made)
    assert len(made) == problems
    right = sum(sample.verdict == "correct" for sample in made)
    assert results["results"][task]["extractive_match"] == pytest.approx(right / problems)
    # The same model, had it found the answer to the first problem: both notice.
    gold = made[0].gold if isinstance(made[0].gold, str) else made[0].gold[0]
    lucky = [replace(made[0], completion=f"$\\boxed{{{gold}}}$" if "boxed" not in gold else gold), *made[1:]]
    more = evaluation.run(lambda: lucky)["results"][task]["extractive_match"]
    assert more == pytest.approx((right + (made[0].verdict != "correct")) / problems)
