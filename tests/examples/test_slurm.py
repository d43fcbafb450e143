"""examples/slurm, run as a cluster would run them."""

import importlib.util
import os
import re
import shlex
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.examples.slurm import Slurm

SCRIPTS = Path(__file__).parents[2] / "examples" / "slurm"
SHARING = "zero3" if importlib.util.find_spec("deepspeed") else "ddp"

# Writes its command line down, and answers as a server does whose model is loaded.
TRL = """#!/bin/sh
echo "$@" > trl.txt
exec {python} -c 'import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()' {port}
"""


@pytest.fixture
def slurm(tmp_path: Path) -> Slurm:
    return Slurm(tmp_path)


@pytest.fixture
def recipe(json_lines: Callable) -> Path:
    rows = json_lines(*({"problem": f"1{n}+1{n}=", "answer": str(20 + 2 * n)} for n in range(12)))
    path = Path("recipe.yaml").absolute()
    path.write_text(
        f"dataset_name: {rows}\nuse_chat_template: false\nreward_funcs: [cosine]\ncosine_max_len: 20\n"
        "num_generations: 4\nper_device_train_batch_size: 4\ngradient_accumulation_steps: 1\neval_bench: null\n"
        "max_completion_length: 8\nsave_strategy: 'no'\ngradient_checkpointing: false\nbf16: false\n"
    )
    return path


@pytest.mark.slow
def test_two_nodes_train_are_stopped_in_time_and_go_on(slurm: Slurm, recipe: Path, tiny_model: Path) -> None:
    sizes = {
        "RUN": "run",
        "PRESET": "quickstart",
        "MODEL": str(tiny_model),
        "SERVER_NODES": "0",
        "PROCESSES_PER_NODE": "1",
        "SHARING": SHARING,
    }
    given = ("--config", str(recipe), "--vllm", "off")
    job = slurm.start(SCRIPTS / "train.sbatch", *given, "--max-steps", "1000", nodes=2, **sizes)
    metrics = Path("run/metrics.jsonl")
    while not metrics.is_file() or len(metrics.read_text().splitlines()) < 2:
        assert job.process.poll() is None, job.end()
        time.sleep(0.1)
    # What --signal=B:TERM@600 sends: to the script alone.
    os.kill(job.process.pid, signal.SIGTERM)
    code, out, err = job.end()
    assert code == 0, err
    assert "SIGTERM: finishing the step, then saving" in err
    steps = len(metrics.read_text().splitlines())
    assert Path(f"run/checkpoint-{steps}").is_dir()
    assert f"scontrol requeue {os.getpid()}" in slurm.log.read_text().splitlines()

    again = slurm.start(
        SCRIPTS / "train.sbatch", *given, "--max-steps", str(steps + 2), nodes=2, SLURM_RESTART_COUNT="1", **sizes
    )
    code, out, err = again.end()
    assert code == 0, err
    assert out.count(f"Done. {steps + 2} steps") == 1, "two processes, one story"
    assert Path("run/model/model.safetensors").is_file()
    assert slurm.log.read_text().count("requeue") == 1
    assert sum(line.startswith("srun") for line in slurm.log.read_text().splitlines()) == 2


