"""A process whose peer has died: it says so in a line and ends at once, for it is not the one that has to explain."""

import contextlib
import os
import sys
from collections.abc import Iterator

from rich.markup import escape

from gpg_cli.console import say

# Tells the launcher that the reason is to be looked for in another process. As sysexits.h has it: a temporary failure.
LOST_PEER = 75
# What gloo, NCCL and the store where processes meet put into the messages of plain RuntimeErrors (torch 2.13).
_LIBRARIES = ("gloo/", "NCCL", "TCPStore", "ProcessGroup")
_LOSSES = ("closed by peer", "reset by peer", "Broken pipe", "remote process exited", "Connection refused", "Timed out")


@contextlib.contextmanager
def ends_when_a_peer_is_lost(rank: int) -> Iterator[None]:
    """End this process with the exit code LOST_PEER where a collective operation fails because another one is gone.

    Without the interpreter's own end, in which threads of gloo may wait for the peer, or abort.
    """
    try:
        yield
    except RuntimeError as error:
        if not is_lost_peer(error):
            raise
        reason = str(error).splitlines()[0].split(". ")[0]
        say(f"[yellow]rank {rank} lost its connection to another process: {escape(reason)}[/]")
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(LOST_PEER)


def is_lost_peer(error: RuntimeError) -> bool:
    """Whether it is a collective operation's, and tells that another process can no longer be reached."""
    import torch.distributed

    text = str(error)
    of_collective = isinstance(error, torch.distributed.DistError) or any(name in text for name in _LIBRARIES)
    return of_collective and any(loss in text for loss in _LOSSES)
