"""The folders of one home, all of them 0700, and the lock that keeps a second start out.

    <home>/lock               held by whoever supervises the servers of this home
    <home>/postgres, redis*   data
    <home>/logs               what the servers say
    <home>/run                sockets, unless its path is too long for one

Nothing outside `home` is created or changed but a socket folder of our own under the temp folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import stat
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

# The kernel takes 107 bytes for a socket's path (macOS 103), and PostgreSQL adds `/.s.PGSQL.5432`.
RUN_FOLDER_MAX_BYTES = 85
# Other characters would need three kinds of quoting: in a URL, in PostgreSQL's list of folders, in Redis' options.
PLAIN = re.compile(r"[A-Za-z0-9_./+-]+")


class HomeInUse(RuntimeError):
    """Another process runs the servers of this home."""

    def __init__(self, home: Path, pid: str) -> None:
        super().__init__(f"{home} is in use by process {pid or '(unknown)'}: stop it, or choose another SALDO_HOME.")
        self.pid = pid


class UnsafeFolder(RuntimeError):
    """A folder we need belongs to somebody else."""


def prepare_home(home: Path) -> Path:
    """The absolute home, existing and closed to others; folders above it keep the modes they have."""
    home = home.expanduser().resolve()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return make_private(home)


def make_private(folder: Path) -> Path:
    """A folder of ours, mode 0700. A symlink or a stranger's folder in its place is refused: it may be a trap."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or os.geteuid() not in (0, found.st_uid):
        raise UnsafeFolder(f"{folder} is no folder of this user: remove it, or choose another SALDO_HOME.")
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)
    return folder


def run_folder(home: Path) -> Path:
    """Where the sockets are: under home if a socket's path fits, otherwise a short folder named after home."""
    home = home.expanduser().resolve()
    wanted = home / "run"
    if _fits(wanted):
        return wanted
    name = f"saldo-{hashlib.sha256(os.fsencode(home)).hexdigest()[:10]}"
    usual = Path(tempfile.gettempdir()) / name
    return usual if _fits(usual) else Path(os.sep, "tmp", name)


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder)) <= RUN_FOLDER_MAX_BYTES and PLAIN.fullmatch(str(folder)) is not None


def fresh_log(home: Path, name: str) -> Path:
    """An empty log; that of the run before is kept once, as `.1`."""
    log = make_private(home / "logs") / f"{name}.log"
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    log.touch(mode=0o600)
    return log


class HomeLock:
    """Held while servers of this home run. The kernel drops it with its holder, however he dies."""

    def __init__(self, home: Path) -> None:
        self._path = prepare_home(home) / "lock"
        self._file: int | None = None

    def take(self) -> Self:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(file, 20).decode(errors="replace").strip()
            os.close(file)
            raise HomeInUse(self._path.parent, holder) from None
        os.ftruncate(file, 0)
        os.write(file, str(os.getpid()).encode())
        self._file = file
        return self

    def release(self) -> None:
        """The file stays: removing it would let two starts lock two files of one name."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Self:
        return self.take()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()
