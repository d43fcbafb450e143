"""The model card, README.md: what the model is, what it can do, how to use it, how to make it again.

Each section is put together in Python, because what is not known is left out, whole sections and table rows at a time;
text from run.json goes through `cleaning` and `markdown` on its way in. A template, card.md.jinja or a user's own, says
in which order they stand.
"""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gpg_cli import __version__
from gpg_cli.metrics_file import read_metrics
from gpg_cli.publishing import card_template
from gpg_cli.publishing.eval_results import write_eval_results
from gpg_cli.publishing.facts import RunFacts
from gpg_cli.publishing.license import base_license
from gpg_cli.publishing.limitations import limitations
from gpg_cli.publishing.markdown import code_block, inline, plain
from gpg_cli.publishing.metadata import metadata
from gpg_cli.publishing.names import hub_id, public_name
from gpg_cli.publishing.reproduction import reproduction
from gpg_cli.publishing.results_table import results
from gpg_cli.publishing.scores import BenchScore
from gpg_cli.publishing.training_settings import training
from gpg_cli.publishing.usage import shows_pictures, usage
from gpg_cli.quickstart_pictures import QUICKSTART_VISION
from gpg_cli.quickstart_task import QUICKSTART
from gpg_cli.reward_picture import draw_reward
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


def check_template(path: Path | None) -> None:
    """Refuse a card template of a user's before anything is written; None is ours.

    Raises:
        GpgError: it cannot be read, or uses what there is not; with file and line.
    """
    if path is not None:
        card_template.check(path, _example())


def write_card(
    folder: Path,
    name: str,
    repo_id: str | None,
    facts: RunFacts | None,
    scores: list[BenchScore],
    *,
    template: Path | None = None,
    note: str | None = None,
    adapter_of: str | None = None,
    gguf: Sequence[str] = (),
    revision: str | None = None,
    online: bool = False,
) -> None:
    """Write README.md into an exported folder, the picture it shows, and `.eval_results/`.

    Args:
        folder: holds the model already; it is looked at for a chat template.
        name: the model's own name.
        repo_id: where it will be on the Hub, if anywhere.
        facts: of the run that made it; None for a model that is no run's.
        scores: what `gpg eval` measured of it.
        template: a Jinja template instead of ours.
        note: a sentence for the head of the card, plain text.
        adapter_of: for a LoRA adapter, its base model as it was named.
        gguf: names of files for llama.cpp in the folder.
        revision: the branch of the repository that it will be on; None is the main one.
        online: whether the Hub may be asked for the base model's license.

    Raises:
        GpgError: the template fails with these facts.
    """
    name = plain(name)
    facts = _with_picture(facts, folder, name)
    base = adapter_of or (facts.model if facts else None)
    license = base_license(base, online=online)
    pictures = shows_pictures(folder)
    block = metadata(name, facts, scores, pictures=pictures, license=license, adapter_of=adapter_of, gguf=gguf)
    variables = {
        "metadata": block.to_yaml(),
        "name": inline(name),
        "note": inline(note) if note else "",
        "introduction": _introduction(facts, adapter_of),
        "results": results(facts, scores),
        "usage": usage(name, repo_id, folder, facts, scores, adapter_of=adapter_of, gguf=gguf, revision=revision),
        "training": training(facts),
        "reproduction": reproduction(facts),
        "limitations": limitations(facts, scores),
        "citation": code_block(_CITATION, "bibtex") if facts else "",
        "model": repo_id or name,
        "repo_id": repo_id or "",
        "base_model": public_name(base) if base else "",
        "dataset": public_name(facts.dataset) if facts and facts.dataset else "",
        "preset": facts.preset or "" if facts else "",
        "seed": facts.seed if facts and facts.seed is not None else "",
        "license": license.id if license else "",
        "scores": [_score(score) for score in scores],
    }
    text = card_template.render(template or card_template.DEFAULT_TEMPLATE, variables)
    (folder / "README.md").write_text(text, encoding="utf-8")
    write_eval_results(folder, repo_id, scores)


def _with_picture(facts: RunFacts | None, folder: Path, name: str) -> RunFacts | None:
    """The run's own picture; for a checkpoint one that ends with it, of the metrics in the exported folder."""
    if facts is None:
        return None
    picture = folder / REWARD_PICTURE
    if facts.picture is not None:
        shutil.copyfile(facts.picture, picture)
    elif not draw_reward(read_metrics(folder), picture, f"{name}, step {facts.steps}"):
        return facts
    return replace(facts, picture=picture)


def _example() -> dict[str, Any]:
    """Every variable of a template, with a value of the kind that it has."""
    sections = ("note", "introduction", "results", "usage", "training", "reproduction", "limitations", "citation")
    plain_facts = ("name", "model", "repo_id", "base_model", "dataset", "preset", "license")
    score = _score(BenchScore("math500", "MATH-500", 50.0, (45.6, 54.4), problems=500, available=500))
    return {
        **dict.fromkeys((*sections, *plain_facts), "text"),
        "metadata": "library_name: transformers",
        "seed": 42,
        "scores": [score],
    }


def _score(score: BenchScore) -> dict[str, Any]:
    return {
        "bench": score.bench,
        "title": score.title,
        "score": score.score,
        "interval": score.interval,
        "problems": score.problems,
        "available": score.available,
    }


def _introduction(facts: RunFacts | None, adapter_of: str | None) -> str:
    if facts is None:
        kind = (
            f"A LoRA adapter of {_linked(adapter_of, 'https://huggingface.co/')}" if adapter_of else "A language model"
        )
        return f"{kind}, exported with gpg-cli {__version__}."
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
    base = f"A LoRA adapter of {base}" if adapter_of and facts.model else base
    data = f" on {_linked(facts.dataset, 'https://huggingface.co/datasets/')}" if facts.dataset else ""
    algorithm = str(facts.settings.get("algorithm") or "gpg")
    method = f"[Group Policy Gradient]({_PAPER}) (GPG)"
    if algorithm != "gpg":
        method = f"{inline(algorithm.upper())}, to compare with {method}"
    return f"{base} to reason with {method}{data}, by gpg-cli."


def _linked(name: str, site: str) -> str:
    shown = inline(public_name(name))
    return f"[{shown}]({site}{name})" if hub_id(name) else shown
