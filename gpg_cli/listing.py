"""`gpg presets`, `gpg benches` and `gpg rewards`: what there is, without importing what is heavy."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from gpg_cli.catalog import find_evaluation_file, find_preset, preset_paths, profile_paths, suite_paths
from gpg_cli.evaluation.summaries import bench_summaries
from gpg_cli.recipe_file import BASE, read_layers
from gpg_cli.yaml_file import read_yaml_mapping


def show_presets(name: str | None) -> None:
    """All presets, one line each; or one, as it is written."""
    if name is not None:
        path = find_preset(name)
        print(path.read_text(encoding="utf-8"), end="")
        if base := read_yaml_mapping(path).values.get(BASE):
            _add(f"`gpg presets {base}` prints what it builds on.")
        return
    rows = [(preset, *_preset_facts(path)) for preset, path in preset_paths().items()]
    _show(("preset", "base model", "data", "steps", "GPUs", "published average"), rows)
    _add("`gpg presets NAME` prints one; `gpg train --preset NAME` runs it.")


def _preset_facts(path: Path) -> tuple[str, str, str, str, str]:
    """Base model and data (without their owners), steps, GPUs and published average, `-` where there is none."""
    values: dict[str, Any] = {}
    for layer in read_layers(path):
        values |= layer.values
    model, data = (str(values.get(key, "-")).rpartition("/")[2] for key in ("model_name_or_path", "dataset_name"))
    epochs = values.get("num_train_epochs")
    steps = values.get("max_steps") or f"{epochs} epoch{'s' if epochs != 1 else ''}"
    average = values.get("published_average")
    return model, data, str(steps), str(values.get("gpus", "-")), "-" if average is None else f"{average:.1f}"


def show_benches(name: str | None) -> None:
    """All benchmarks, suites and profiles, one line each; or one, as it is written."""
    if name is not None:
        print(find_evaluation_file(name).read_text(encoding="utf-8"), end="")
        return
    rows = [(bench.name, bench.title, bench.description, bench.source) for bench in bench_summaries()]
    for suite, path in suite_paths().items():
        values = read_yaml_mapping(path).values
        rows.append((suite, "suite", str(values.get("description")), ", ".join(values.get("benches") or [])))
    for profile, path in profile_paths().items():
        values = read_yaml_mapping(path).values
        rows.append((profile, "profile", str(values.get("description")), ", ".join(values.get("models") or [])))
    _show(("name", "title", "what it is", "data, parts or models"), rows)
    _add("`gpg benches NAME` prints one; `gpg eval --model MODEL --bench NAME [--profile NAME]` runs it.")


def show_rewards(name: str | None) -> None:
    """All rewards, one line each; or one, with its parameters as a recipe sets them."""
    from gpg_cli.rewards import OWN_REWARD, reward_summaries, reward_summary

    if name is None:
        between = "\n" if sys.stdout.isatty() else ", "
        rows = [
            (reward.name, reward.description, between.join(f"{item.name}={item.default}" for item in reward.parameters))
            for reward in reward_summaries()
        ]
        rows.append((OWN_REWARD, "What a function of yours says, with the signature of TRL's rewards.", ""))
        _show(("reward", "what it gives", "parameters"), rows)
        _add("`gpg rewards NAME` describes one; `reward_funcs: [accuracy, format]` in a recipe uses them.")
        return
    reward = reward_summary(name)
    print(reward.documentation)
    if reward.parameters:
        print("\nParameters, as a recipe sets them, with their defaults:\n")
        settings = [(f"{item.name}: {item.default}", item.description) for item in reward.parameters]
        width = max(len(setting) for setting, _ in settings)
        print("\n".join(f"{setting:{width}}  # {meaning}" for setting, meaning in settings))


def _show(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on a terminal; elsewhere one line a row, its columns separated by tabs, for `cut` and `grep`."""
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(row))
        return
    from gpg_cli.console import results, table

    listing = table(*columns)
    listing.columns[0].no_wrap = True  # a name cut in two cannot be copied
    for first, *others in rows:
        listing.add_row(f"[bold]{first}[/]", *others)
    results.print(listing)


def _add(hint: str) -> None:
    """What to type next, for a person."""
    if sys.stdout.isatty():
        print(f"\n{hint}")
