"""Connections that go back to the pool: whoever gets one next finds nothing of what was cut off before him."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from tortoise import connections

from models.kernel.sql import snapshot

QUESTION = "SELECT count(*) FROM event WHERE id > $1 AND id < {}"


async def last_used():
    async with connections.get("default").acquire_connection() as db:
        return db._con


async def test_what_was_prepared_and_never_asked_is_over_for_whoever_comes_next(pool):
    """The server waits for the end of it, within a transaction that the client knows nothing of."""
    async with connections.get("default").acquire_connection() as db:
        used = db._con
        with pytest.raises(asyncpg.DataError):
            await db.fetch(QUESTION.format(1), "no number")
    assert await last_used() is used
    async with snapshot() as db:
        assert db._con is used
        assert await db.fetchval("SHOW transaction_isolation") == "repeatable read"


async def test_wherever_a_call_is_cut_off(pool):
    """After each of its steps: none leaves anything to whoever comes next."""
    for steps in range(12):

        async def asked(number: int = steps) -> None:
            async with connections.get("default").acquire_connection() as db:
                await db.fetch(QUESTION.format(1_000 + number), 1)

        task = asyncio.create_task(asked())
        for _ in range(steps):
            await asyncio.sleep(0)
            if steps % 2:
                await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with snapshot() as db:
            assert await db.fetchval("SELECT 1") == 1


async def test_where_all_went_well_nothing_is_reset(pool):
    used = await last_used()
    said = []
    used.add_query_logger(said.append)
    async with connections.get("default").acquire_connection() as db:
        assert db._con is used
        await db.fetch("SELECT 1")
    used.remove_query_logger(said.append)
    assert [one.query for one in said] == ["SELECT 1"]
