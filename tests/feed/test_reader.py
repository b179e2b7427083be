"""The one reader of a process: every event once, in order, whatever the stream looks like."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jobs.exports import STREAM
from jobs.relay import Relay
from jobs.waking import Waker
from models.events import positions
from models.events.cursors import read_seal
from models.kernel.metrics import FEED_FALLBACKS
from server.feed.reader import Reader
from tests.feed.conftest import placed, running
from tests.feed.test_positions import write


class Taken:
    def __init__(self) -> None:
        self.positions: list[int] = []

    def __call__(self, events: Any) -> None:
        self.positions += [event.position for event in events]

    async def up_to(self, last: int) -> None:
        async with asyncio.timeout(8):
            while self.positions[-1:] != [last]:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)  # for what should not come
        assert self.positions == list(range(1, last + 1))


async def reader(position: int = 0) -> tuple[Reader, Taken]:
    taken = Taken()
    return Reader(position, (await read_seal()).epoch, taken), taken


def fallbacks() -> float:
    return float(FEED_FALLBACKS._value.get())


async def publish(events: int, first: int = 0) -> None:
    for number in range(first, first + events):
        await write(f"job_run:{number}", 0)
    await placed()


async def streamed(redis: Any, last: int) -> str:
    """Wait until the stream has come so far; answers its key."""
    key = STREAM.format((await read_seal()).epoch)
    async with asyncio.timeout(5):
        while not (found := await redis.xrevrange(key, count=1)) or found[0][0] != f"{last}-0".encode():
            await asyncio.sleep(0.01)
    return key


async def test_the_stream_is_enough_while_it_is_whole(relay, redis):
    await publish(1)
    await streamed(redis, 1)
    its, taken = await reader()
    before = fallbacks()
    async with running(its):
        await publish(30, first=1)
        await taken.up_to(31)
    assert fallbacks() == before


@pytest.mark.parametrize("holes", [(1,), (5,), (5, 6, 7), (1, 9), (10,)])
async def test_a_stream_with_holes_is_mended_from_the_log(relay, redis, holes):
    await publish(10)
    key = await streamed(redis, 10)
    await redis.xdel(key, *(f"{hole}-0" for hole in holes))
    its, taken = await reader()
    async with running(its):
        await taken.up_to(10)
        await publish(5, first=10)
        await taken.up_to(15)


async def test_a_stream_that_was_trimmed_further_than_we_have_read_is_made_up_from_the_log(relay, redis):
    await publish(20)
    key = await streamed(redis, 20)
    await redis.xtrim(key, maxlen=3)
    its, taken = await reader()
    async with running(its):
        await taken.up_to(20)


async def test_a_stream_that_nobody_feeds_is_not_waited_for(database, redis, knobs):
    """A leader that hangs places nothing on the stream; what has its place is read all the same."""
    its, taken = await reader()
    async with running(its):
        for number in range(3):
            await write(f"job_run:{number}", 0)
            await positions.place(10)
        await taken.up_to(3)


async def test_without_redis_the_log_is_read(database, knobs, tmp_path):
    knobs(redis_url=f"unix://{tmp_path}/nobody.sock")
    its, taken = await reader()
    async with running(its, Relay(), Waker()):
        await publish(20)
        await taken.up_to(20)


async def test_a_stream_of_strange_entries_harms_nobody(relay, redis):
    its, taken = await reader()
    key = STREAM.format((await read_seal()).epoch)
    async with running(its):
        await publish(2)
        await streamed(redis, 2)
        await redis.xadd(key, {"x": "not ours"}, id="3-0")
        await redis.xadd(key, {"e": "[]"}, id="4-0")
        await publish(5, first=2)
        await taken.up_to(7)
