"""What the tests of processes ask the machine."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from server.embedded.children import command_line

PROJECT = Path(__file__).resolve().parents[2]


def alive(pid: int) -> bool:
    """A zombie is not."""
    return command_line(pid) is not None


def processes_of(home: Path) -> set[int]:
    """Every living process that shows the home in its command, its environment or its working folder."""
    numbers = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return {pid for pid in numbers if alive(pid) and _shows(pid, str(home))}


def _shows(pid: int, home: str) -> bool:
    with suppress(OSError):
        seen = Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()
        return os.fsencode(home) in seen or Path(f"/proc/{pid}/cwd").readlink().is_relative_to(home)
    return False


def until(done: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)


def free_ports() -> int:
    """A port that is free together with the two behind it."""
    while True:
        with socket.socket() as one, socket.socket() as other, socket.socket() as last:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            with suppress(OSError, OverflowError):
                other.bind(("127.0.0.1", port + 1))
                last.bind(("127.0.0.1", port + 2))
                return port
