"""A transaction ends with whoever opened it, at whatever moment he is cancelled."""

from __future__ import annotations

import asyncio
import contextlib

from tortoise import connections

from models.kernel.sql import fetch, sql, transaction


async def test_whoever_is_cancelled_at_any_moment_of_a_transaction_gives_its_connection_back(database):
    async def work():
        async with transaction() as db:
            await db.execute("SELECT 1")

    pool = connections.get("default")._pool
    began = asyncio.get_running_loop().time()
    await work()
    whole = asyncio.get_running_loop().time() - began
    for part in range(60):
        task = asyncio.create_task(work())
        await asyncio.sleep(part * whole / 50)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert pool.get_idle_size() == pool.get_size()
    assert (await fetch(sql("SELECT 1 AS one")))[0]["one"] == 1


async def test_whoever_is_cancelled_while_he_begins_is_in_no_transaction_afterwards(database, monkeypatch):
    async def interrupted(_wrapper):
        raise asyncio.CancelledError

    monkeypatch.setattr("tortoise.backends.asyncpg.client.TransactionWrapper.begin", interrupted)
    pool, outside = connections.get("default")._pool, connections.get("default")
    for _ in range(2 * pool.get_max_size()):
        try:
            async with transaction():
                raise AssertionError
        except asyncio.CancelledError:
            assert connections.get("default") is outside
    monkeypatch.undo()
    async with asyncio.timeout(5), transaction() as db:
        assert await db.fetchval("SELECT 1") == 1


async def test_whoever_was_too_late_to_begin_begins_anew(database):
    """His task does not keep what was taken for the transaction that never began."""
    outside = connections.get("default")
    for steps in range(12):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None) as limit:
                asyncio.get_running_loop().call_soon(_later, steps, limit)
                async with transaction() as db:
                    await db.execute("SELECT 1")
                await asyncio.sleep(1)
        assert connections.get("default") is outside
        assert (await fetch(sql("SELECT 1")))[0][0] == 1


def _later(steps, limit):
    """After so many rounds of the loop the limit is reached."""
    loop = asyncio.get_running_loop()
    if steps:
        loop.call_soon(_later, steps - 1, limit)
    else:
        limit.reschedule(loop.time())
