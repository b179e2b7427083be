"""Many events at once: one call of the ledger that changes the balances of many people, each with an event of his own."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from redis.asyncio import Redis

from benches.push.bare import CHANNEL
from benches.world import World
from jobs.waking import CHANNEL as WAKE
from models.events import positions

BURST = """
    SELECT ledger_post('bench', ARRAY['bench', 'operator', NULL],
        'house.adjustments'::text || array_agg('person.available'::text ORDER BY n),
        'house:adjustments'::text || array_agg('person:' || n || ':available' ORDER BY n),
        'house'::text || array_agg('person:' || n ORDER BY n), 'EUR'::text || array_agg('EUR'::text ORDER BY n),
        array_agg('adjustment'::text), array_agg($2::text || ':' || n ORDER BY n), array_agg(1),
        array_agg((place + 1)::int ORDER BY n), array_agg(1::bigint), array_agg(''::text))
      FROM (SELECT n, row_number() OVER (ORDER BY n) AS place FROM unnest($1::int[]) n) one"""
_keys = itertools.count(1)


class Bursts:
    """Writes them, and publishes what the floor sends."""

    def __init__(self, db: asyncpg.Connection, redis: Redis) -> None:
        self._db, self._redis = db, redis

    async def write(self, persons: list[int], times: int = 1) -> float:
        """One commit, an event for each person and time. The moment after it."""
        async with self._db.transaction():
            for _ in range(times):
                answer = await self._db.fetchval(BURST, persons, f"burst:{next(_keys)}")
                assert "refused" not in answer, answer
        committed = time.monotonic()
        await self._redis.publish(WAKE, b"")
        return committed

    async def publish(self, to: list[str], text: str) -> float:
        """One message to each of the floor's channels. The moment before it."""
        pipe = self._redis.pipeline(transaction=False)
        for name in to:
            pipe.publish(f"{CHANNEL}{name}", text)
        started = time.monotonic()
        await pipe.execute()
        return started

    async def placed(self) -> int:
        """Wait until every event has its place: how many there are."""
        while (await positions.waiting())[0]:
            await positions.place(1_000)
        return await positions.head()


@asynccontextmanager
async def bursts(world: World) -> AsyncIterator[Bursts]:
    db, redis = await asyncpg.connect(world.url), Redis.from_url(world.services.redis_url())
    try:
        yield Bursts(db, redis)
    finally:
        await db.close()
        await redis.aclose()
