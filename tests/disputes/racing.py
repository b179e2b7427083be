"""What those have in common who let two meet over a dispute, or kill a worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from models.disputes import operations as disputes
from models.disputes.lifecycle import DisputeStatus
from models.disputes.operations import Claimed
from models.kernel.sql import TRUE, fetch, sql, transaction
from models.ledger.audit import audit
from models.unit import Unit
from models.wiring import CHECKS
from tests.conftest import everything
from tests.disputes.world import WORKER, World
from tests.races.scenarios import outcomes, surprises

TABLES = ("dispute", "adjustment", "dispute_notification", "payment_callback", "support_message")
OPERATIONS = "models.disputes.operations"
MINE = {"limit": 10, "lease_seconds": 60, "by": WORKER}
"""How a test claims."""


async def differences() -> list[str]:
    return [text for finding in (await audit(CHECKS)).findings for text in finding.differences]


async def rows(query: str, *values: Any) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in await fetch(sql(query, *values))]


async def leases_end() -> None:
    """The time is over that a dead worker had, and every pause."""
    async with transaction() as db:
        for table in TABLES:
            await db.execute(
                f"UPDATE {table} SET lease_until = saldo_now() - interval '1 second' WHERE lease_until IS NOT NULL"
            )
            await db.execute(f"UPDATE {table} SET next_check_at = saldo_now() WHERE next_check_at IS NOT NULL")


@asynccontextmanager
async def slow_writes(seconds: float = 0.03) -> AsyncIterator[None]:
    """Between what is decided and what is written others have their chance."""
    write = Unit._write

    async def slowly(work: Unit, *args: Any) -> Any:
        await asyncio.sleep(seconds)
        return await write(work, *args)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Unit, "_write", slowly)
        yield


async def claimed(world: World, status: DisputeStatus) -> Claimed:
    """The one dispute of a status, by a worker that has not concluded it yet."""
    await world.due()
    (one,) = await disputes.claim_due(status, **MINE)
    return one


async def until_called(world: World, system: str, operation: str, before: int = 0) -> None:
    """Somebody has asked."""
    async with asyncio.timeout(20):
        while len(await world.calls(system, operation)) == before:
            await asyncio.sleep(0.01)


async def that_write(words: dict[str, Callable[[], Awaitable[Any]]]) -> list[str]:
    """Those that write anything, though they come too late."""
    wrong: list[str] = []
    for word, say in words.items():
        before = await everything()
        wrong += surprises(await outcomes([say()]))
        if await everything() != before:
            wrong.append(word)
    return wrong


# guards that are no more


async def nobody_waits(*_: Any) -> None:
    """For `Unit.alone`."""


async def whoever_asks(work: Unit, table: Any, id: int, _token: Any) -> Any:
    """For `still_ours`."""
    return await work.lock(table, sql("r.id = {}", id), visible_to=TRUE)


ALONE, ROW_LOCK, FREE = "models.unit.Unit.alone", "models.unit.ROW_LOCK", "models.work.claims.FREE"
NOBODY_WAITS = {ALONE: nobody_waits, ROW_LOCK: ""}
