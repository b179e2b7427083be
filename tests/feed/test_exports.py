"""What the relay carries on: the stream, and the jobs that events wake; each from its own last position."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jobs.exports import STREAM, Exporter, Reactions, Stream
from jobs.publishing import Published
from jobs.queues import INNER_QUEUE
from jobs.relay import Relay
from models.events import log, positions
from models.events.cursors import read_seal
from models.wiring import JOBS, REACTIONS
from models.work import operations as work
from tests.feed.conftest import placed, running
from tests.feed.test_positions import write
from tests.feed.test_reader import publish, streamed
from tests.payouts.shops import paid_out, shop


async def ids(redis: Any) -> list[int]:
    entries = await redis.xrange(STREAM.format((await read_seal()).epoch))
    return [int(id.split(b"-")[0]) for id, _ in entries]


async def test_an_emptied_redis_gets_the_end_of_the_log_again(relay, redis, knobs):
    knobs(feed_stream_max=100)
    await publish(120)
    await streamed(redis, 120)
    await redis.flushall()
    await streamed(redis, 120)
    assert await ids(redis) == list(range(21, 121))


async def test_what_is_on_the_stream_already_is_not_there_twice(database, redis):
    await publish_alone(10)
    target = Stream()
    assert await target.start(0, 10) == 0
    events = await log.after(0, 100)
    for part in (events[:6], events[2:8], events):
        await target.send(part)
    assert await ids(redis) == list(range(1, 11))
    await target.aclose()


async def test_a_stream_that_is_ahead_of_its_log_is_emptied(database, redis):
    """A dump was brought back in place: what the log has no more is not delivered, what it has is there again."""
    await publish_alone(10)
    target = Stream()
    await target.start(0, 10)
    await target.send(await log.after(0, 100))
    assert await target.start(10, 10) == 10
    assert await target.start(6, 6) == 0
    assert await ids(redis) == []
    await target.send(await log.after(0, 6))
    assert await ids(redis) == list(range(1, 7))
    await target.aclose()


@pytest.mark.parametrize("id", ["8-0", "*"])
async def test_a_stream_into_which_others_wrote_is_filled_anew(relay, redis, id):
    await publish(5)
    await redis.xadd(await streamed(redis, 5), {"x": "not ours"}, id=id)
    await publish(2, first=5)
    await streamed(redis, 7)
    assert await ids(redis) == list(range(1, 8))


async def publish_alone(events: int) -> None:
    for number in range(events):
        await write(f"job_run:{number}", 0)
    await positions.place(events)


async def test_an_export_goes_on_where_it_was(database, redis):
    """Its position is in PostgreSQL; a relay that takes over does not begin anew."""
    await publish_alone(10)
    seen: list[int] = []

    class Target:
        name, nouns = "test", None

        async def start(self, position: int, head: int) -> int:
            return position

        async def send(self, events: Any) -> None:
            seen.extend(event.position for event in events)

        async def aclose(self) -> None: ...

    for last in (10, 12):
        async with running(Exporter(Target())):
            async with asyncio.timeout(5):
                while seen[-1:] != [last] or await positions.exported("test") < last:
                    await asyncio.sleep(0.02)
        await write(f"job_run:{last}", 0)
        await write(f"job_run:{last + 1}", 0)
        await positions.place(10)
    assert seen == list(range(1, 13))


async def test_an_event_wakes_its_job_once_for_all_of_a_batch(make, redis):
    for _ in range(3):
        await work.request_run(JOBS["prune"], by=make.operator.viewer)
    await make.person()
    await positions.place(10)
    target = Reactions()
    await target.send(await log.after(0, 10))
    queued = await redis.zrange(INNER_QUEUE, 0, -1)
    assert queued == [b"run_requested_jobs:3"]
    await target.send(await log.after(0, 10))
    assert await redis.zrange(INNER_QUEUE, 0, -1) == queued
    await target.aclose()


async def test_far_behind_every_job_is_woken_once_and_not_for_every_event(redis, knobs):
    knobs(relay_batch=10)
    target = Reactions()
    assert await target.start(5, 8) == 5
    assert await target.start(5, 100_000) == 100_000
    queued = {job.decode().split(":")[0] for job in await redis.zrange(INNER_QUEUE, 0, -1)}
    assert queued == {job.name for job in REACTIONS.values()}
    await target.aclose()


@pytest.mark.usefixtures("database")
async def test_positions_are_given_while_redis_is_gone_and_carried_on_when_it_is_back(
    redis, redis_url, knobs, tmp_path
):
    knobs(redis_url=f"unix://{tmp_path}/nobody.sock")
    relay = Relay()
    async with running(relay):
        await write("job_run:1", 0)
        await placed()
        assert relay.leads
        assert relay.healthy
    knobs(redis_url=redis_url)
    async with running(Relay()):
        await streamed(redis, 1)


async def test_a_redis_that_refuses_writes_is_like_one_that_is_gone(redis, make, relay):
    """Out of memory: the relay goes on leading, and carries on when there is room again."""
    await make.person()
    await streamed(redis, 1)
    await redis.config_set("maxmemory", "1")
    await make.person()
    await placed()
    await asyncio.sleep(1.5)
    assert relay.leads
    assert relay.healthy
    await redis.config_set("maxmemory", "0")
    await streamed(redis, 2)


async def test_a_restored_log_has_a_stream_of_its_own_at_once(redis, make, relay):
    await make.person()
    before = await streamed(redis, 1)
    await positions.begin_epoch()
    await make.person()
    assert await streamed(redis, 2) != before


async def test_what_one_export_cannot_tell_stops_no_other(make, redis, relay, monkeypatch):
    """A row of another time that cannot be read, say: the feed and what events wake go on, and it is tried again."""
    tries: list[int] = []
    send = Published.send

    async def cannot(self: Published, events: Any) -> None:
        tries.append(len(events))
        if len(tries) < 3:
            raise KeyError("a column of tomorrow")
        await send(self, events)

    monkeypatch.setattr(Published, "send", cannot)
    monkeypatch.setattr("jobs.exports.PAUSE_SECONDS", 0.05)
    await paid_out(make, await shop(make), payout_id="a")
    async with asyncio.timeout(10):
        while not await redis.exists("pm-events-payout"):
            await asyncio.sleep(0.02)
    assert len(tries) >= 3
    assert await ids(redis) == list(range(1, 1 + await positions.head()))
    assert len(await redis.xrange("pm-events-payout")) == 1
