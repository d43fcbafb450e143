"""Code of the user's runs in our process: what it changes there, besides what it returns, is put back."""

import contextlib
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO, TextIO

# 70 is EX_SOFTWARE; nobody waits for such a child but the code that forked it.
_FORKED = 70
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))


@contextlib.contextmanager
def surroundings_kept() -> Iterator[None]:
    """Put back, after the body: working directory, standard streams, recursion limit, handlers of the signals that ask
    a run to stop, and torch's gradient mode, default dtype and default device.

    The body may close and replace standard streams. A process that it forks, and that leaves the body, ends there: it
    would go on with all that its parent does. Environment variables, random numbers, threads and whatever else there
    is stay as the body leaves them.
    """
    process = os.getpid()
    try:
        with _streams_kept(), _folder_kept(), _torch_kept(), _signals_kept(), _recursion_limit_kept():
            yield
    finally:
        if os.getpid() != process:
            os._exit(_FORKED)


class _Lent(io.TextIOBase):
    """A standard stream for code that may close it, which does nothing to the stream itself."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bytes: BinaryIO | None = None

    def write(self, text: str) -> int:
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding or "utf-8"

    @property
    def buffer(self) -> BinaryIO:
        if self._bytes is None:
            self._bytes = os.fdopen(os.dup(self.fileno()), "wb", buffering=0)
        return self._bytes


@contextlib.contextmanager
def _streams_kept() -> Iterator[None]:
    objects = sys.stdin, sys.stdout, sys.stderr
    kept = {number: copy for number in (0, 1, 2) if (copy := _duplicate(number)) is not None}
    sys.stdout, sys.stderr = (stream and _Lent(stream) for stream in objects[1:])
    try:
        yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = objects
        for number, copy in kept.items():
            # The object that stood there before may hold text for the file that was there before.
            os.dup2(copy, number)
            os.close(copy)


def _duplicate(number: int) -> int | None:
    """A copy of a file descriptor; None where it is closed."""
    with contextlib.suppress(OSError):
        return os.dup(number)
    return None


@contextlib.contextmanager
def _folder_kept() -> Iterator[None]:
    try:
        before = os.getcwd()
    except OSError:  # somebody deleted it
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.chdir(before)


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    handlers: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {number: handler for number in _STOP_SIGNALS if (handler := signal.getsignal(number)) is not None}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _recursion_limit_kept() -> Iterator[None]:
    before = sys.getrecursionlimit()
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


@contextlib.contextmanager
def _torch_kept() -> Iterator[None]:
    """Costs nothing where torch is not in use: a reward is looked at long before a model is."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    gradients, dtype, device = torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_default_device()
    try:
        yield
    finally:
        torch.set_grad_enabled(gradients)
        torch.set_default_dtype(dtype)
        if torch.get_default_device() != device:
            # None is how torch starts: without a mode that looks at every call.
            torch.set_default_device(None if device.type == "cpu" else device)
