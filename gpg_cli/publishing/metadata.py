"""The YAML block of a model card: what the Hub, and those who search it, read."""

from collections.abc import Sequence
from typing import Any

from gpg_cli.publishing.facts import RunFacts
from gpg_cli.publishing.license import License
from gpg_cli.publishing.markdown import plain
from gpg_cli.publishing.names import hub_id
from gpg_cli.publishing.scores import BenchScore

# The Hub's task of a model that reads text alone, and of one that sees.
_TASKS = (("text-generation", "Text generation"), ("image-text-to-text", "Image-text-to-text"))


def metadata(
    name: str,
    facts: RunFacts | None,
    scores: list[BenchScore],
    *,
    pictures: bool = False,
    license: License | None = None,
    adapter_of: str | None = None,
    gguf: Sequence[str] = (),
) -> Any:
    """huggingface_hub's ModelCardData; only Hub ids are named as base model and data.

    Args:
        pictures: whether the model sees.
        license: of the base model.
        adapter_of: for a LoRA adapter, its base model.
        gguf: names of files for llama.cpp beside the model.
    """
    from huggingface_hub import ModelCardData

    task, name_of_task = _TASKS[pictures]
    # Leaderboards compare these numbers; a score of the first eight problems is not the benchmark's.
    results = [_result(score, task, name_of_task) for score in scores if score.is_whole]
    dataset = hub_id(facts.dataset) if facts else None
    base = hub_id(adapter_of) if adapter_of else hub_id(facts.model) if facts else None
    # A model that is no run's was not trained with GPG as far as we know.
    algorithm = plain(facts.settings.get("algorithm") or "gpg") if facts else ""
    tags = [*([algorithm, "trl"] if facts else []), *(["lora"] if adapter_of else []), *(["gguf"] if gguf else [])]
    return ModelCardData(
        base_model=base,
        base_model_relation="adapter" if adapter_of and base else None,
        datasets=[dataset] if dataset else None,
        license=license.id if license else None,
        license_name=license.name if license else None,
        license_link=license.link if license else None,
        library_name="peft" if adapter_of else "transformers",
        pipeline_tag=task,
        tags=tags or None,
        model_name=name if results else None,
        eval_results=results or None,
    )


def _result(score: BenchScore, task: str, name_of_task: str) -> Any:
    from huggingface_hub import EvalResult

    revision = score.data.get("revision")
    return EvalResult(
        task_type=task,
        task_name=name_of_task,
        dataset_type=score.dataset_id or plain(score.bench),
        dataset_name=plain(score.title),
        dataset_revision=revision if isinstance(revision, str) else None,
        metric_type="mean_iou" if score.metric == "mIoU" else "accuracy",
        metric_name=f"{score.metric}, percent",
        metric_value=round(score.score, 2),
    )
