"""How many events a second get their place in the log, and what the relay costs those who write them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tortoise import connections

from benches.measure import Case, Group, Pace, Sample, measure, summary
from benches.push.writer import Order, write
from benches.world import World
from jobs.relay import Relay
from jobs.waking import Waker
from models.events import positions
from models.kernel.sql import fetch_one, sql
from models.kernel.tasks import cancelled
from settings import settings

WAITING, WAITING_QUICK = 100_000, 10_000
SCRATCH = """
CREATE TABLE bare_unplaced (event_id bigint PRIMARY KEY);
CREATE TABLE bare_place (position bigint PRIMARY KEY, event_id bigint NOT NULL UNIQUE);
"""
EVENTS = """
INSERT INTO event (noun, subject, version, name, facts, snapshot, actor, actor_role, audience, occurred_at)
SELECT 'balance', 'bench:' || {}::text || ':' || n, 1, 'change', '{{"kind": "adjustment"}}',
       '{{"available": 1, "currency": "EUR", "held": 0, "own": 1}}', 'bench', 'operator', ARRAY['ops'], saldo_now()
  FROM generate_series(1, {}::int) n
"""
BARE = """
WITH gone AS (
  DELETE FROM bare_unplaced WHERE event_id = ANY (ARRAY(SELECT event_id FROM bare_unplaced ORDER BY event_id LIMIT {}))
  RETURNING event_id
), placed AS (
  INSERT INTO bare_place SELECT (SELECT coalesce(max(position), 0) FROM bare_place) + row_number() OVER (ORDER BY event_id),
         event_id FROM gone RETURNING 1
) SELECT count(*) AS n FROM placed
"""


async def _written(waiting: int) -> None:
    await fetch_one(sql(EVENTS, str(time.time_ns()), waiting))
    await connections.get("default").execute_script(
        "INSERT INTO bare_unplaced SELECT event_id FROM unplaced; ANALYZE unplaced, bare_unplaced"
    )


async def _placed(batch: Callable[[], Awaitable[int]]) -> Sample:
    """Batch after batch until nothing waits; the times are those of a batch."""
    took, number, begun = [], 0, time.perf_counter()
    while True:
        started = time.perf_counter()
        if not (placed := await batch()):
            break
        number += placed
        took.append((time.perf_counter() - started) * 1000)
    seconds = time.perf_counter() - begun
    sample = summary(seconds, took)
    return Sample(number / seconds, sample.p50_ms, sample.p99_ms)


async def _bare() -> int:
    row = await fetch_one(sql(BARE, settings().relay_batch))
    return int(row["n"]) if row else 0


async def _place() -> int:
    return len(await positions.place(settings().relay_batch))


@asynccontextmanager
async def _relay() -> AsyncIterator[None]:
    """In this process, which does nothing else meanwhile."""
    while await _place():
        pass
    tasks = [asyncio.create_task(part.run()) for part in (Relay(), Waker())]
    try:
        yield
    finally:
        await cancelled(tasks)


async def _units(pace: Pace) -> Sample:
    sample = (await write(Order("adjust", 0, pace.seconds))).sample
    assert sample is not None
    return sample


async def _units_relayed(pace: Pace) -> Sample:
    async with _relay():
        return await _units(pace)


async def run(world: World, pace: Pace) -> Group:
    await connections.get("default").execute_script(SCRATCH)
    waiting = WAITING if pace.rounds > 1 else WAITING_QUICK

    async def bare(_pace: Pace) -> Sample:
        while await _place():
            pass  # what others have left
        await _written(waiting)
        return await _placed(_bare)

    group = await measure(
        __doc__ or "",
        [
            Case("bare_place", "100,000 ids out of one table into another, numbered", bare, floor=True),
            Case("place", "100,000 waiting events get their place and are read", lambda _: _placed(_place)),
            Case("writer_alone", "people.adjust, 16 tasks of one process, no relay", _units, floor=True),
            Case("writer", "the same while the relay carries its events on", _units_relayed),
        ],
        pace,
    )
    group.compare("places / ids that are only numbered", "place", "bare_place")
    group.compare("writers with the relay / without", "writer", "writer_alone")
    return group
