"""A process that ends with the one that started it, however that one ends."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
# Loaded here: between fork and exec, where this may be called, nothing is to be loaded.
_KERNEL = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, which a busy one would not notice (Linux only).

    Raises:
        SystemExit: the parent has ended already.
    """
    if _KERNEL is None:
        return
    _KERNEL.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:
        sys.exit()
