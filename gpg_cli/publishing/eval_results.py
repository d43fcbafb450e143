"""`.eval_results/BENCH.yaml`: scores in the form the Hub reads for a model's page and for a benchmark's leaderboard.

The form: https://huggingface.co/docs/hub/eval-results. It leaves the unit of a value to the benchmark and has 20.90 as
its example; ours are in percent.
"""

from pathlib import Path
from typing import Any

from gpg_cli.publishing.markdown import plain
from gpg_cli.publishing.names import hub_id
from gpg_cli.publishing.results_table import sampling_words
from gpg_cli.publishing.scores import BenchScore
from gpg_cli.secrets import without_login

EVAL_RESULTS_FOLDER = ".eval_results"


def write_eval_results(folder: Path, repo_id: str | None, scores: list[BenchScore]) -> list[str]:
    """Write one file for each benchmark that was asked whole, of a data set of the Hub; returns their names.

    What was asked of local files stays out: whether they hold what the data set does is not known.

    Args:
        folder: the exported model's.
        repo_id: where it will be on the Hub, if anywhere: the source that the entries name.
    """
    import yaml
    from huggingface_hub import eval_result_entries_to_yaml

    names = []
    for score in scores:
        if score.is_whole and hub_id(score.dataset_id):
            target = folder / EVAL_RESULTS_FOLDER / f"{Path(score.bench).name}.yaml"
            target.parent.mkdir(exist_ok=True)
            entries = eval_result_entries_to_yaml([_entry(score, repo_id)])
            target.write_text(yaml.safe_dump(entries, sort_keys=False, allow_unicode=True), encoding="utf-8")
            names.append(target.relative_to(folder).as_posix())
    return names


def _entry(score: BenchScore, repo_id: str | None) -> Any:
    from huggingface_hub import EvalResultEntry, constants

    revision, task = score.data.get("revision"), score.data.get("task")
    return EvalResultEntry(
        dataset_id=score.dataset_id,
        task_id=task if isinstance(task, str) else "default",
        value=round(score.score, 2),
        dataset_revision=revision if isinstance(revision, str) else None,
        date=score.created,
        source_url=f"{without_login(constants.ENDPOINT)}/{repo_id}" if repo_id else None,
        source_name="gpg-cli" if repo_id else None,
        notes=_notes(score),
    )


def _notes(score: BenchScore) -> str:
    """How it was sampled, in a few words."""
    samples = score.sampling.get("n")
    metric = [] if score.metric == "accuracy" else [score.metric]
    count = [f"mean of {samples} samples a problem"] if isinstance(samples, int) and samples > 1 else []
    prompt = score.entry.get("prompt")
    chat = prompt.get("chat") if isinstance(prompt, dict) else None
    asked = [] if chat is None else ["chat template" if chat else "no chat template"]
    engine = [score.engine] if score.engine else []
    return plain(", ".join(["zero-shot", *metric, *count, *sampling_words(score), *asked, *engine]))
