"""What the trackers have of a run, each read by its own reader."""

import struct
from pathlib import Path
from typing import Any

# A step to what is known of it.
Lines = dict[int, dict[str, float]]


def in_tensorboard(folder: Path) -> tuple[Lines, str, dict[str, int]]:
    """Numbers by step, the settings as they are shown, and how often each number was logged after purging."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0}).Reload()
    lines: Lines = {}
    counts = {}
    for name in events.Tags()["scalars"]:
        found = events.Scalars(name)
        counts[name] = len(found)
        for event in found:
            lines.setdefault(event.step, {})[name] = event.value
    return lines, events.Tensors("settings/text_summary")[-1].tensor_proto.string_val[0].decode(), counts


def in_trackio(folder: Path, project: str, run: str) -> tuple[Lines, dict[str, Any], list[int]]:
    """Numbers by step, the configuration, and the steps whose metrics were logged; a process of its own asks."""
    import json
    import os
    import subprocess
    import sys

    asks = (
        "import json, trackio\n"
        "from trackio.sqlite_storage import SQLiteStorage\n"
        f"runs = list(trackio.Api().runs({project!r}))\n"
        f"[run] = [run for run in runs if run.name == {run!r}]\n"
        f"logs = SQLiteStorage.get_logs({project!r}, {run!r})\n"
        "print('\\n' + json.dumps([run.config, logs]))\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", asks],
        env=os.environ | {"TRACKIO_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    config, logs = json.loads(told.splitlines()[-1])
    lines: Lines = {}
    for log in logs:
        numbers = {name: value for name, value in log.items() if isinstance(value, int | float) and name != "step"}
        lines.setdefault(log["step"], {}).update(numbers)
    return lines, config, [log["step"] for log in logs if "reward" in log]


def in_wandb(file: Path) -> tuple[Lines, dict[str, Any], dict[str, Any], Any]:
    """Numbers by step, the configuration, the summary, and the run's own record, of a .wandb file."""
    import json

    from wandb.proto.wandb_internal_pb2 import Record

    lines: Lines = {}
    config: dict[str, Any] = {}
    summary: dict[str, Any] = {}
    run: Any = None
    for content in _records(file.read_bytes()):
        record = Record.FromString(content)
        if record.HasField("history"):
            items = {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
            lines.setdefault(int(items["_step"]), {}).update(items)
        if record.HasField("summary"):
            summary |= {
                item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.summary.update
            }
        if record.HasField("run"):
            run = record.run
            config |= {item.key: json.loads(item.value_json) for item in record.run.config.update}
        if record.HasField("config"):
            config |= {item.key: json.loads(item.value_json) for item in record.config.update}
    return lines, config, summary, run


def _records(content: bytes) -> list[bytes]:
    """Records of LevelDB's log format behind wandb's header; wandb 0.31 reads them in a program that is not Python."""
    assert content[:4] == b":W&B"
    records, place, whole = [], 7, b""
    while place + 7 <= len(content):
        left = 32768 - place % 32768
        if left < 7:
            place += left
            continue
        length, kind = struct.unpack("<HB", content[place + 4 : place + 7])
        whole += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # the whole record, or its last part
            records.append(whole)
            whole = b""
    return records
