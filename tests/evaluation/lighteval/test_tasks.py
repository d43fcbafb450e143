"""Our benchmarks as lighteval's tasks: the same questions, the metric of the published protocol."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpg_cli.data_file import read_json_lines
from gpg_cli.evaluation.prompting import prompt_hash
from tests.conftest import shared_data
from tests.evaluation.test_prompting import PUBLISHED

pytest.importorskip("lighteval", reason="needs the extra lighteval")

NAMES = ["aime24", "aime25", "amc23", "gsm8k", "math500", "minerva", "olympiadbench"]
TASKS_FILE = Path(__file__).parents[3] / "gpg_cli" / "evaluation" / "lighteval_tasks.py"


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """lighteval's registry with our file, as its option --custom-tasks makes it; without lighteval's own tasks, one of
    which downloads a file when it is imported."""
    from lighteval.tasks.registry import Registry

    monkeypatch.setattr(Registry, "_load_from_files", staticmethod(lambda files, prefix: {}))
    monkeypatch.setattr(Registry, "_load_from_subdirs", staticmethod(lambda subdirs: {}))
    return lambda tasks: Registry(tasks=tasks, custom_tasks=TASKS_FILE)


def docs_of(task: str, rows: list[dict[str, Any]]) -> list[Any]:
    """A benchmark's questions, as lighteval makes them of its data."""
    from lighteval.tasks.lighteval_task import LightevalTask

    from gpg_cli.evaluation.lighteval_tasks import TASKS_TABLE

    config = next(each for each in TASKS_TABLE if each.name == task)
    made = LightevalTask(config)
    made.dataset = {config.evaluation_splits[0]: rows}
    return made.get_docs()


def test_every_benchmark_on_the_hub_is_a_task_of_the_custom_tasks_file(registry: Callable[[str], Any]) -> None:
    assert list(registry("gpg:math500|0").load_tasks()) == ["gpg:math500|0"]
    assert sorted(registry("gpg|0").load_tasks()) == [f"gpg:{name}|0" for name in NAMES]


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_the_questions_are_those_of_the_published_logs(name: str) -> None:
    docs = docs_of(f"gpg:{name}", read_json_lines(shared_data(f"{name}.jsonl")))
    assert prompt_hash(doc.query for doc in docs) == PUBLISHED[name][0]


def test_golds_are_those_of_our_loader() -> None:
    rows = [{"question": "1+1?", "answer": "One and one.\n#### 2"}]
    assert docs_of("gpg:gsm8k", rows)[0].get_golds() == ["2"]
    rows = [{"question": "Roots?", "answer": ["$1$", "$2$"]}]
    assert docs_of("gpg:olympiadbench", rows)[0].get_golds() == ["$1$", "$2$"]


def test_the_metric_is_that_of_the_published_protocol() -> None:
    from gpg_cli.evaluation.lighteval_tasks import metric

    latex, expression = (metric(rule).sample_level_fn for rule in ("math-latex", "math-expr"))
    for match in (latex, expression):
        assert (match.precision, match.fallback_mode, match.extraction_mode) == (5, "first_match", "any_match")
        assert match.aggregation_function is max
        assert [type(target).__name__ for target in match.pred_extraction_target] == [
            "ExprExtractionConfig",
            "LatexExtractionConfig",
        ]
        assert match.pred_extraction_target[1].boxed_match_priority == 0
    assert [type(target).__name__ for target in latex.gold_extraction_target] == ["LatexExtractionConfig"]
    assert [type(target).__name__ for target in expression.gold_extraction_target] == ["ExprExtractionConfig"]


def test_several_samples_are_averaged() -> None:
    from lighteval.models.model_output import ModelResponse
    from lighteval.tasks.requests import Doc

    from gpg_cli.evaluation.lighteval_tasks import metric

    doc = Doc(query="1+1?", choices=["2", "3"], gold_index=[0, 1])
    response = ModelResponse(text=[r"\boxed{2}", r"\boxed{4}", r"\boxed{5}", r"\boxed{3}"])
    assert metric("math-expr", 4).compute_sample(doc=doc, model_response=response) == {"avg@n:n=4": 0.5}
