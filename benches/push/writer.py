"""Writers of events, in a process of their own: units at a given rate, or as many as go.

`python -m benches.push.writer` reads an order (JSON) from stdin and prints what it committed and when. A unit is
`people.adjust` on a random person: two events, of the balance and of the person. The floor of a unit is one insert and
the message about it, published ready-made after the commit.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import uvloop
from redis.asyncio import Redis
from tortoise import connections

from benches.measure import Pace, Sample, hammer
from benches.push.bare import CHANNEL, message
from benches.world import PERSONS
from jobs.waking import Waker
from models import database
from models.kernel.money import Money
from models.kernel.tasks import cancelled
from models.kernel.viewer import OPERATOR, Viewer
from models.people import operations as people
from settings import settings

BY = Viewer("bench", frozenset({OPERATOR}))
SCRATCH = "CREATE TABLE bare_event (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, number int NOT NULL)"
Unit: TypeAlias = tuple[int, int, float]
"""Whom it was about, the version or number of its last event, and the monotonic time right after its commit."""


@dataclass(frozen=True)
class Order:
    """`per_second` units a second; 0 is as many as `tasks` can."""

    what: str
    per_second: float
    seconds: float
    tasks: int = 16


@dataclass(frozen=True)
class Written:
    """What was committed on the beat; or how fast it went."""

    units: list[Unit]
    sample: Sample | None = None


async def adjust() -> Unit:
    answer = await people.adjust(random.randint(1, PERSONS), Money(1, "EUR"), "a bench", by=BY)
    return answer.id, answer.version, time.monotonic()


def bare(redis: Redis) -> Callable[[], Coroutine[Any, Any, Unit]]:
    async def once() -> Unit:
        db, number = connections.get("default"), random.randint(1, PERSONS)
        (row,) = await db.execute_query_dict("INSERT INTO bare_event (number) VALUES ($1) RETURNING id", [number])
        committed = time.monotonic()
        item = {"__typename": "PersonEvent", "person": {"number": number}, "version": row["id"]}
        await redis.publish(f"{CHANNEL}all", message(item))
        return number, row["id"], committed

    return once


async def _paced(once: Callable[[], Coroutine[Any, Any, Unit]], order: Order) -> Written:
    """On the beat, whether the ones before have ended or not."""
    loop, begin, running = asyncio.get_running_loop(), time.monotonic(), []
    for number in itertools.count():
        at = number / order.per_second
        if at >= order.seconds:
            break
        await asyncio.sleep(max(0.0, begin + at - time.monotonic()))
        running.append(loop.create_task(once()))
    return Written(await asyncio.gather(*running))


async def _carry_out(order: Order) -> Written:
    await database.connect()
    redis = Redis.from_url(settings().redis_url)
    waker = asyncio.create_task(Waker().run())
    once = {"adjust": adjust, "bare": bare(redis)}[order.what]
    try:
        for _ in range(5):
            await once()  # statements are prepared, connections open
        if order.per_second:
            return await _paced(once, order)
        return Written([], await hammer(once, order.tasks, Pace(1, order.seconds, 0.5, 0)))
    finally:
        await cancelled([waker])
        await redis.aclose()
        await database.disconnect()


async def write(order: Order) -> Written:
    """Have an order carried out by a process of its own."""
    writer = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benches.push.writer"), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await writer.communicate(json.dumps(asdict(order)).encode())
    if writer.returncode != 0:
        raise RuntimeError("the writer failed; see above")
    seen = json.loads(said)
    return Written(
        [(number, version, at) for number, version, at in seen["units"]], seen["sample"] and Sample(**seen["sample"])
    )


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(asdict(runner.run(_carry_out(Order(**json.load(sys.stdin)))))))
