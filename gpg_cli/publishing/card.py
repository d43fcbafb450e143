"""The model card, README.md: what the model is, what it can do, how to use it, how to make it again.

It is put together section by section in Python rather than from a template file, because what is not known is left out,
whole sections and table rows at a time; text from run.json goes through `markdown` on its way in.
"""

import shlex
import shutil
from pathlib import Path
from typing import Any

from gpg_cli import __version__
from gpg_cli.publishing import objective
from gpg_cli.publishing.facts import RunFacts
from gpg_cli.publishing.markdown import code, code_block, inline, plain, table
from gpg_cli.publishing.names import hub_id, public_name
from gpg_cli.publishing.scores import BenchScore
from gpg_cli.publishing.usage import shows_pictures, usage
from gpg_cli.quickstart_pictures import QUICKSTART_VISION
from gpg_cli.quickstart_task import QUICKSTART
from gpg_cli.run_folder import REWARD_PICTURE

_PAPER = "https://arxiv.org/abs/2504.02546"
_CITATION = """\
@misc{chu2025gpg,
  title = {GPG: A Simple and Strong Reinforcement Learning Baseline for Model Reasoning},
  author = {Chu, Xiangxiang and Huang, Hailang and Zhang, Xiao and Wei, Fei and Wang, Yong},
  year = {2025},
  eprint = {2504.02546},
  archivePrefix = {arXiv},
  url = {https://arxiv.org/abs/2504.02546},
}"""
# The training settings a reader asks for first; all of them stand in run.json.
_SETTINGS = (
    "learning_rate",
    "lr_scheduler_type",
    "num_generations",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "generation_batch_size",
    "temperature",
    "max_prompt_length",
    "max_completion_length",
    "reward_funcs",
    "reward_weights",
    "beta",
)
# The Hub's task of a model that reads text alone, and of one that sees.
_TASKS = (("text-generation", "Text generation"), ("image-text-to-text", "Image-text-to-text"))


def write_card(folder: Path, name: str, repo_id: str | None, facts: RunFacts | None, scores: list[BenchScore]) -> None:
    """Write README.md into an exported folder, and the picture it shows.

    Args:
        folder: holds the model already; it is looked at for a chat template.
        name: the model's own name.
        repo_id: where it will be on the Hub, if anywhere.
        facts: of the run that made it; None for a model that is no run's.
        scores: what `gpg eval` measured of it.
    """
    from huggingface_hub import ModelCard

    if facts is not None and facts.picture is not None:
        shutil.copyfile(facts.picture, folder / REWARD_PICTURE)
    name = plain(name)
    model = repo_id or name
    sections = [
        f"# {inline(name)}",
        _introduction(facts),
        *_results(facts, scores),
        *usage(model, folder, facts, scores),
        *(_training(facts) if facts else []),
        *(_reproduction(facts) if facts else []),
        *(["## Citation", code_block(_CITATION, "bibtex")] if facts else []),
    ]
    text = "\n\n".join(section for section in sections if section)
    ModelCard(f"---\n{metadata(name, facts, scores, pictures=shows_pictures(folder)).to_yaml()}\n---\n\n{text}\n").save(
        folder / "README.md"
    )


def metadata(name: str, facts: RunFacts | None, scores: list[BenchScore], *, pictures: bool = False) -> Any:
    """The card's YAML block, as huggingface_hub's ModelCardData; only Hub ids are named as base model and data."""
    from huggingface_hub import EvalResult, ModelCardData

    task, name_of_task = _TASKS[pictures]
    results = [
        EvalResult(
            task_type=task,
            task_name=name_of_task,
            dataset_type=plain(score.bench),
            dataset_name=plain(score.title),
            metric_type="mean_iou" if score.metric == "mIoU" else "accuracy",
            metric_name=f"{score.metric}, percent",
            metric_value=round(score.score, 2),
        )
        # Leaderboards compare these numbers; a score of the first eight problems is not the benchmark's.
        for score in scores
        if score.is_whole
    ]
    dataset = hub_id(facts.dataset) if facts else None
    return ModelCardData(
        base_model=hub_id(facts.model) if facts else None,
        datasets=[dataset] if dataset else None,
        library_name="transformers",
        pipeline_tag=task,
        # A model that is no run's was not trained with GPG as far as we know.
        tags=["gpg", "trl"] if facts else None,
        model_name=name if results else None,
        eval_results=results or None,
    )


