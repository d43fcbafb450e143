"""A Slurm of this machine: `srun` and `scontrol` on PATH, which say to a job what the real ones say.

Each "node" is another address of loopback, so that what is told of the nodes leads somewhere. What it does not play:
the queue, the limits, and that nodes have files of their own.
"""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

_SRUN = """#!{python}
# srun: runs the command --ntasks times, as the tasks of one step.
import os, signal, subprocess, sys

arguments, options = sys.argv[1:], {{}}
while arguments and arguments[0].startswith("--"):
    name, _, value = arguments.pop(0)[2:].partition("=")
    options[name] = value
tasks = int(options.get("ntasks", 1))
nodes = options.get("nodelist", os.environ["SLURM_JOB_NODELIST"]).split(",")[: int(options.get("nodes", 1))]
each = int(options.get("ntasks-per-node", tasks // len(nodes)))
assert tasks == each * len(nodes), options
with open({log!r}, "a") as log:
    print("srun", *sys.argv[1:], file=log)
running = []
for task in range(tasks):
    step = {{
        "SLURM_STEP_ID": "0",
        "SLURM_STEP_NUM_TASKS": str(tasks),
        "SLURM_STEP_NODELIST": ",".join(nodes),
        "SLURM_STEP_TASKS_PER_NODE": f"{{each}}(x{{len(nodes)}})" if len(nodes) > 1 else str(each),
        "SLURM_PROCID": str(task),
        "SLURM_NODEID": str(task // each),
        "SLURM_LOCALID": str(task % each),
    }}
    running.append(subprocess.Popen(arguments, env=os.environ | step))
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda number, frame: [task.send_signal(number) for task in running])
codes = [task.wait() for task in running]
sys.exit(max(abs(code) for code in codes))
"""

_SCONTROL = """#!{python}
# scontrol: `show hostnames LIST`, where LIST is names between commas; all else is written down.
import sys

if sys.argv[1:3] == ["show", "hostnames"]:
    print(*sys.argv[3].split(","), sep="\\n")
with open({log!r}, "a") as log:
    print("scontrol", *sys.argv[1:], file=log)
"""

_GPG = """#!/bin/sh
exec {python} -m gpg_cli "$@"
"""


class Slurm:
    """The commands in a folder of their own, and jobs that find them first.

    Attributes:
        log: a line for every call of `srun` and `scontrol`.
    """

    def __init__(self, folder: Path) -> None:
        self._bin = folder / "bin"
        self._bin.mkdir()
        self.log = folder / "slurm.log"
        self.log.touch()
        for name, text in (("srun", _SRUN), ("scontrol", _SCONTROL), ("gpg", _GPG)):
            self.add(name, text.format(python=sys.executable, log=str(self.log)))

    def add(self, name: str, script: str) -> None:
        (self._bin / name).write_text(script)
        (self._bin / name).chmod(0o755)

    def start(self, script: Path, *arguments: str, nodes: int, **variables: str) -> "Job":
        """What `sbatch --nodes=NODES SCRIPT ARGUMENTS` would run on the first node."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SLURM_")},
            "PATH": f"{self._bin}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "SLURM_JOB_ID": str(os.getpid()),
            "SLURM_JOB_NODELIST": ",".join(f"127.0.0.{number}" for number in range(1, nodes + 1)),
            "SLURM_CPUS_ON_NODE": "2",
            "SLURM_NTASKS": str(nodes),
            "SLURM_PROCID": "0",
            **variables,
        }
        return Job(["bash", str(script), *arguments], environment)


class Job:
    """A running batch script; at its end nothing of it is left running, as on a cluster."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def end(self, timeout_s: float = 300) -> tuple[int, str, str]:
        """Its exit code, stdout and stderr."""
        try:
            # Of the script alone: what it left running may hold its output open.
            code = self.process.wait(timeout_s)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        out, err = self.process.communicate()
        return code, out, err
