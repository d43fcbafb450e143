"""Tables and numbers of the pages are those of the program."""

import importlib.util
import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from .pages import PAGES, ROOT, table

DOCS = ROOT / "docs"


@pytest.mark.parametrize(
    ("command", "page", "header"),
    [
        ("presets", "presets.md", "| preset | base model"),
        ("rewards", "rewards.md", "| reward | what it gives"),
        ("benches", "benchmarks.md", "| name | title"),
    ],
)
def test_a_list_is_what_the_command_prints(command: str, page: str, header: str, gpg) -> None:
    printed = [line.split("\t") for line in gpg(command).out.splitlines()]
    assert table(DOCS / page, header) == printed, f"docs/{page} is not what `gpg {command}` prints"


def test_every_preset_is_described() -> None:
    from gpg_cli.catalog import preset_paths

    described = " ".join(row[0] for row in table(DOCS / "presets.md", "| preset | what it is"))
    assert set(re.findall(r"[\w.-]+", described)) == set(preset_paths())


def test_the_index_names_the_commands() -> None:
    from gpg_cli.cli import app

    named = {name for row in table(DOCS / "index.md", "| command | what") for name in re.findall(r"gpg (\w+)", row[0])}
    there = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    there |= {group.name for group in app.registered_groups}
    assert named == there


def _gpu_hours() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gpu_hours", DOCS / "gpu_hours.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Its dataclasses look their module up.
    sys.modules["gpu_hours"] = module
    spec.loader.exec_module(module)
    return module


def test_gpu_hours_are_the_arithmetic_and_the_arithmetic_is_about_the_presets() -> None:
    from gpg_cli.training.settings import resolve_settings

    hours = _gpu_hours()
    text = (DOCS / "reproduction.md").read_text(encoding="utf-8")
    assert "\n".join(hours.rows()) in text
    assert f"about {hours.evaluation_hours():.1f} GPU hours" in text
    for run in hours.RUNS:
        settings = resolve_settings(preset=run.preset)
        trainer = settings.trainer
        per_gpu = trainer["per_device_train_batch_size"] * trainer["gradient_accumulation_steps"]
        assert per_gpu * run.gpus == run.completions, run.preset
        assert trainer["max_completion_length"] == run.longest, run.preset
        assert trainer.get("max_steps", run.steps) == run.steps, run.preset
        assert (run.sampled > 1) == (trainer.get("min_inverse_alpha", 0) > 0), run.preset
        assert run.mean < run.longest


def test_published_numbers_are_those_of_the_benchmarks() -> None:
    """The row of GPG-RS1 in reproduction.md, score by score, and its mean."""
    from gpg_cli.evaluation.benches import load_bench
    from gpg_cli.evaluation.suites import load_suite

    rows = table(DOCS / "reproduction.md", "DeepSeek-R1-Distill-Qwen-1.5B, zero-shot pass@1:\n\n")
    scores = {row[0].partition(":")[0]: [float(cell) for cell in row[1:]] for row in rows}
    for name in ("GPG-RS1", "GPG-RS3"):
        average, *each = scores[name]
        assert each == [load_bench(bench).published[name] for bench in load_suite("math").benches]
        assert average == pytest.approx(sum(each) / len(each), abs=0.06)


def test_metrics_that_pages_name_are_logged(gpg, tmp_path: Path) -> None:
    from gpg_cli.metrics_file import read_metrics

    assert gpg("train", "--preset", "quickstart", "--max-steps", "1", "--set", "eval_bench=null", "--set",
               "log_entropy=true", "--output-dir", tmp_path / "run").code == 0  # fmt: skip
    logged = set(read_metrics(tmp_path / "run")[-1])
    # Only with vLLM, and with `eval_every`.
    logged |= {"sampling/logp_difference/mean", "eval/BENCH/score"}
    logged |= {name.replace("/accuracy/", "/NAME/") for name in logged}
    kinds = {name.partition("/")[0] for name in logged if "/" in name}
    listed: set[str] = set()
    for row in table(DOCS / "reports.md", "| number | meaning"):
        names = [name.strip("`") for name in row[0].split(", ")]
        first = names[0].rpartition("/")[0]
        listed |= {first + name if name.startswith("/") else name for name in names}
    assert listed <= logged, listed - logged
    for page in PAGES:
        # A reward of the reader's own is called `shorter`.
        text = page.read_text(encoding="utf-8").replace("rewards/shorter/", "rewards/NAME/")
        words = re.findall(r"`([a-z]+/[\w/]+)`", text)
        named = {word for word in words if word.partition("/")[0] in kinds and not (ROOT / word).exists()}
        assert named <= logged, f"{page}: {named - logged}"


def test_settings_that_pages_name_exist() -> None:
    """`key: value` and `key=value` in backticks."""
    from gpg_cli.evaluation.benches import Bench
    from gpg_cli.training.settings import setting_types

    known = {*setting_types(), *Bench.model_fields, "hub", "local", "base", "description", "gpus"}
    known |= {"published_average", "adv_estimator"}  # adv_estimator is verl's
    for page in PAGES:
        named = set(re.findall(r"`([a-z]\w*_\w+)(?:=|: )[^`]*`", page.read_text(encoding="utf-8")))
        assert named <= known, f"{page}: {named - known}"


def test_versions_agree() -> None:
    from gpg_cli import __version__

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == project["version"] == __version__
    assert citation["license"] == project["license"]


def test_the_citation_is_valid() -> None:
    cffconvert = pytest.importorskip("cffconvert", reason="needs cffconvert, which .ci/run has with the documentation")
    cffconvert.Citation((ROOT / "CITATION.cff").read_text(encoding="utf-8")).validate()
