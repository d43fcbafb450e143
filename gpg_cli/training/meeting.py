"""Where the processes of a training find each other: on one machine, out of the network's reach.

Left alone, PyTorch's rank 0 listens on all addresses of the machine, without a password. Here the process that starts
the others listens for them, on 127.0.0.1, as torchrun's agent does for its workers. Of several machines the first must
be reached by the others: there PyTorch listens as it always does, on the port that was asked for.
"""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from gpg_cli.errors import GpgError

LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 29500
# By this rank 0 connects to a store that is there already (read in torch 2.13, torch/distributed/rendezvous.py).
_STORE_IS_THERE = {"TORCHELASTIC_USE_AGENT_STORE": "True"}
_INTERFACE = "lo" if sys.platform == "linux" else "lo0"


@contextmanager
def meeting_point(world_size: int, port: int | None = None) -> Iterator[dict[str, str]]:
    """What the processes of one machine need in their environment; valid inside.

    Args:
        world_size: of them.
        port: to listen on; None takes a free one.

    Raises:
        GpgError: the port is taken.
    """
    from torch.distributed import TCPStore

    listening = socket.socket()
    try:
        listening.bind((LOOPBACK, port or 0))
    except OSError as error:
        listening.close()
        raise GpgError(
            f"the processes cannot meet on port {port}: {error.strerror}", "Name another: --main-process-port"
        ) from error
    listening.listen(max(128, world_size))
    chosen = listening.getsockname()[1]
    # It closes the descriptor when it ends.
    store = TCPStore(
        LOOPBACK, chosen, is_master=True, wait_for_workers=False, master_listen_fd=listening.detach(), use_libuv=True
    )
    try:
        yield {
            "MASTER_ADDR": LOOPBACK,
            "MASTER_PORT": str(chosen),
            # Gloo and NCCL listen as well, where the machine's own name leads to unless told otherwise.
            **{name: os.environ.get(name, _INTERFACE) for name in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")},
            **_STORE_IS_THERE,
        }
    finally:
        del store
