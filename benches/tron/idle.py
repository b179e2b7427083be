"""A tick where nothing was paid: with few payments that wait, with many, and with many on a chain that is busy."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from statistics import median

from tortoise import connections

from benches.measure import Case, Group, Pace, Ratio, Sample, measure, summary
from benches.tron.chain import Chain, chain
from benches.tron.made import copied, offered
from benches.tron.ticking import Server, Taken, worker
from benches.world import World
from gateways.tron.addresses import address_of

FEW, MANY, QUICK = 1_000, 100_000, 5_000
BLOCKS, STRANGERS = 20, 500
"""What comes in a minute, and the transfers of strangers in each."""
WARM_UP, TICKS_MAX, AT_MOST = 2, 6, 1.5
BACK = """INSERT INTO chain_cursor (network, first_block, block, block_at, seen_block, scanned_at)
          VALUES ('tron', $1, $1, saldo_now(), $1, saldo_now())
          ON CONFLICT (network) DO UPDATE SET block = $1, seen_block = $1"""
ASKED = """UPDATE payment SET attempts = 0, next_check_at = saldo_now() - random() * interval '30 minutes' WHERE attempts > 0"""


@dataclass(slots=True)
class Place:
    """A world of payments before a chain; what a tick took there, round by round."""

    world: World
    name: str
    node: Chain
    head: int
    server: list[Server] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)

    async def ticks(self, pace: Pace) -> Sample:
        """The same blocks are read anew by each tick; the first ones, of new connections, are not counted."""
        await self.world.visit(self.name)
        await _said(ASKED)
        latencies: list[float] = []
        async with worker(self.node) as at_work:
            for _ in range(WARM_UP):
                await self._back()
                await at_work.tick()
            taken, server = Taken.now(), await Server.now()
            end = time.perf_counter() + pace.seconds
            while len(latencies) < TICKS_MAX and time.perf_counter() < end:
                await self._back()
                latencies.append(1000 * await at_work.tick())
            after, n = await Server.now(), len(latencies)
            self.server.append(Server((after.ms - server.ms) / n, (after.pages - server.pages) // n))
            taken = Taken.now() - taken
            self.taken.append(Taken(taken.calls // n, taken.units // n, taken.statements // n))
        return summary(sum(latencies) / 1000, latencies)

    async def _back(self) -> None:
        await _said(BACK, self.head - BLOCKS)


async def _said(text: str, *values: object) -> None:
    async with connections.get("default").acquire_connection() as db:
        await db.execute(text, *values)


@asynccontextmanager
async def _chains(world: World, *, busy: int) -> AsyncIterator[tuple[Chain, Chain]]:
    """A chain on which nothing happens, and one full of strangers."""
    async with chain(world) as quiet, chain(world) as crowded:
        await quiet.mine(BLOCKS)
        for _ in range(BLOCKS):
            await crowded.pay((address_of(secrets.token_bytes(20)) for _ in range(busy)), 3)
            await crowded.mine()
        yield quiet, crowded


async def run(world: World, pace: Pace) -> Group:
    many, busy = (MANY, STRANGERS) if pace.rounds > 1 else (QUICK, STRANGERS // 10)
    for name, waiting in (("few", FEW), ("many", many)):
        await world.fresh(name)
        await offered()
        await copied(waiting)
    async with _chains(world, busy=busy) as (quiet, crowded):
        places = {
            name: Place(world, database, node, await node.head())
            for name, database, node in (("few", "few", quiet), ("many", "many", quiet), ("busy", "many", crowded))
        }
        cases = [
            Case("few", f"a tick, {FEW:,} payments wait and none is paid", places["few"].ticks, floor=True),
            Case("many", f"a tick, {many:,} payments wait and none is paid", places["many"].ticks),
            Case(
                "busy", f"the same, with {busy} transfers of strangers in each of {BLOCKS} blocks", places["busy"].ticks
            ),
        ]
        group = await measure("", cases, pace)
    return _told(group, places, many)


def _told(group: Group, places: dict[str, Place], many: int) -> Group:
    def ratio(name: str, of: Callable[[str], list[float]], case: str = "many", at_most: float | None = None) -> None:
        runs = tuple(a / b for a, b in zip(of(case), of("few"), strict=True))
        group.ratios.append(Ratio(name, median(runs), runs, at_most=at_most))

    against = f"with {many:,} waiting / with {FEW:,}"
    ratio(f"a tick {against}: its time", lambda case: [one.p50_ms for one in group.samples[case]], at_most=AT_MOST)
    ratio(
        f"a tick {against}: time in PostgreSQL", lambda case: [one.ms for one in places[case].server], at_most=AT_MOST
    )
    ratio(f"a tick {against}: pages read", lambda case: [one.pages for one in places[case].server])
    ratio(f"a tick {against}: calls", lambda case: [one.calls for one in places[case].taken], at_most=AT_MOST)
    ratio(
        "a tick among strangers / with 1,000 waiting: its time",
        lambda case: [one.p50_ms for one in group.samples[case]],
        "busy",
    )
    for name, place in places.items():
        group.facts |= {
            f"{name}_node_calls": place.taken[-1].calls,
            f"{name}_statements": place.taken[-1].statements,
            f"{name}_postgres_ms": round(median(one.ms for one in place.server), 1),
            f"{name}_pages": round(median(one.pages for one in place.server)),
        }
    return group
