"""On which addresses a process and those it started listen, read from /proc."""

import contextlib
import ipaddress
import os
import threading
from pathlib import Path
from typing import Self

_LISTEN = "0A"
_POLL_S = 0.1


def listening_addresses(process: int) -> set[str]:
    """`address:port` of every TCP socket on which `process` or a descendant of it waits for connections."""
    sockets = _listening_sockets()
    found = set()
    for each in _tree(process):
        with contextlib.suppress(OSError):
            for descriptor in Path(f"/proc/{each}/fd").iterdir():
                with contextlib.suppress(OSError):
                    found.add(sockets.get(os.readlink(descriptor), ""))
    return found - {""}


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach `address:port`."""
    host = ipaddress.ip_address(address.rpartition(":")[0])
    mapped = getattr(host, "ipv4_mapped", None)
    return (mapped or host).is_loopback


class Watch:
    """Collects what the tree of `process` listens on for as long as it is entered; `seen` has it all."""

    def __init__(self, process: int) -> None:
        self.seen: set[str] = set()
        self._process = process
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def _work(self) -> None:
        while not self._ended.wait(_POLL_S):
            self.seen |= listening_addresses(self._process)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()


def _tree(process: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                # The name in brackets may hold anything: the parent is the second field after it.
                parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(path.name))
    tree = [process]
    for each in tree:
        tree += parents.get(each, [])
    return tree


def _listening_sockets() -> dict[str, str]:
    found = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTEN:
                found[f"socket:[{fields[9]}]"] = _address(fields[1])
    return found


def _address(text: str) -> str:
    """The kernel writes addresses as words of the machine's byte order, little-endian here."""
    host, port = text.split(":")
    words = [bytes.fromhex(host[start : start + 8])[::-1] for start in range(0, len(host), 8)]
    return f"{ipaddress.ip_address(b''.join(words))}:{int(port, 16)}"
