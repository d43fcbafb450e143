"""What a run leaves on record goes along with its model: run.json, metrics.jsonl and results.json, without secrets."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gpg_cli.metrics_file import read_metrics, step_of
from gpg_cli.publishing.cleaning import public_text, public_value
from gpg_cli.publishing.names import last_component
from gpg_cli.publishing.scores import BenchScore
from gpg_cli.run_folder import METRICS_FILE, RUN_FILE, ModelSource, read_json, write_json

RESULTS_FILE = "results.json"
SCHEMA = 1

# The name of a reward or a benchmark, which may be one of a file, inside the key of a number.
_NAMED = re.compile(r"(rewards|eval)/(.+)/(\w+)")


def write_records(folder: Path, source: ModelSource, scores: list[BenchScore], *, step: int | None) -> None:
    """Write run.json, metrics.jsonl and results.json into an exported folder; those there is nothing for are left out.

    Every text in them is as `cleaning.public_text` has it: no place on a disk, no token, no address.

    Args:
        source: the model, and the run it belongs to; a model that is no run's has no records.
        scores: of this very model.
        step: of a checkpoint on the way: what came after it is not on its record. None for the final model.

    Raises:
        GpgError: run.json or a whole line of metrics.jsonl is no JSON object.
    """
    if source.run is not None:
        run = public_value(read_json(source.run / RUN_FILE))
        if step is not None:
            # The run's summary is about its final model.
            run |= {"summary": None, "exported_step": step}
        write_json(folder / RUN_FILE, run)
        lines = [line for line in read_metrics(source.run) if step is None or _is_before(line, step)]
        if lines:
            text = "".join(json.dumps(_clean_metrics(line)) + "\n" for line in lines)
            (folder / METRICS_FILE).write_text(text, encoding="utf-8")
    if scores:
        benches = {score.bench: _result(score) for score in scores}
        write_json(folder / RESULTS_FILE, public_value({"schema": SCHEMA, "benches": benches}))


def _is_before(line: Mapping[str, Any], step: int) -> bool:
    at = step_of(line)
    return at is not None and at <= step


def _clean_metrics(line: Mapping[str, Any]) -> dict[str, Any]:
    cleaned = {}
    for key, value in line.items():
        named = _NAMED.fullmatch(key)
        shown = f"{named[1]}/{public_text(named[2])}/{named[3]}" if named else public_text(key)
        cleaned[shown] = public_value(value)
    return cleaned


def _result(score: BenchScore) -> dict[str, Any]:
    """A benchmark's entry as `gpg eval` wrote it, and what results.json says once for all of them."""
    whole = dict(score.whole_result)
    if isinstance(whole.get("model"), str):
        # It is a run's final model, which was named by its folder.
        whole["model"] = last_component(whole["model"])
    # The number of samples stands in the entry's sampling, as n.
    whole.pop("samples", None)
    return {**score.entry, **whole}
