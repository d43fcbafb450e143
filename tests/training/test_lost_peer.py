"""What a process does when another one of the run is gone: really, with two processes and gloo."""

import multiprocessing
import os
import re
import time
from pathlib import Path

import pytest

from gpg_cli.training.lost_peer import LOST_PEER, ends_when_a_peer_is_lost, is_lost_peer


def work(rank: int, meeting: str, errors: str) -> None:
    import torch.distributed

    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT), 2)
    torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
    torch.distributed.barrier()
    if rank == 1:
        os._exit(9)
    with ends_when_a_peer_is_lost(rank):
        for _ in range(100):
            torch.distributed.all_reduce(torch.ones(1000))


def test_it_says_so_in_one_line_and_ends(tmp_path: Path) -> None:
    processes = multiprocessing.get_context("spawn")
    pair = [
        processes.Process(target=work, args=(rank, str(tmp_path / "meet"), str(tmp_path / f"{rank}")))
        for rank in (0, 1)
    ]
    for process in pair:
        process.start()
    deadline = time.monotonic() + 120
    for process in pair:
        process.join(deadline - time.monotonic())
    assert [process.exitcode for process in pair] == [LOST_PEER, 9]
    said = [line for line in (tmp_path / "0").read_text().splitlines() if "Triton" not in line]
    assert len(said) == 1, said
    assert said[0].startswith("rank 0 lost its connection to another process: ")


@pytest.mark.parametrize("text", ["[gloo/pair.cc:537] no memory", "HTTP: Connection reset by peer", "shapes differ"])
def test_other_errors_stay_what_they_are(text: str) -> None:
    assert not is_lost_peer(RuntimeError(text))
    with pytest.raises(RuntimeError, match=re.escape(text)), ends_when_a_peer_is_lost(0):
        raise RuntimeError(text)
