"""Transactions that are cut short."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from tortoise import connections

from models.kernel.sql import fetch, sql, transaction

pytestmark = pytest.mark.usefixtures("database")


async def _whole():
    async with transaction() as db:
        await db.execute("SELECT 1")


async def test_a_transaction_cancelled_at_any_moment_gives_its_connection_back():
    for moment in range(60):
        task = asyncio.create_task(_whole())
        for _ in range(moment % 6):
            await asyncio.sleep(0)
        await asyncio.sleep(0 if moment < 30 else moment / 30_000)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    pool = connections.get("default")._pool
    assert pool.get_idle_size() == pool.get_size()


async def test_whoever_was_too_late_to_begin_begins_anew():
    """His task does not keep what was taken for the transaction that never began."""
    outside = connections.get("default")
    for steps in range(12):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None) as limit:
                asyncio.get_running_loop().call_soon(_later, steps, limit)
                await _whole()
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
