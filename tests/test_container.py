"""The container image: what it is built from, and where the tools for it are at hand, the image itself."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = "vllm,deepspeed,vision"
# Builds and runs images without a container engine, on a Debian base that it makes.
CONTAINER = ROOT.parent / "shared" / "tools" / "container.sh"
STORAGE = {"STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}


def requirements_for(extras: str) -> list[Requirement]:
    """As the image's build finds them."""
    command = [sys.executable, ROOT / "docker/requirements.py", ROOT / "pyproject.toml", extras]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [Requirement(line) for line in listed.splitlines()]


def constraints() -> dict[str, list[Version]]:
    lines = [line for line in (ROOT / "docker/constraints.txt").read_text().splitlines() if not line.startswith("#")]
    found: dict[str, list[Version]] = {}
    for requirement in map(Requirement, lines):
        (pin,) = requirement.specifier
        assert pin.operator == "==", requirement
        found.setdefault(requirement.name, []).append(Version(pin.version))
    return found


def argument(name: str) -> str:
    """The default of an ARG."""
    (value,) = re.findall(rf'^ARG {name}="?([^"\n]+?)"?$', DOCKERFILE, re.MULTILINE)
    return value


def test_the_image_has_the_project_and_its_extras_and_nothing_else() -> None:
    names = {requirement.name for requirement in requirements_for(EXTRAS)}
    assert argument("EXTRAS") == EXTRAS
    assert {"torch", "trl", "vllm", "deepspeed", "torchvision"} <= names
    assert not names & {"pytest", "ruff", "lighteval"}
    assert {requirement.name for requirement in requirements_for("")} < names


def test_an_extra_that_does_not_exist_is_refused() -> None:
    command = [sys.executable, ROOT / "docker/requirements.py", ROOT / "pyproject.toml", "vllm,gpu"]
    outcome = subprocess.run(command, capture_output=True, text=True)
    assert outcome.returncode == 1
    assert "no extra 'gpu'" in outcome.stderr


def test_all_it_installs_is_pinned_as_pyproject_allows() -> None:
    pinned = constraints()
    for requirement in requirements_for(EXTRAS):
        assert pinned.get(canonicalize_name(requirement.name)), (
            f"{requirement.name} is new: make docker/constraints.txt again"
        )
        assert all(
            requirement.specifier.contains(version) for version in pinned[canonicalize_name(requirement.name)]
        ), requirement
    (hatchling,) = (Requirement(line) for line in PROJECT["build-system"]["requires"])
    (version,) = re.findall(r"hatchling==(\S+)", DOCKERFILE)
    assert hatchling.specifier.contains(version)
    assert f'image.version="{PROJECT["project"]["version"]}"' in DOCKERFILE


def test_cuda_is_the_one_that_torch_brings() -> None:
    (toolkit,) = constraints()["cuda-toolkit"]
    assert argument("BASE_IMAGE").startswith(f"nvidia/cuda:{toolkit.major}.{toolkit.minor}.{toolkit.micro}-base-")
    assert set(re.findall(r"-(\d+-\d+)\b", argument("COMPILERS"))) == {f"{toolkit.major}-{toolkit.minor}"}


def test_the_build_is_sent_what_it_copies_and_nothing_else() -> None:
    first, *rest = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert first == "*"
    sent = {line[1:] for line in rest if line.startswith("!")}
    copied = {
        source.split("/")[0]
        for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
        for source in line.split()
    }
    assert sent == copied
    assert all((ROOT / name).exists() for name in sent)
    assert not sent & {"tests", ".git", "runs", "docs", "benchmarks", ".venv"}


