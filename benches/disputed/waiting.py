"""What a tick costs beside few open disputes and beside very many, and how it finds those that are due."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benches.disputed.made import SYSTEM, copied, due
from benches.disputed.worker import Outside, Tick, worker
from benches.measure import Case, Group, Pace, Ratio, Sample, measure, summary
from benches.statements import recorded, scans
from benches.world import World
from models.disputes import operations as disputes
from models.disputes.lifecycle import DisputeStatus
from models.disputes.wiring import CREATED, FORGOTTEN, PENDING
from settings import settings

FEW, MANY, QUICK = 1_000, 100_000, 5_000
SHARES = {DisputeStatus.CREATED: 0.1, DisputeStatus.PENDING: 0.7, DisputeStatus.MANUAL_PENDING: 0.2}
POLLED, NOTICED = 100, 50
"""Disputes that are due in a tick, wherever they lie: of those that wait for a provider, and for a human."""
TICKS, WARM_UP, AT_MOST = 6, 1, 1.5


@dataclass(slots=True)
class Place:
    """A database of open disputes, and what ticks took there, a round after the other."""

    world: World
    name: str
    outside: Outside
    ticks: list[list[Tick]] = field(default_factory=list)

    async def run(self, pace: Pace) -> Sample:
        await self.world.visit(self.name)
        await self.outside.tell("latency/0")
        ticks = []
        async with worker(self.world, self.outside) as at_work:
            for _ in range(WARM_UP + (TICKS if pace.rounds > 1 else 2)):
                await due(DisputeStatus.PENDING, POLLED, anywhere=True)
                await due(DisputeStatus.MANUAL_PENDING, NOTICED, anywhere=True)
                ticks.append(await at_work.tick([CREATED, PENDING, FORGOTTEN]))
                if ticks[-1].done != POLLED + NOTICED:
                    raise RuntimeError(f"{ticks[-1].done} disputes were looked at in a tick")
        self.ticks.append(ticks[WARM_UP:])
        latencies = [1000 * one.seconds for one in ticks[WARM_UP:]]
        return summary(sum(latencies) / 1000, latencies)


async def run(world: World, place: Outside, pace: Pace) -> Group:
    many = MANY if pace.rounds > 1 else QUICK
    for name, count in (("few_disputes", FEW), ("many_disputes", many)):
        await world.fresh(name)
        await copied({status: round(share * count) for status, share in SHARES.items()})
    plan = await _claims(world)
    few, full = Place(world, "few_disputes", place), Place(world, "many_disputes", place)
    about = f"a tick of all three jobs, {{}} disputes are open and {POLLED + NOTICED} due"
    cases = [
        Case("few", about.format(f"{FEW:,}"), few.run, floor=True),
        Case("many", about.format(f"{many:,}"), full.run),
    ]
    group = await measure("", cases, pace)
    for name, of, at_most in (
        ("its time", lambda one: one.seconds, AT_MOST),
        ("time in PostgreSQL", lambda one: one.server.ms, AT_MOST),
        ("pages read", lambda one: one.server.pages, None),
        ("statements", lambda one: one.taken.statements, AT_MOST),
    ):  # fmt: skip
        group.ratios.append(_ratio(f"a tick with {many:,} open / with {FEW:,}: {name}", of, few, full, at_most))
    for one in (few, full):
        short, last = one.name.partition("_")[0], [tick for round in one.ticks for tick in round]
        group.facts[f"{short}_statements"] = round(median(tick.taken.statements for tick in last))
        group.facts[f"{short}_postgres_ms"] = round(median(tick.server.ms for tick in last), 1)
        group.facts[f"{short}_pages"] = round(median(tick.server.pages for tick in last))
    group.facts["claim_plan"] = plan
    return group


def _ratio(name: str, of: Callable[[Any], float], few: Place, full: Place, at_most: float | None) -> Ratio:
    both = zip(full.ticks, few.ticks, strict=True)
    runs = tuple(median(map(of, many)) / median(map(of, some)) for many, some in both)
    return Ratio(name, median(runs), runs, at_most=at_most)


async def _claims(world: World) -> str:
    """The plan of the claim, for these values and for values that PostgreSQL does not know."""
    async with recorded(world, world.name) as said:
        said.clear()
        limits = settings()
        await disputes.claim_due(
            DisputeStatus.PENDING, limit=limits.dispute_batch, lease_seconds=limits.dispute_lease_seconds, by=SYSTEM
        )
        (claim,) = [(text, values) for text, values in said if "SKIP LOCKED" in text]
        found = await scans(*claim)
    claims = [scan for scan in found if "status" in scan]
    if not all(scan.startswith("Index Scan") and "next_check_at" in scan for scan in claims):
        raise RuntimeError(f"disputes are claimed by {found}")
    return ", ".join(dict.fromkeys(claims))
