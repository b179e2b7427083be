"""What the tests of the embedded servers ask them and the machine."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import asyncpg

from server.embedded import ensure_database
from server.embedded.paths import run_folder

# A server that is not durable answers before the commit is written, and a kill loses it.
COMMIT_IS_WRITTEN = "SET synchronous_commit = on"
ENVIRONMENT = {"PATH": os.environ["PATH"], "LC_ALL": "C"}


def forget_sockets(home: Path) -> None:
    """A home with a long path has its sockets in the temp folder."""
    if run_folder(home).parent != home:
        shutil.rmtree(run_folder(home), ignore_errors=True)


async def ask(url: str, *statements: str) -> object:
    """The first value of the last statement."""
    await ensure_database(url)
    connection = await asyncpg.connect(url)
    try:
        return [await connection.fetchval(statement) for statement in statements][-1]
    finally:
        await connection.close()


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def owner_and_mode(folder: Path) -> tuple[int, int]:
    found = folder.stat()
    return found.st_uid, stat.S_IMODE(found.st_mode)