def test_code_comes_after_what_it_needs() -> None:
    """A change of the code must not install torch again, and must not be missed."""
    assert "RUN --mount" not in DOCKERFILE
    wheel, image = DOCKERFILE.index(" AS wheel"), DOCKERFILE.rindex("\nFROM system\n")
    assert (
        DOCKERFILE.index("pip install -r /source/requirements.txt") < wheel < DOCKERFILE.index("COPY gpg_cli") < image
    )
    last = DOCKERFILE[image:]
    assert last.index("COPY --from=dependencies") < last.index("COPY --from=wheel") < last.index("ARG REVISION")


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if hadolint is None:
        pytest.skip("needs hadolint, of the extra test")
    outcome = subprocess.run([hadolint, "--no-color", ROOT / "Dockerfile"], capture_output=True, text=True)
    assert (outcome.returncode, outcome.stdout) == (0, "")


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """The image for a CPU, built from this checkout, or the one that GPG_TEST_IMAGE names."""
    if os.geteuid() != 0 or not (shutil.which("buildah") and shutil.which("debootstrap")):
        pytest.skip("needs root, buildah and debootstrap: apt-get install buildah debootstrap")
    if not CONTAINER.is_file():
        pytest.skip("needs tools/container.sh in shared/ beside the checkout")
    if built_before := os.environ.get("GPG_TEST_IMAGE"):
        yield built_before
        return
    tag = f"gpg:test-{os.getpid()}"
    wheels = subprocess.run(
        ["pip", "config", "get", "global.find-links"], capture_output=True, text=True
    ).stdout.strip()
    given = {"BASE_IMAGE": "localhost/base:1", "EXTRAS": "", "COMPILERS": "", "PIP_FIND_LINKS": wheels}
    options = [part for name, value in given.items() for part in ("--build-arg", f"{name}={value}")]
    for command in (["base"], ["build", tag, *options]):
        built = subprocess.run([CONTAINER, *command], cwd=ROOT, capture_output=True, text=True, timeout=900)
        assert built.returncode == 0, built.stdout[-3000:] + built.stderr[-3000:]
    yield tag
    subprocess.run(["buildah", "rmi", tag], env=os.environ | STORAGE, capture_output=True)


def run(image: str, *command: str | Path, user: str | None = None, runs: Path | None = None) -> str:
    """What `docker run --network none [--user USER] [--volume RUNS:/work/mounted]` would print.

    Not at /work/runs, which docker would allow: buildah 1.28 lays the image's own volume over what is mounted there.
    """
    environment = os.environ | STORAGE
    made = subprocess.run(["buildah", "from", image], env=environment, capture_output=True, text=True, check=True)
    container = made.stdout.strip()
    options = ["--user", user] if user else []
    options += ["--volume", f"{runs}:/work/mounted"] if runs else []
    try:
        outcome = subprocess.run(
            ["unshare", "--net", "buildah", "run", *options, container, "--", *command],
            env=environment,
            capture_output=True,
            text=True,
            timeout=900,
        )
    finally:
        subprocess.run(["buildah", "rm", container], env=environment, capture_output=True)
    assert outcome.returncode == 0, outcome.stdout[-3000:] + outcome.stderr[-3000:]
    return outcome.stdout


@pytest.mark.slow
@pytest.mark.long
def test_the_image_is_its_own_users_and_holds_what_it_needs(image: str) -> None:
    looks = (
        "id -u; pwd; test ! -e /source; test ! -w /opt/gpg; touch runs/a /cache/huggingface/a; pip freeze | grep torch"
    )
    assert run(image, "sh", "-ec", looks).splitlines() == ["10001", "/work", "torch==2.13.0+cpu"]
    version, gnupg = run(image, "gpg", "--version").splitlines()
    assert version == f"gpg-cli {PROJECT['project']['version']}"
    assert gnupg == "GnuPG: not found on PATH"
    inspected = json.loads(
        subprocess.run(
            ["buildah", "inspect", "--type", "image", image], env=os.environ | STORAGE, capture_output=True, check=True
        ).stdout
    )
    config = inspected["OCIv1"]["config"]
    assert (config["Entrypoint"], config["Cmd"]) == (["gpg"], ["--help"])
    assert set(config["Volumes"]) == {"/cache/huggingface", "/work/runs"}
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"


@pytest.mark.slow
@pytest.mark.long
def test_it_trains_and_measures_as_any_user_in_a_mounted_folder(image: str, tmp_path: Path) -> None:
    """Two containers, which share nothing but the folder of the host."""
    runs = tmp_path / "runs"
    runs.mkdir()
    os.chown(runs, 4321, 4321)
    # For so small a model two threads do no more than one.
    gpg = ("env", "OMP_NUM_THREADS=1", "gpg")
    train = ("train", "--preset", "quickstart", "--max-steps", "8", "--output-dir", "mounted/tiny")
    assert "Done. 8 steps" in run(image, *gpg, *train, user="4321:4321", runs=runs)
    assert (runs / "tiny/model/model.safetensors").stat().st_uid == 4321
    measure = ("eval", "--model", "mounted/tiny", "--bench", "quickstart", "--limit", "20")
    assert "quickstart" in run(image, *gpg, *measure, user="4321:4321", runs=runs)
    assert list(runs.glob("tiny/eval/**/results.json"))
