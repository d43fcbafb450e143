"""vLLM's processes end with ours, also when ours is killed. Read from vLLM 0.31.

Its workers notice that its core has gone; its core, which holds the GPU's memory, waits for ever for the next request.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import import_module
from typing import Any

from gpg_cli.parent_death import die_with

# What vLLM starts processes with, by module, class and name: its cores, and what balances the load of several.
_MAINS = (
    ("vllm.v1.engine.core", "EngineCoreProc", "run_engine_core"),
    ("vllm.v1.engine.coordinator", "DPCoordinatorProc", "run_coordinator"),
)
# In a process that was forked, and so inherits what is replaced here.
_originals: dict[tuple[str, str, str], Callable[..., Any]] = {}


@contextmanager
def ending_with_us() -> Iterator[None]:
    """Processes that vLLM starts meanwhile from this thread are killed when it ends (Linux only)."""
    with ExitStack() as undo:
        for main in _MAINS:
            module, owner, name = main
            place = getattr(import_module(module), owner)
            _originals[main] = getattr(place, name)
            setattr(place, name, partial(_run, os.getpid(), main))
            undo.callback(setattr, place, name, staticmethod(_originals[main]))
        yield


def _run(parent: int, main: tuple[str, str, str], *args: Any, **kwargs: Any) -> None:
    """What such a process runs first."""
    die_with(parent)
    module, owner, name = main
    original = _originals.get(main) or getattr(getattr(import_module(module), owner), name)
    original(*args, **kwargs)
