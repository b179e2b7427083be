"""Dead letters that lay there before there was an inbox are kept."""

from __future__ import annotations

import asyncio
import sys

import asyncpg


async def test_letters_of_an_older_database_have_died_once(run, worker_id):
    server, name = str(run["postgres"]), f"older_{worker_id}"
    admin = await asyncpg.connect(server.replace("DATABASE", "postgres"))
    await admin.execute(f"CREATE DATABASE {name}")
    done = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.inbox.old_letter", server.replace("DATABASE", name),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await done.communicate()
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()
    assert out.decode().strip() == "[('dead', 1, 'no call', None)]", err.decode()[-2_000:]
