"""`gpg eval` is killed, again and again, and goes on: what it leaves is what an uninterrupted one leaves."""

import importlib.util
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults import LONG

Tally = Callable[[str, int], None]

_PACKAGE = "gpg_cli.evaluation"
# Phases that are too short to be met by a clock: the modules that are at work in them.
PHASES = {
    "judging": (f"{_PACKAGE}.sampling",),
    "writing the journal": (f"{_PACKAGE}.journal",),
    "writing results": (
        *(f"{_PACKAGE}.{name}" for name in ("results", "lighteval_results", "record", "writing", "folder")),
        "gpg_cli.run_folder",
    ),
    "writing the page": (f"{_PACKAGE}.page", "gpg_cli.page"),
}
# Lines that these modules come to for a handful of samples: an evaluation that is killed makes some headway.
_LINES_OF_A_FEW_SAMPLES = 500
PROBLEMS, SAMPLES = 16, 6
_CLOCKS = re.compile(rb'"(?:created|seconds|output_dir|start_time|end_time|total_evaluation_time_secondes)": .*')


@dataclass
class Evaluation:
    """One `gpg eval`, into a folder that is gone on with."""

    model: Path
    data: Path
    engine: str

    def command(self, folder: Path, modules: str = "-", line: int = 0) -> list[str]:
        options = {"--model": self.model, "--bench": "amc23", "--data": f"amc23={self.data}", "--samples": str(SAMPLES)}
        options |= {"--max-tokens": "60", "--temperature": "0.6", "--engine": self.engine, "--output-dir": folder}
        given = [str(each) for pair in options.items() for each in pair]
        small = ["--engine-arg", "batch_size=8"] if self.engine == "transformers" else []
        return [sys.executable, "-m", "tests.faults.killing", modules, str(line), "eval", *given, *small, "--html"]

    def start(self, folder: Path, modules: str = "-", line: int = 0) -> "subprocess.Popen[bytes]":
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
        with (folder.parent / f"{folder.name}.log").open("wb") as log:
            return subprocess.Popen(
                self.command(folder, modules, line),
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                start_new_session=True,
            )

    def finish(self, folder: Path, modules: str = "-") -> Counter[str]:
        """Run to the end; how many lines of the modules it came to."""
        process = self.start(folder, modules)
        out, _ = process.communicate()
        assert process.returncode == 0, (folder.parent / f"{folder.name}.log").read_text()
        return Counter(json.loads(re.findall(rb"\{.*\}$", out, re.MULTILINE)[-1]))


@pytest.fixture
def data(json_lines: Callable[..., Path]) -> Path:
    return json_lines(*({"problem": f"What is {number}+1?", "answer": str(number + 1)} for number in range(PROBLEMS)))


def seconds_until_first_sample(process: "subprocess.Popen[bytes]", folder: Path, more: int) -> None:
    """Wait until some more samples are in the journal, or the process has ended."""
    path = folder / "samples.jsonl"
    before = path.read_bytes().count(b"\n") if path.exists() else 0
    while process.poll() is None and (not path.exists() or path.read_bytes().count(b"\n") < before + more):
        time.sleep(0.02)


def processes_of(group: int) -> list[str]:
    """What still runs of a process group, by its command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(stat[2]) == group and stat[0] != "Z":
                found.append((entry / "cmdline").read_text().replace("\0", " ")[:200])
        except OSError:
            continue
    return found


def left_running(group: int, limit_s: float = 60.0) -> list[str]:
    """The same, after they had some time to notice that their parent has gone."""
    until = time.monotonic() + limit_s
    while (found := processes_of(group)) and time.monotonic() < until:
        time.sleep(0.1)
    return found


def content(folder: Path) -> dict[str, bytes]:
    """What an evaluation left, without clocks and dates."""
    files = {}
    for path in folder.rglob("*"):
        text = _CLOCKS.sub(b"", path.read_bytes())
        name = "lighteval" if path.name.startswith("results_") else path.name
        if name == "report.html":
            text = re.sub(rb"<time.*?</time>|\d{4}-\d\d-\d\d \d\d:\d\d|\d+(?:\.\d)? (?:s|min)\b", b"", text)
        files[name] = text
    return files


def check_equal(killed: Path, uninterrupted: Path) -> None:
    expected, found = content(uninterrupted), content(killed)
    assert sorted(found) == sorted(expected)
    keys = [(row["index"], row["number"]) for row in map(json.loads, found["samples.jsonl"].splitlines())]
    assert keys == [(index, number) for index in range(PROBLEMS) for number in range(SAMPLES)]
    for name, text in expected.items():
        assert found[name] == text, name


def kill_again_and_again(evaluation: Evaluation, folder: Path, plan: list[str], lines: Counter[str]) -> Counter[str]:
    """Kill an evaluation in these phases, one after the other; in which it really was killed."""
    moments = random.Random(8)
    fell: Counter[str] = Counter()
    for phase in plan:
        modules = PHASES.get(phase, ("-",))
        known = sum(count for name, count in lines.items() if name.startswith(modules))
        of_samples = phase in ("judging", "writing the journal")
        line = moments.randint(1, _LINES_OF_A_FEW_SAMPLES if of_samples else known) if phase in PHASES else 0
        process = evaluation.start(folder, ",".join(modules), line)
        if phase == "starting":
            time.sleep(moments.uniform(0.5, 6.0))
        elif phase == "generating":
            seconds_until_first_sample(process, folder, moments.randint(1, 3))
            time.sleep(moments.uniform(0, 0.05))
        # The parent alone, as when memory runs out, or all of them.
        if phase not in PHASES:
            (os.kill if moments.random() < 0.5 else os.killpg)(process.pid, signal.SIGKILL)
        process.communicate()
        fell[phase] += process.returncode == -signal.SIGKILL
        assert left_running(process.pid) == []
    return fell


SHORT = ["generating", "writing results"]
TRANSFORMERS = 2 * ["starting"] + 5 * ["generating"] + 4 * ["judging", "writing the journal"]
TRANSFORMERS += 3 * ["writing results"] + 2 * ["writing the page"]
VLLM = 2 * ["starting"] + 5 * ["generating"] + 3 * ["judging"] + 3 * ["writing the journal"]
VLLM += 4 * ["writing results"] + 3 * ["writing the page"]


@pytest.mark.parametrize(
    ("engine", "plan"),
    [
        pytest.param("transformers", SHORT, id="transformers"),
        pytest.param("transformers", TRANSFORMERS, marks=LONG, id="transformers-20"),
        pytest.param("vllm", VLLM, marks=LONG, id="vllm-20"),
    ],
)
def test_killed_at_random_moments_it_ends_as_if_never_interrupted(
    chat_model: Path, data: Path, tmp_path: Path, tally: Tally, engine: str, plan: list[str]
) -> None:
    if engine == "vllm" and importlib.util.find_spec("vllm") is None:
        pytest.skip("vLLM is not installed")
    evaluation = Evaluation(chat_model, data, engine)
    lines = evaluation.finish(tmp_path / "uninterrupted", ",".join(sum(PHASES.values(), ())))
    killed = tmp_path / "killed"
    fell = kill_again_and_again(evaluation, killed, plan, lines)
    evaluation.finish(killed)
    check_equal(killed, tmp_path / "uninterrupted")
    assert fell == Counter(plan)
    for phase, times in fell.items():
        tally(f"evaluations with {engine} killed while {phase}", times)
