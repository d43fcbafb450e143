"""Starting processes: what they are told, and what becomes of them when one fails or the user stops them."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.training import launch as launching
from gpg_cli.training.launch import Machines, default_processes, is_launched, launch, process_rank, world_size
from gpg_cli.training.slurm import first_host

# Every script has its rank, a folder to write to, and says when it has come so far as to be sent a signal.
_PRELUDE = """
import json, os, signal, sys, time
from pathlib import Path
rank, folder = int(os.environ["RANK"]), Path(sys.argv[1])
def ready():
    (folder / f"ready-{rank}").touch()
def told(text):
    with open(folder / f"told-{rank}", "a") as file:
        file.write(text + "\\n")
"""


@pytest.fixture(autouse=True)
def _no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "_visible_gpus", lambda: 0)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., int]:
    """`run("exit(3)", send=[SIGTERM])`: the exit code of two processes with this script."""
    two = Machines(2)

    def run(script: str, machines: Machines = two, send: tuple[int, ...] = ()) -> int:
        (tmp_path / "script.py").write_text(_PRELUDE + script)

        def send_when_ready() -> None:
            for number in send:
                _wait_for(lambda: all((tmp_path / f"ready-{rank}").exists() for rank in (0, 1)))
                os.kill(os.getpid(), number)
                time.sleep(0.3)

        sender = threading.Thread(target=send_when_ready)
        sender.start()
        code = launch(machines, [str(tmp_path)], program=(sys.executable, str(tmp_path / "script.py")))
        sender.join()
        return code

    return run


def _wait_for(condition: Callable[[], bool], timeout_s: float = 10) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_every_process_knows_its_place(
    run: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("WORLD_SIZE", "99")
    machines = Machines(2, num_machines=3, machine_rank=1, main_process_ip="10.0.0.1")
    assert run("(folder / f'{rank}.json').write_text(json.dumps(dict(os.environ)))", machines) == 0
    expected = {"WORLD_SIZE": "6", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "29500"}
    for local_rank in (0, 1):
        told = json.loads((tmp_path / f"{2 + local_rank}.json").read_text())
        assert told["LOCAL_RANK"] == str(local_rank)
        assert told.items() >= expected.items()
        assert told["OMP_NUM_THREADS"] == "7"
        assert told["DS_ACCELERATOR"] == told["ACCELERATE_TORCH_DEVICE"] == "cpu"
        assert "ACCELERATE_USE_CPU" not in told


def test_a_free_port_is_found_for_one_machine(run: Callable[..., int], tmp_path: Path) -> None:
    assert run("(folder / 'told.json').write_text(json.dumps(dict(os.environ)))", Machines(1)) == 0
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["MASTER_ADDR"] == "127.0.0.1"
    assert int(told["MASTER_PORT"]) > 1023


def test_only_rank_0_is_heard(run: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    assert run("print('out of', rank); print('err of', rank, file=sys.stderr)") == 0
    assert capfd.readouterr() == ("out of 0\n", "err of 0\n")


def test_the_first_failure_ends_the_others_and_is_explained(
    run: Callable[..., int], capfd: pytest.CaptureFixture[str]
) -> None:
    started = time.monotonic()
    script = """
if rank == 0:
    time.sleep(60)
print(*(f"[line] {n}" for n in range(30)), sep="\\n", file=sys.stderr)
exit(3)"""
    assert run(script) == 3
    assert time.monotonic() - started < 10
    lines = capfd.readouterr().err.splitlines()
    assert lines == ["rank 1 of 2 failed with exit code 3; the others were stopped"] + [
        f"[line] {n}" for n in range(10, 30)
    ]


def test_one_that_will_not_end_is_killed(run: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "_GRACE_S", 0.3)
    script = """
if rank == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ready()
    time.sleep(60)
while not (folder / "ready-0").exists():
    time.sleep(0.02)
exit(1)"""
    assert run(script) == 1


def test_death_by_a_signal_is_named(run: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    assert run("os.kill(os.getpid(), signal.SIGKILL) if rank else time.sleep(60)") == 128 + signal.SIGKILL
    assert "rank 1 of 2 was killed by SIGKILL (often: out of memory)" in capfd.readouterr().err


def test_a_mistake_all_make_is_said_once(run: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    script = "time.sleep(0.0 if rank else 0.5); print('no such preset', file=sys.stderr); exit(2)"
    assert run(script) == 2
    assert capfd.readouterr().err == "no such preset\n"


_SAVES_WHEN_STOPPED = """
def stop(number, frame):
    told(signal.Signals(number).name)
    stop.asked += 1
