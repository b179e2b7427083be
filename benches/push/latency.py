"""From the commit of a unit to the socket of who watches everything, on a quiet house and on a busy one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
from tortoise import connections
from websockets.asyncio.client import ClientConnection, connect

from benches.measure import Case, Group, Pace, Sample, measure, summary
from benches.push.bursts import bursts
from benches.push.deliveries import operators
from benches.push.writer import SCRATCH, Order, Unit, write
from benches.world import Process, World
from server.graphql.socket import PROTOCOL

QUIET, BUSY = 10, 500  # events a second: two for each unit
LATE_SECONDS = 20
EVENTS = """subscription { events { __typename ... on PersonEvent { version person { number } }
  ... on BalanceEvent { version available { amount } } } }"""


class Watcher:
    """Notes when the event of a unit came: those of people, the later ones of the two."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket, self.seen = socket, dict[tuple[int, int], float]()
        self.came, self.reading = asyncio.Event(), asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for text in self.socket:
            at, message = time.monotonic(), orjson.loads(text)
            if message["type"] == "ping":
                await self.socket.send('{"type":"pong"}')
            elif message["type"] == "next":
                item = message["payload"]["data"]["events"]
                if item["__typename"] == "Lagged":
                    raise RuntimeError("a subscriber that reads at once has fallen behind")
                if item["__typename"] == "PersonEvent":
                    self.seen[item["person"]["number"], item["version"]] = at
                self.came.set()

    async def latencies(self, units: list[Unit]) -> list[float]:
        async with asyncio.timeout(LATE_SECONDS):
            while not all((number, version) in self.seen for number, version, _ in units):
                if self.reading.done():
                    await self.reading
                self.came.clear()
                await self.came.wait()
        return [(self.seen[number, version] - committed) * 1000 for number, version, committed in units]


@asynccontextmanager
async def _watching(server: Process) -> AsyncIterator[Watcher]:
    url, (token,) = f"ws://127.0.0.1:{server.port}/graphql", operators(1)
    async with connect(url, subprotocols=[PROTOCOL], compression=None) as socket:  # type: ignore[list-item]
        opening = (
            {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}},
            {"type": "subscribe", "id": "1", "payload": {"query": EVENTS}},
        )
        for message in opening:
            await socket.send(orjson.dumps(message).decode())
        watcher = Watcher(socket)
        await asyncio.sleep(0.5)  # the subscription is live
        try:
            yield watcher
        finally:
            watcher.reading.cancel()


async def _measured(server: Process, what: str, events: float, pace: Pace) -> Sample:
    order = Order(what, events / 2, pace.seconds * (2 if events == QUIET else 1))
    async with _watching(server) as watcher:
        written = await write(order)
        return summary(order.seconds, await watcher.latencies(written.units))


async def run(world: World, pace: Pace) -> Group:
    await connections.get("default").execute_script(SCRATCH)
    async with bursts(world) as written:
        await written.placed()  # what is in the world from its beginning is not news
    async with (
        world.serve("server.cli", "api") as api,
        world.serve("server.cli", "worker"),
        world.serve("benches.push.bare") as bare,
    ):
        cases = [
            case
            for name, events in (("quiet", QUIET), ("busy", BUSY))
            for case in (
                Case(
                    f"bare_{name}",
                    f"one insert, then ready-made text over Redis: {events / 2:g} units a second",
                    lambda pace, events=events: _measured(bare, "bare", events, pace),
                    floor=True,
                ),
                Case(
                    name,
                    f"adjust to `events`: {events / 2:g} units a second, of two events each",
                    lambda pace, events=events: _measured(api, "adjust", events, pace),
                ),
            )
        ]
        group = await measure(__doc__ or "", cases, pace)
    for name, events in (("quiet", QUIET), ("busy", BUSY)):
        told = f"commit to subscriber at {events} events a second, bare p50 / p50"
        group.compare(told, name, f"bare_{name}", by=lambda sample: 1 / sample.p50_ms)
    return group
