"""What a bug report needs to know of a machine, found without the network and without a token."""

import os
import platform
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gpg_cli.versions import PACKAGES, installed_versions

# Packages that a bug may come from, besides those that run.json records.
MORE_PACKAGES = ("flash-attn", "trackio", "tensorboard", "wandb")
_ASK_DRIVER = ("--query-gpu=name,memory.total,memory.free,driver_version", "--format=csv,noheader,nounits")
_ASK_WITHIN_S = 20


@dataclass(frozen=True)
class Gpu:
    """One GPU as its driver knows it; memory in GiB."""

    name: str
    memory_gib: float
    free_gib: float | None
    driver: str | None


@dataclass(frozen=True)
class Disk:
    """A folder, and how much room its disk has."""

    path: str
    free_gib: float


@dataclass(frozen=True)
class Environment:
    """A machine and what is installed on it.

    Attributes:
        versions: of the packages that are installed.
        cuda: the version that PyTorch is built for; None of a build for CPUs.
        gpus: as their driver lists them.
        seen_gpus: how many PyTorch sees.
        capability: (major, minor) of the first of those.
        here, cache: the current folder, and where the Hub's files are kept.
        cores: that this process may use.
        memory_gib, free_memory_gib: in all, and free; None where the system does not say.
        shared_memory_gib: free in /dev/shm.
        open_files: that this process may have.
        login: where a token of the Hub was found; None without one.
        offline: whether HF_HUB_OFFLINE keeps the libraries from the network.
        gnupg: GnuPG's own `gpg`.
    """

    versions: dict[str, str]
    python: str
    system: str
    cuda: str | None
    gpus: list[Gpu]
    seen_gpus: int
    capability: tuple[int, int] | None
    here: Disk
    cache: Disk
    cores: int
    memory_gib: float | None
    free_memory_gib: float | None
    shared_memory_gib: float | None
    open_files: int | None
    login: str | None
    offline: bool
    gnupg: str | None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def look_around() -> Environment:
    """Find out what there is; a second for PyTorch, which alone knows the GPUs that a training would use."""
    import torch
    from huggingface_hub import constants

    from gpg_cli.gnupg import find_gnupg

    seen = torch.cuda.device_count() if torch.cuda.is_available() else 0
    memory, free = _memory()
    gnupg = find_gnupg()
    return Environment(
        versions=installed_versions((*PACKAGES, *MORE_PACKAGES)),
        python=platform.python_version(),
        system=platform.platform(),
        cuda=torch.version.cuda,
        gpus=_gpus() or [_as_seen(index) for index in range(seen)],
        seen_gpus=seen,
        capability=torch.cuda.get_device_capability(0) if seen else None,
        here=_disk(Path.cwd()),
        cache=_disk(Path(constants.HF_HUB_CACHE)),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_gib=memory,
        free_memory_gib=free,
        shared_memory_gib=_disk(Path("/dev/shm")).free_gib if Path("/dev/shm").is_dir() else None,
        open_files=_open_files(),
        login=_login(),
        offline=constants.HF_HUB_OFFLINE,
        gnupg=str(gnupg) if gnupg else None,
    )


def _gpus() -> list[Gpu]:
    """What the driver says, also where PyTorch cannot use it; nothing where there is no `nvidia-smi`."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return []
    try:
        done = subprocess.run([command, *_ASK_DRIVER], capture_output=True, text=True, timeout=_ASK_WITHIN_S)
    except (OSError, subprocess.TimeoutExpired):
        return []
    lines = [[part.strip() for part in line.split(",")] for line in done.stdout.splitlines()]
    return [
        Gpu(name, _number(total) / 1024, _number(free) / 1024, driver)
        for name, total, free, driver in (line for line in lines if len(line) == 4)
    ]


def _number(text: str) -> float:
    """In MiB; of some GPUs the driver says `[N/A]`."""
    try:
        return float(text)
    except ValueError:
        return 0.0


def _as_seen(index: int) -> Gpu:
    import torch

    facts = torch.cuda.get_device_properties(index)
    return Gpu(facts.name, facts.total_memory / 2**30, None, None)


def _disk(folder: Path) -> Disk:
    """The disk that a folder lies on, or would lie on."""
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    return Disk(str(folder), round(shutil.disk_usage(there).free / 2**30, 1))


def _memory() -> tuple[float | None, float | None]:
    """In all and free, of this machine; what a container may use of it can be less."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None, None
    facts = {name: int(value.split()[0]) / 2**20 for name, _, value in (line.partition(":") for line in lines)}
    return facts.get("MemTotal"), facts.get("MemAvailable")


def _open_files() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _login() -> str | None:
    """Where the token is, and never the token; whether the Hub takes it is not asked."""
    from huggingface_hub import constants, get_token

    if not get_token():
        return None
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if os.environ.get(name):
            return name
    return constants.HF_TOKEN_PATH
