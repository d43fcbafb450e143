"""What SLURM's srun says about its tasks, in the words of torch.distributed."""

import os
import re


def adopt_slurm_step() -> None:
    """Fill in what torch.distributed reads from what srun sets.

    SLURM_NTASKS and SLURM_PROCID are set in a batch script too, which runs once; a step of several tasks is srun's.
    Rank 0 runs on the first node of the step. SLURM_LAUNCH_NODE_IPADDR is where srun was typed, maybe a login node.
    """
    slurm = os.environ
    tasks = int(slurm.get("SLURM_STEP_NUM_TASKS", 1))
    if tasks < 2 or "SLURM_PROCID" not in slurm or "RANK" in slurm:
        return
    nodes = slurm.get("SLURM_STEP_NODELIST") or slurm.get("SLURM_JOB_NODELIST", "")
    derived = {
        "RANK": slurm["SLURM_PROCID"],
        "LOCAL_RANK": slurm.get("SLURM_LOCALID", "0"),
        "WORLD_SIZE": str(tasks),
        "LOCAL_WORLD_SIZE": _tasks_on_node(slurm.get("SLURM_STEP_TASKS_PER_NODE"), int(slurm.get("SLURM_NODEID", 0))),
        "MASTER_ADDR": first_host(nodes) or slurm.get("SLURM_LAUNCH_NODE_IPADDR", "127.0.0.1"),
        # The same for all tasks of the step, another for another job on the same node.
        "MASTER_PORT": str(
            20000 + int(slurm.get("SLURM_JOB_ID", 0)) % 20000 + int(slurm.get("SLURM_STEP_ID", 0)) % 100
        ),
    }
    for name, value in derived.items():
        slurm.setdefault(name, value)


def first_host(nodes: str) -> str:
    """`gpu[03-05,9]-ib,login1` -> `gpu03-ib`: the first of a SLURM list of nodes."""
    first = re.split(r",(?![^\[]*\])", nodes)[0]
    return re.sub(r"\[([^\],-]+)[^\]]*\]", r"\1", first)


def _tasks_on_node(tasks_per_node: str | None, node: int) -> str:
    """`4(x2),3` is 4, 4 and 3 tasks; of a list that does not say, 1."""
    counts: list[str] = []
    for part in (tasks_per_node or "").split(","):
        if match := re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", part):
            counts += [match[1]] * int(match[2] or 1)
    return counts[node] if node < len(counts) else "1"
