"""The results of an evaluation in lighteval's format, for what reads that: the file that open-rs's runs published.

Field by field as lighteval wrote it then (suite `custom`, zero-shot), without lighteval. Ours differs in this: times
are Unix times; the hashes of token ids are empty, since samples are kept as text; `truncated` counts prompts that left
no room for an answer, which are not cut but not asked either.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from gpg_cli.evaluation.journal import Sample
from gpg_cli.evaluation.record import CREATED_FORMAT, BenchRecord, Record
from gpg_cli.run_folder import write_json

_FILES = "results_????-??-??T??-??-??.json"
_VERSION = 1
_HASHES = ("hash_examples", "hash_full_prompts", "hash_input_tokens", "hash_cont_tokens")


def results_file_name(created: str) -> str:
    """The name that lighteval gives a results file: the time in it as ISO 8601, with `-` for `:`.

    Args:
        created: in UTC, such as 2026-11-23T10:15:00Z.
    """
    return f"results_{created.removesuffix('Z').replace(':', '-')}.json"


def metric_name(rule: str, samples: int) -> str:
    """What lighteval calls a score by a rule; with several samples of each problem it is their mean, `avg@n`."""
    if samples > 1:
        return f"avg@n:n={samples}"
    return {"exact": "exact_match", "box": "mean_iou"}.get(rule, "extractive_match")


def problem_limit(benches: Iterable[BenchRecord]) -> int | None:
    """How many problems of each benchmark were asked at most; None where all were."""
    return max((bench.problems for bench in benches if bench.problems < bench.available), default=None)


def write_lighteval_results(folder: Path, record: Record, samples: Iterable[Sample]) -> Path:
    """Write the results file, whole or not at all; an evaluation that has grown has no other beside it.

    Returns:
        Its path.
    """
    path = folder / results_file_name(record.created)
    write_json(path, lighteval_results(record, samples))
    for other in folder.glob(_FILES):
        if other != path:
            other.unlink()
    return path


def lighteval_results(record: Record, samples: Iterable[Sample]) -> dict[str, Any]:
    """The results of an evaluation as lighteval would write them.

    Args:
        record: what was asked for.
        samples: of all its benchmarks; a benchmark without any is left out.
    """
    by_bench: dict[str, dict[int, list[Sample]]] = {name: {} for name in record.benches}
    for sample in samples:
        by_bench[sample.bench].setdefault(sample.index, []).append(sample)
    asked = {_task(name): (record.benches[name], list(each.values())) for name, each in by_bench.items() if each}
    scores = {
        f"{task}|0": _scores(problems, metric_name(item.bench.rule, record.samples))
        for task, (item, problems) in asked.items()
    }
    summaries = {f"{task}|0": _summary(item, problems) for task, (item, problems) in asked.items()}
    return {
        "config_general": _general(record, record.benches.values()),
        "results": {**scores, "all": _means(scores.values())},
        "versions": dict.fromkeys(scores, _VERSION),
        "config_tasks": {task: _task_config(item, len(problems), record) for task, (item, problems) in asked.items()},
        "summary_tasks": summaries,
        "summary_general": _summary_of_all(summaries),
    }


def _task(bench: str) -> str:
    return f"custom|{bench}"


def _general(record: Record, benches: Iterable[BenchRecord]) -> dict[str, Any]:
    start = datetime.strptime(record.created, CREATED_FORMAT).replace(tzinfo=UTC).timestamp()
    _, at, commit = record.model_fingerprint.partition("@")
    return {
        "lighteval_sha": "?",
        "num_fewshot_seeds": 1,
        "override_batch_size": -1,
        "max_samples": problem_limit(benches),
        "job_id": 0,
        "start_time": start,
        "end_time": start + record.seconds,
        "total_evaluation_time_secondes": str(record.seconds),
        "model_name": record.model,
        "model_sha": commit if at else "",
        "model_dtype": record.engine_arguments.get("dtype"),
        "model_size": None,
    }


def _scores(problems: Sequence[Sequence[Sample]], metric: str) -> dict[str, float]:
    """The mean over problems, and its standard error: of one problem there is none."""
    means = [fmean(sample.score for sample in each) for each in problems]
    scores = {metric: fmean(means)}
    if len(means) > 1:
        scores[f"{metric}_stderr"] = stdev(means) / math.sqrt(len(means))
    return scores


def _means(scores: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Of every metric, the plain mean over the tasks that have it; of standard errors too, as lighteval does it."""
    values: dict[str, list[float]] = {}
    for each in scores:
        for metric, value in each.items():
            values.setdefault(metric, []).append(value)
    return {metric: fmean(each) for metric, each in values.items()}


def _task_config(item: BenchRecord, problems: int, record: Record) -> dict[str, Any]:
    bench = item.bench
    return {
        "name": bench.name,
        "prompt_function": "query",
        "hf_repo": bench.data.hub or bench.data.name,
        "hf_subset": bench.data.config or "default",
        "metric": [
            {
                "metric_name": metric_name(bench.rule, record.samples),
                "higher_is_better": True,
                # lighteval's numbers for "generative" and "accuracy".
                "category": "3",
                "use_case": "1",
                "sample_level_fn": "sample_level_fn",
                "corpus_level_fn": "mean",
            }
        ],
        "hf_revision": None,
        "hf_filter": None,
        "hf_avail_splits": [bench.data.split],
        "trust_dataset": False,
        "evaluation_splits": [bench.data.split],
        "few_shots_split": None,
        "few_shots_select": None,
        "generation_size": item.sampling.max_tokens,
        "generation_grammar": None,
        "stop_sequence": [],
        "num_samples": [record.samples] if record.samples > 1 else None,
        "suite": ["custom"],
        "original_num_docs": item.available,
        "effective_num_docs": problems,
        "must_remove_duplicate_docs": False,
        "version": _VERSION,
    }


def _summary(item: BenchRecord, problems: Sequence[Sequence[Sample]]) -> dict[str, Any]:
    known = {"hash_examples": item.query_hash, "hash_full_prompts": item.prompt_hash}
    unasked = sum(each[0].tokens == 0 and each[0].finish_reason == "length" for each in problems)
    return {
        "hashes": {name: known.get(name, "") for name in _HASHES},
        "truncated": unasked,
        "non_truncated": len(problems) - unasked,
        "padded": 0,
        "non_padded": len(problems),
        "effective_few_shots": 0.0,
        "num_truncated_few_shots": 0,
    }


def _summary_of_all(summaries: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Sums, and of each hash the xxh64 of the tasks' hashes, joined in the order of their names."""
    from xxhash import xxh64_hexdigest

    joined = {name: "".join(summaries[task]["hashes"][name] for task in sorted(summaries)) for name in _HASHES}
    counts = ("truncated", "non_truncated", "padded", "non_padded", "num_truncated_few_shots")
    return {
        "hashes": {name: xxh64_hexdigest(text.encode()) if text else "" for name, text in joined.items()},
        **{count: sum(summary[count] for summary in summaries.values()) for count in counts},
    }
