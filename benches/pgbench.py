"""PostgreSQL's own load generator: a script by many clients, and how long each transaction took."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from pathlib import Path

from benches.measure import Sample, summary
from benches.world import PERSONS, World
from models import database
from server.embedded.binaries import postgres_binary

CLIENTS = 16
FAILED = re.compile(r"number of failed transactions: (\d+)")


async def pgbench(world: World, script: str, seconds: float, run: int) -> Sample:
    """`script` by 16 clients, prepared, in sessions that begin like the API's. `run` makes its keys its own."""
    with tempfile.TemporaryDirectory(prefix="saldo-pgbench-") as name:
        folder = Path(name)
        (folder / "script.sql").write_text(script)
        said, code = await _generate(world, folder, seconds, run)
        failed = FAILED.search(said)
        if code != 0 or failed is None or failed[1] != "0" or "ERROR" in said:
            raise RuntimeError(f"pgbench did not do all of its work:\n{said[-2000:]}")
        return _counted(folder)


async def _generate(world: World, folder: Path, seconds: float, run: int) -> tuple[str, int | None]:
    """What pgbench said, and its exit code."""
    reach = database.credentials(world.url)
    options = " ".join(f"-c {name}={value}" for name, value in database.server_settings().items())
    command = [
        str(postgres_binary("pgbench")),
        *("--host", reach["host"], "--port", str(reach["port"]), "--username", reach["user"]),
        *("--client", str(CLIENTS), "--jobs", "2", "--time", str(max(1, round(seconds)))),
        *("--protocol", "prepared", "--no-vacuum", "--max-tries", "3", "--file", "script.sql", "--log"),
        *("--define", f"persons={PERSONS}", "--define", f"run={run}", "--define", "n=0"),
        reach["database"],
    ]
    started = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=os.environ | {"PGOPTIONS": options, "LC_ALL": "C"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(seconds + 30):
        said, _ = await started.communicate()
    return said.decode(), started.returncode


def _counted(folder: Path) -> Sample:
    """Between the first end and the last one. A line: client, number, microseconds, script, second, microsecond …"""
    took = [line.split() for log in folder.glob("pgbench_log*") for line in log.read_text().splitlines()]
    ends = [int(line[4]) + int(line[5]) / 1e6 for line in took]
    return summary(max(ends) - min(ends), [int(line[2]) / 1000 for line in took])
