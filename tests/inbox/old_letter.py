"""Brings an empty database to where letters knew no inbox, puts one there, and migrates. Run by `test_migrating.py`."""

from __future__ import annotations

import asyncio
import sys

from tortoise import connections
from tortoise.migrations.executor import MigrationExecutor, MigrationTarget

from models import database, migrating
from models.kernel.sql import fetch, sql

LETTER = """INSERT INTO dead_letter (version, created_at, updated_at, status, source, name, payload, reason)
            VALUES (0, now(), now(), 'dead', 'queue:saldo:public', 'message', 'no call', 'old') RETURNING id"""


async def main(url: str) -> None:
    await database.connect(url)
    executor = MigrationExecutor(connections.get("default"), migrating._apps())
    await executor.migrate([MigrationTarget("models", "0004_ledger_functions")])
    await fetch(sql(LETTER))
    await migrating.migrate()
    rows = await fetch(sql("SELECT status, deaths, payload, message_id FROM dead_letter"))
    sys.stdout.write(repr([tuple(row) for row in rows]))
    await database.disconnect()


asyncio.run(main(sys.argv[1]))
