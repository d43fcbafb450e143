"""The benchmarks of evals/*.yaml as tasks of lighteval 0.13: a custom tasks file, and what `--harness lighteval` runs.

    lighteval vllm MODEL_ARGUMENTS "gpg:aime24|0" --custom-tasks gpg_cli/evaluation/lighteval_tasks.py

`gpg` alone names all of them. They cannot be called aime24 or gsm8k: lighteval refuses a custom task with the name of
one of its own. Importing this needs lighteval.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from lighteval.metrics.dynamic_metrics import MultilingualExtractiveMatchMetric
from lighteval.metrics.metrics_sample import AvgAtN
from lighteval.metrics.utils.extractive_match_utils import ExprExtractionConfig, LatexExtractionConfig
from lighteval.metrics.utils.metric_utils import SampleLevelMetric
from lighteval.tasks.lighteval_task import LightevalTaskConfig
from lighteval.tasks.requests import Doc, SamplingMethod

from gpg_cli.catalog import bench_paths
from gpg_cli.evaluation.benches import Bench, load_bench
from gpg_cli.evaluation.lighteval_results import metric_name
from gpg_cli.evaluation.problems import Problem, as_problem

# lighteval averages the tasks of one prefix: `gpg:_average|0`.
TASK_PREFIX = "gpg:"

_GOLD_TARGETS = {"math-latex": LatexExtractionConfig, "math-expr": ExprExtractionConfig}

# A row of the data and the task's name to the question.
PromptFunction = Callable[[dict[str, Any], str], Doc]


def task_config(bench: Bench, *, samples: int = 1, prompt_function: PromptFunction | None = None) -> Any:
    """A benchmark as lighteval's `LightevalTaskConfig`.

    Args:
        samples: of each problem; their scores are averaged (lighteval's `avg@n`) where there are several.
        prompt_function: makes the question of a row; None reads the columns that the benchmark names.

    Raises:
        KeyError: the benchmark's rule is not one of those that lighteval's metric can follow.
    """

    def ask(row: dict[str, Any], task: str) -> Doc:
        return as_doc(bench, as_problem(bench, row["__index"], row, bench.data.name), task)

    return LightevalTaskConfig(
        name=TASK_PREFIX + bench.name,
        prompt_function=prompt_function or ask,
        hf_repo=bench.data.hub or bench.data.name,
        hf_subset=bench.data.config or "default",
        hf_avail_splits=[bench.data.split],
        evaluation_splits=[bench.data.split],
        metrics=[metric(bench.rule, samples)],
        generation_size=bench.sampling.max_tokens,
        stop_sequence=[],
        version=1,
    )


def as_doc(bench: Bench, problem: Problem, task: str) -> Doc:
    """A problem as lighteval's question; of several golds any counts."""
    golds = [problem.gold] if isinstance(problem.gold, str) else list(problem.gold)
    return Doc(query=bench.query(problem.text), choices=golds, gold_index=list(range(len(golds))), task_name=task)


def metric(rule: str, samples: int = 1) -> Any:
    """The published protocol's `extractive_match` (evaluate.py of knoveleng/open-rs), or its mean over several samples.

    Raises:
        KeyError: there is none for this rule.
    """
    match = MultilingualExtractiveMatchMetric(
        gold_extraction_target=(_GOLD_TARGETS[rule](),),
        pred_extraction_target=(ExprExtractionConfig(), LatexExtractionConfig(boxed_match_priority=0)),
        aggregation_function=max,
        fallback_mode="first_match",
        precision=5,
    )
    return SampleLevelMetric(
        metric_name=metric_name(rule, samples),
        sample_level_fn=match if samples == 1 else AvgAtN(n=samples, sample_scoring_function=match),
        category=SamplingMethod.GENERATIVE,
        corpus_level_fn=np.mean,
        higher_is_better=True,
    )


TASKS_TABLE = [
    task_config(bench)
    for bench in map(load_bench, bench_paths())
    if bench.data.hub is not None and bench.rule in _GOLD_TARGETS
]