def _introduction(facts: RunFacts | None) -> str:
    if facts is None:
        return f"A language model, exported with gpg-cli {__version__}."
    if facts.model == QUICKSTART:
        return (
            "The toy model of gpg-cli's quickstart: it adds two numbers of two digits, and learned with "
            f"[Group Policy Gradient]({_PAPER}) (GPG) not to forget the carry."
        )
    if facts.model == QUICKSTART_VISION:
        return (
            "The toy model of gpg-cli's quickstart-vision: it counts the circles in a picture, and learned with "
            f"[Group Policy Gradient]({_PAPER}) (GPG) not to overlook the last row."
        )
    base = f"{_linked(facts.model, 'https://huggingface.co/')} trained" if facts.model else "A language model trained"
    data = f" on {_linked(facts.dataset, 'https://huggingface.co/datasets/')}" if facts.dataset else ""
    return f"{base} to reason with [Group Policy Gradient]({_PAPER}) (GPG){data}, by gpg-cli."


def _linked(name: str, site: str) -> str:
    shown = inline(public_name(name))
    return f"[{shown}]({site}{name})" if hub_id(name) else shown


def _results(facts: RunFacts | None, scores: list[BenchScore]) -> list[str]:
    parts = []
    if scores:
        rows = [_score_row(score) for score in scores]
        parts.append(table(["Benchmark", "Score, %", "Interval", "Correct", "Problems", "Sampling"], rows))
    if facts and facts.accuracy:
        before, after = (f"{100 * share:.1f}%" for share in facts.accuracy)
        parts.append(f"Accuracy on the training task's held-out problems: {before} before, {after} after.")
    if facts and facts.picture:
        parts.append(f"![Reward over the steps of the training]({REWARD_PICTURE})")
    return ["## Results", *parts] if parts else []


def _score_row(score: BenchScore) -> list[str]:
    sampling = [f"{key} {value}" for key, value in score.sampling.items() if isinstance(value, int | float | str)]
    return [
        inline(score.title),
        f"{score.score:.1f}",
        f"{score.interval[0]:.1f} to {score.interval[1]:.1f}" if score.interval else "",
        f"{score.correct:g}" if score.correct is not None else "",
        str(score.problems or "") if score.is_whole else f"{score.problems} of {score.available}",
        inline(", ".join([*sampling, *([f"engine {score.engine}"] if score.engine else [])])),
    ]


def _training(facts: RunFacts) -> list[str]:
    lines = [f"- {line}" for line in objective.describe(facts.settings)]
    if facts.steps is not None:
        lines.append(f"- Optimiser steps: {facts.steps}")
    if facts.seconds is not None:
        lines.append(f"- Time: {facts.seconds / 60:.1f} minutes")
    if facts.hardware:
        lines.append(f"- Hardware: {inline(facts.hardware)}")
    rows = [[code(key), code(facts.settings[key])] for key in _SETTINGS if facts.settings.get(key) is not None]
    parts = ["\n".join(lines), table(["Setting", "Value"], rows) if rows else ""]
    return ["## Training", *parts] if any(parts) else []


def _reproduction(facts: RunFacts) -> list[str]:
    lines = []
    if facts.preset:
        lines.append(f"- Preset: {code(facts.preset)}")
    if facts.seed is not None:
        lines.append(f"- Seed: {facts.seed}")
    if facts.git_commit:
        lines.append(f"- Git commit: {code(facts.git_commit)}")
    if facts.versions:
        lines.append(
            f"- Versions: {inline(', '.join(f'{name} {version}' for name, version in facts.versions.items()))}"
        )
    command = code_block(shlex.join(["gpg", *map(plain, facts.command)]), "bash") if facts.command else ""
    return ["## How to reproduce", command, "\n".join(lines)]