@pytest.mark.slow
def test_the_server_has_a_node_of_its_own_and_training_is_told_of_it(
    slurm: Slurm, recipe: Path, tiny_model: Path
) -> None:
    """The command lines are accepted by the programs they are for; vLLM's transfer of weights needs GPUs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    slurm.add("trl", TRL.format(python=sys.executable, port=port))
    sizes = {"RUN": "run", "MODEL": str(tiny_model), "PROCESSES_PER_NODE": "1", "PORT": str(port), "SHARING": SHARING}
    job = slurm.start(SCRIPTS / "train.sbatch", "--config", str(recipe), "--dry-run", nodes=3, **sizes)
    code, out, err = job.end()
    assert code == 0, err
    assert f"vllm_server_base_url: http://127.0.0.1:{port}" in out
    assert f"accelerate: {SHARING}" in out

    served, trained = sorted(slurm.log.read_text().splitlines()[1:], key=lambda line: "gpg train" in line)
    assert "--nodelist=127.0.0.1 " in served
    assert "--nodelist=127.0.0.2,127.0.0.3 " in trained
    from trl.scripts.vllm_serve import build_command, make_parser

    arguments = Path("trl.txt").read_text().split()
    assert arguments.pop(0) == "vllm-serve"
    server, *rest = make_parser().parse_args_and_config(arguments, return_remaining_strings=True)
    assert rest in ([], [[]])
    assert {str(tiny_model), str(port), "--weight-transfer-config"} <= set(build_command(server))


def sizes_named() -> list[str]:
    """The command lines in the head of train.sbatch, one for each size of a model."""
    head = "".join(line.lstrip("# ") for line in (SCRIPTS / "train.sbatch").read_text().splitlines(True)[:45])
    return re.findall(r"^RUN=\.\.\. .+$", head.replace("\\\n", " "), re.MULTILINE)


@pytest.mark.parametrize("line", sizes_named(), ids=["1.5B", "7B", "7B-server", "32B"])
def test_the_sizes_it_names_are_accepted(line: str, gpg: Callable, tiny_model: Path, json_lines: Callable) -> None:
    words = shlex.split(line)
    given = dict(word.split("=", 1) for word in words if re.match(r"[A-Z_]+=", word))
    nodes = int(words[words.index("sbatch") + 1].removeprefix("--nodes="))
    options = words[words.index("examples/slurm/train.sbatch") + 1 :]
    rows = json_lines(*({"problem": f"{n}+1", "answer": str(n + 1), "solution": f"${n + 1}$"} for n in range(99)))
    where = (
        f"--num-machines={nodes - int(given.get('SERVER_NODES', 1))}",
        f"--num-processes={given.get('PROCESSES_PER_NODE', 8)}",
        "--main-process-ip=192.0.2.1",
    )
    # By default the script asks for Qwen2.5-Math-7B's preset; data and model are small ones here.
    outcome = gpg(
        *("train", "--preset", given.get("PRESET", "qwen2.5-math-7b"), "--model", tiny_model, "--dataset", rows),
        *(
            "--set",
            "dataset_config=null",
            "--set",
            "use_chat_template=false",
            "--set",
            f"accelerate={given.get('SHARING', SHARING)}",
        ),
        *("--output-dir", "run", "--dry-run", *where, *options),
    )
    assert outcome.code == 0, outcome.err


def test_a_server_that_ends_ends_the_job(slurm: Slurm) -> None:
    slurm.add("trl", "#!/bin/sh\nexit 1\n")
    slurm.add("gpg", "#!/bin/sh\nexec sleep 60\n")
    code, _, err = slurm.start(SCRIPTS / "train.sbatch", nodes=2, RUN="run").end(timeout_s=20)
    assert code == 1
    assert "the vLLM server has ended" in err


@pytest.mark.parametrize(
    ("nodes", "sizes", "message"),
    [
        (1, {}, "RUN: say where the run is to be"),
        (1, {"RUN": "run"}, "1 nodes cannot be 1 for the server"),
        (3, {"RUN": "run", "SERVER_NODES": "2"}, "3 nodes cannot be 2 for the server"),
    ],
)
def test_sizes_that_do_not_fit_are_said_before_anything_starts(
    slurm: Slurm, nodes: int, sizes: dict[str, str], message: str
) -> None:
    code, _, err = slurm.start(SCRIPTS / "train.sbatch", nodes=nodes, **sizes).end()
    assert code != 0
    assert message in err
    assert "srun" not in slurm.log.read_text()


def test_each_array_task_measures_a_model_of_its_own(slurm: Slurm, tiny_model: Path) -> None:
    variables = {"BENCH": "quickstart", "OPTIONS": "--engine transformers --limit 2 --max-tokens 4"}
    for task in ("0", "1"):
        code, _, err = slurm.start(
            SCRIPTS / "eval.sbatch", "no-such-model", str(tiny_model), nodes=1, SLURM_ARRAY_TASK_ID=task, **variables
        ).end()
        assert (code == 0) == (task == "1"), err
        assert ("no-such-model" in err) == (task == "0")
    assert len(list(Path("runs").glob("eval-*/results.json"))) == 1
    code, _, err = slurm.start(SCRIPTS / "eval.sbatch", "a", nodes=1, SLURM_ARRAY_TASK_ID="1").end()
    assert (code, "--array=0-0" in err) == (2, True)
