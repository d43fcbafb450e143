"""The `gpg eval` lines that give a card's numbers again: one for all benchmarks that were asked in the same way."""

import shlex
from typing import Any

from gpg_cli.catalog import bench_paths, profile_paths
from gpg_cli.publishing.facts import RunFacts
from gpg_cli.publishing.markdown import plain
from gpg_cli.publishing.names import last_component
from gpg_cli.publishing.scores import BenchScore
from gpg_cli.yaml_file import read_yaml_mapping

# Of the engines only those that a reader can start by name: an OpenAI-compatible server is a place.
_ENGINES = ("vllm", "transformers")


def eval_commands(model: str, facts: RunFacts | None, scores: list[BenchScore]) -> list[str]:
    """Command lines, with the options that are not what `gpg eval` would take by itself.

    Without scores it is the benchmark that the run names, or MATH-500.
    """
    if not scores:
        settings = facts.settings if facts else {}
        bench = plain(settings.get("eval_bench") or (facts and facts.measured_by) or "math500")
        return [shlex.join(["gpg", "eval", "--model", model, "--bench", bench])]
    benches: dict[tuple[str, ...], list[str]] = {}
    data: dict[tuple[str, ...], list[str]] = {}
    for score in scores:
        options = tuple(_options(score))
        benches.setdefault(options, []).append(plain(score.bench))
        if score.from_local_file:
            file = last_component(str(score.data["source"]))
            data.setdefault(options, []).extend(["--data", plain(f"{score.bench}={file}")])
    return [
        shlex.join(["gpg", "eval", "--model", model, "--bench", ",".join(names), *data.get(options, []), *options])
        for options, names in benches.items()
    ]


def _options(score: BenchScore) -> list[str]:
    own = _own_file(score.bench)
    options: list[str] = []
    if not score.is_whole:
        options += ["--limit", str(score.problems)]
    samples = score.sampling.get("n")
    if isinstance(samples, int) and samples != 1:
        options += ["--samples", str(samples)]
    sampling = own.get("sampling") or {}
    for key, fallback in (("temperature", None), ("top_p", 1.0), ("max_tokens", None)):
        value = score.sampling.get(key)
        if isinstance(value, int | float) and own and value != sampling.get(key, fallback):
            options += [f"--{key.replace('_', '-')}", f"{value:g}" if isinstance(value, float) else str(value)]
    options += _prompt_options(score, own)
    seed = score.whole_result.get("seed")
    if isinstance(seed, int) and seed != 0:
        options += ["--seed", str(seed)]
    if score.engine in _ENGINES:
        options += ["--engine", score.engine]
    return options


def _prompt_options(score: BenchScore, own: dict[str, Any]) -> list[str]:
    """What makes `gpg eval` ask in this way: the profile of a variant, or options; none where it would by itself."""
    style = score.entry.get("prompt")
    if not isinstance(style, dict) or not own:
        return []
    chat, system, variant = bool(style.get("chat")), style.get("system_prompt"), style.get("variant")
    if variant:
        profiles = {name: read_yaml_mapping(path).values for name, path in profile_paths().items()}
        named = next((name for name, profile in profiles.items() if profile.get("variant") == variant), None)
        return ["--profile", named] if named else []
    if style.get("template"):
        return ["--chat-template", "FILE"]
    by_itself = own.get("chat", True)
    options = [] if chat == by_itself else ["--chat-template", "on" if chat else "off"]
    if chat and system != own.get("system_prompt"):
        options += ["--system-prompt", plain(system or "")]
    return options


def _own_file(bench: str) -> dict[str, Any]:
    """A benchmark as its YAML file has it; empty for one that does not ship."""
    path = bench_paths().get(bench)
    return read_yaml_mapping(path).values if path else {}