stop.asked = 0
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
ready()
"""


def test_sigterm_is_passed_on_once_and_waited_for(run: Callable[..., int], tmp_path: Path) -> None:
    script = _SAVES_WHEN_STOPPED + "while not stop.asked: time.sleep(0.02)\ntime.sleep(1); told('saved')"
    assert run(script, send=(signal.SIGTERM, signal.SIGTERM)) == 0
    assert [(tmp_path / f"told-{rank}").read_text() for rank in (0, 1)] == ["SIGTERM\nsaved\n"] * 2


def test_a_closed_terminal_is_a_reason_to_save(run: Callable[..., int], tmp_path: Path) -> None:
    script = _SAVES_WHEN_STOPPED + "while not stop.asked: time.sleep(0.02)"
    # Under nohup the signal is ignored, by us too.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        assert run(script, send=(signal.SIGHUP,)) == 0
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (tmp_path / "told-1").read_text() == "SIGTERM\n"


def test_sigint_is_passed_on_each_time(
    run: Callable[..., int], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    script = _SAVES_WHEN_STOPPED + "while stop.asked < 2: time.sleep(0.02)\nexit(130)"
    assert run(script, send=(signal.SIGINT, signal.SIGINT)) == 130
    assert (tmp_path / "told-1").read_text() == "SIGINT\nSIGINT\n"
    assert capfd.readouterr().err == ""


def test_the_third_sigint_kills(run: Callable[..., int]) -> None:
    script = _SAVES_WHEN_STOPPED + "while True: time.sleep(0.02)"
    assert run(script, send=(signal.SIGINT,) * 3) == 128 + signal.SIGKILL


def test_one_that_has_stopped_does_not_cut_short_another_that_saves(run: Callable[..., int], tmp_path: Path) -> None:
    script = (
        _SAVES_WHEN_STOPPED + "while not stop.asked: time.sleep(0.02)\nif rank: exit(143)\ntime.sleep(1)\ntold('saved')"
    )
    assert run(script, send=(signal.SIGTERM,)) == 143
    assert (tmp_path / "told-0").read_text() == "SIGTERM\nsaved\n"


def test_signals_are_the_callers_again_afterwards(run: Callable[..., int]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert run("") == 0
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.skipif(sys.platform != "linux", reason="needs the kernel's help")
def test_processes_do_not_outlive_a_killed_launcher(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(_PRELUDE + "told(str(os.getpid())); ready(); time.sleep(60)")
    launcher = f"""
from gpg_cli.training import launch
launch._visible_gpus = lambda: 0
launch.launch(launch.Machines(2), [{str(tmp_path)!r}], program=({sys.executable!r}, {str(tmp_path / "script.py")!r}))"""
    process = subprocess.Popen([sys.executable, "-c", launcher])
    # It imports torch.
    _wait_for(lambda: all((tmp_path / f"ready-{rank}").exists() for rank in (0, 1)), timeout_s=60)
    pids = [int((tmp_path / f"told-{rank}").read_text()) for rank in (0, 1)]
    process.kill()
    process.wait()
    _wait_for(lambda: not any(_is_running(pid) for pid in pids))


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


@pytest.mark.parametrize(
    ("machines", "message"),
    [
        ({"num_processes": 0}, "cannot train"),
        ({"num_processes": 2, "num_machines": 0}, "cannot train"),
        ({"num_processes": 2, "machine_rank": 1}, "--machine-rank 1 is outside 0 to 0"),
        ({"num_processes": 2, "num_machines": 2, "machine_rank": -1, "main_process_ip": "a"}, "outside 0 to 1"),
        ({"num_processes": 2, "num_machines": 2}, "2 machines need to know where machine 0 is"),
        ({"num_processes": 5}, "5 processes were asked for and 4 GPUs are visible"),
    ],
)
def test_machines_that_cannot_be_had(machines: dict, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "_visible_gpus", lambda: 4)
    with pytest.raises(GpgError, match=message):
        Machines(**machines)


def test_one_process_for_each_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_processes() == 1
    assert Machines(8).world_size == 8
    monkeypatch.setattr(launching, "_visible_gpus", lambda: 4)
    assert default_processes() == 4


@pytest.mark.parametrize(
    ("environment", "launched", "place"),
    [
        ({}, False, (0, 1)),
        ({"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2"}, True, (1, 2)),
        ({"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}, True, (0, 1)),
        ({"RANK": "1", "WORLD_SIZE": "2"}, False, (1, 2)),
        ({"ACCELERATE_DYNAMO_BACKEND": "NO"}, True, (0, 1)),
        # sbatch's script, and a shell of salloc's: one process, whatever the job was given.
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "8", "SLURM_JOB_ID": "7"}, False, (0, 1)),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "8", "SLURM_STEP_NUM_TASKS": "1"}, False, (0, 1)),
        ({"SLURM_PROCID": "5", "SLURM_STEP_NUM_TASKS": "8", "SLURM_LOCALID": "1"}, True, (5, 8)),
    ],
)
def test_a_launcher_is_recognised(
    environment: dict[str, str], launched: bool, place: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", dict(environment))
    assert is_launched() is launched
    assert (process_rank(), world_size()) == place


def test_what_srun_sets_is_translated(monkeypatch: pytest.MonkeyPatch) -> None:
    step = {
        "SLURM_STEP_NUM_TASKS": "11",
        "SLURM_PROCID": "9",
        "SLURM_LOCALID": "1",
        "SLURM_NODEID": "2",
        "SLURM_STEP_TASKS_PER_NODE": "4(x2),3",
        "SLURM_STEP_NODELIST": "gpu[03-04,9]-ib",
        "SLURM_LAUNCH_NODE_IPADDR": "10.9.9.9",
        "SLURM_JOB_ID": "123456",
        "SLURM_STEP_ID": "0",
        "MASTER_PORT": "4242",
    }
    monkeypatch.setattr(os, "environ", dict(step))
    assert is_launched()
    expected = {"RANK": "9", "LOCAL_RANK": "1", "WORLD_SIZE": "11", "LOCAL_WORLD_SIZE": "3", "MASTER_ADDR": "gpu03-ib"}
    assert os.environ.items() >= expected.items()
    assert os.environ["MASTER_PORT"] == "4242", "what the user set stays"


@pytest.mark.parametrize(
    ("nodes", "first"),
    [("n1", "n1"), ("n1,n2", "n1"), ("n[1-3],m4", "n1"), ("n[07]", "n07"), ("a[1,3]b[2-4]", "a1b2"), ("", "")],
)
def test_the_first_host_of_a_list(nodes: str, first: str) -> None:
    assert first_host(nodes) == first
