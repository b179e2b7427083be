"""What every child process needs: it dies with its parent, sees a small environment, and can be recognised later."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
# Loaded before any fork: between fork and exec nothing may be looked up or allocated by a loader.
LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def tied_to_parent(stop_signal: signal.Signals) -> dict[str, Any]:
    """Options for Popen and asyncio alike: the child gets `stop_signal` when the process that started it dies.

    A session of its own keeps Ctrl-C for the parent alone; otherwise PostgreSQL would leave before the API does.
    The kernel ties the signal to the *thread* that forked, so a pool thread would take the servers along when it ends.
    """
    if LIBC is not None and threading.current_thread() is not threading.main_thread():
        raise RuntimeError(
            "children must be started from the main thread: they are tied to the thread that starts them"
        )
    before_exec = None if LIBC is None else _tie(LIBC, os.getpid(), stop_signal)
    return {"stdin": subprocess.DEVNULL, "start_new_session": True, "preexec_fn": before_exec}


def _tie(libc: ctypes.CDLL, parent: int, stop_signal: signal.Signals) -> Callable[[], None]:
    number = int(stop_signal)

    def before_exec() -> None:
        libc.prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # the parent died between fork and prctl: nobody would ever send the signal
            os._exit(1)

    return before_exec


@contextmanager
def forking_quietly() -> Iterator[None]:
    """Python 3.12 and later warn of any fork beside other threads; what runs before our exec takes no lock."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*multi-threaded.*")
        yield


def server_environment() -> dict[str, str]:
    """For PostgreSQL and Redis: no secrets of ours, no PGPORT or PGDATA of the user's, one language for their logs."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def command_line(pid: int) -> str | None:
    """How a living process was called; None when it is gone, or only a zombie is left of it."""
    if sys.platform != "linux":
        shown = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return shown.stdout.strip() or None
    try:
        state = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, IndexError):
        return None
    return None if state in "ZX" else os.fsdecode(words.replace(b"\0", b" "))
