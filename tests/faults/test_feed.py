"""Whatever dies under it, a dashboard that resumes by its cursor sees every change once, in order."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial

import httpx
import pytest
from redis.asyncio import Redis
from websockets.exceptions import WebSocketException

from tests.faults.house import TOKEN, House, running_house
from tests.faults.processes import until
from tests.feed.dashboard import let_in

pytestmark = pytest.mark.alone

EVENTS = """subscription ($after: Cursor) { events(after: $after, nouns: [PERSON], names: ["adjust"]) {
  __typename ... on Event { cursor facts } ... on Heartbeat { cursor } ... on Lagged { cursor } } }"""
ADJUST = """mutation ($key: String!) { adjustBalance(input: {person: {externalId: "demo-anna"}, idempotencyKey: $key,
  money: {amount: "1", currency: "EUR"}, reason: $key}) { ... on Person { version } } }"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with running_house(tmp_path_factory.mktemp("feed") / "home") as house:
        yield house


class Watcher:
    """A dashboard that comes again, with its last cursor, as often as it must."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.cursor: str | None = None
        self.seen: list[str] = []
        self.times: list[float] = []

    async def run(self) -> None:
        while True:
            with contextlib.suppress(OSError, WebSocketException, TimeoutError, AssertionError):
                await self._follow()
            await asyncio.sleep(0.05)

    async def _follow(self) -> None:
        board = await let_in(f"ws://127.0.0.1:{self.house.port}/graphql", TOKEN)
        try:
            following = await board.subscribe(EVENTS, **({"after": self.cursor} if self.cursor else {}))
            while not board.reading.done():
                with contextlib.suppress(TimeoutError):
                    item = await following.item(0.2)
                    self.cursor = item["cursor"]
                    if item["__typename"] == "PersonEvent":
                        self.seen.append(item["facts"]["reason"])
                        self.times.append(time.monotonic())
        finally:
            await board.cut()


class Writer:
    """Adjusts a balance again and again, asking again with the same key where there was no answer."""

    def __init__(self, house: House, name: str) -> None:
        self.house, self.name, self.done = house, name, 0

    async def run(self, writes: int, pause: float = 0.02) -> list[str]:
        keys = [f"{self.name}-{number}" for number in range(writes)]
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {TOKEN}"}, timeout=10) as client:
            for key in keys:
                while not await self._written(client, key):
                    await asyncio.sleep(0.05)
                self.done += 1
                await asyncio.sleep(pause)
        return keys

    async def _written(self, client: httpx.AsyncClient, key: str) -> bool:
        try:
            answer = await client.post(
                f"http://127.0.0.1:{self.house.port}/graphql", json={"query": ADJUST, "variables": {"key": key}}
            )
        except httpx.HTTPError:
            return False
        return "errors" not in answer.json()


@asynccontextmanager
async def watched(house: House, name: str, writes: int = 150) -> AsyncIterator[Writer]:
    """While somebody writes and somebody watches, something happens; afterwards everything was seen once, in order."""
    watcher, writer = Watcher(house), Writer(house, name)
    watching = asyncio.create_task(watcher.run())
    while watcher.cursor is None:
        await asyncio.sleep(0.02)
    writing = asyncio.create_task(writer.run(writes))
    try:
        yield writer
        keys = await writing
        async with asyncio.timeout(30):
            while len(watcher.seen) < writes:
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)  # for what should not come
        assert watcher.seen == keys
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    gaps = sorted(b - a for a, b in zip(watcher.times, watcher.times[1:], strict=False))
    print(f"\n{name}: {writes} changes seen, the longest silence {gaps[-1]:.2f} s")  # noqa: T201  for whoever runs -s


async def reached(writer: Writer, number: int) -> None:
    while writer.done < number:
        await asyncio.sleep(0.01)


async def test_redis_is_emptied_in_the_middle(house):
    async with watched(house, "flushed") as writer, Redis.from_url(house.services.redis_url()) as redis:
        for number in (30, 60, 90):
            await reached(writer, number)
            await redis.flushall()


async def test_redis_is_killed_and_comes_back(house):
    async with watched(house, "redis killed") as writer:
        await reached(writer, 30)
        house.services.kill_redis()
        await reached(writer, 80)
        house.services.start_redis()


async def test_the_relay_is_killed_with_its_worker_and_comes_again(house):
    async with watched(house, "relay killed") as writer:
        await reached(writer, 20)
        house.processes["worker"].kill()
        house.processes.pop("worker").wait()
        await reached(writer, 60)
        await asyncio.to_thread(house.start, "worker")


async def test_the_api_is_killed_while_it_delivers(house):
    async with watched(house, "api killed") as writer:
        for number in (30, 80):
            await reached(writer, number)
            house.processes["api"].kill()
            house.processes.pop("api").wait()
            await asyncio.to_thread(house.start, "api")


async def test_the_api_is_asked_to_end_while_it_delivers(house):
    async with watched(house, "api stopped") as writer:
        await reached(writer, 30)
        began = time.monotonic()
        assert await asyncio.to_thread(house.stop, "api") == 0
        assert time.monotonic() - began < 8  # it does not wait for its sockets to go by themselves
        await asyncio.to_thread(house.start, "api")


def test_a_requested_run_begins_at_once_because_its_event_wakes_the_worker(house):
    """Not at the next sweep, which comes every five seconds."""
    for _ in range(3):
        began = time.monotonic()
        asked = house.ask("mutation { runJob(input: {name: PRUNE}) { ... on JobRun { id } } }").json()
        until(partial(_done, house, asked["data"]["runJob"]["id"]))
        assert time.monotonic() - began < 2


def _done(house: House, run: str) -> bool:
    answer = house.ask("query ($id: ID!) { jobRun(id: $id) { status } }", id=run).json()
    return bool(answer["data"]["jobRun"]["status"] == "DONE")


def test_the_books_and_the_log_are_clean_after_all_of_it(house):
    house.run("audit")
