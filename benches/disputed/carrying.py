"""Disputes that a worker takes to a provider and asks about, with answers after 100 ms; and the same calls alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median

import aiohttp

from benches.disputed.made import copied, due
from benches.disputed.worker import Outside, Tick, Worker
from benches.measure import Case, Group, Pace, Ratio, Sample, measure
from benches.tron.chain import all_of
from models.disputes.lifecycle import DisputeStatus
from models.disputes.wiring import CREATED, PENDING
from models.work.jobs import Job
from settings import settings

LATENCY, OF_LATENCY, AT_ONCE = 0.1, 0.7, 100
ALL, FEW = {"created": 500, "pending": 1_000}, {"created": 150, "pending": 300}
WARM_UP = 150
HEADERS = {"Content-Type": "application/json", "Accept-Encoding": "gzip", "Authorization": "Bearer bench"}


@dataclass(slots=True)
class Way:
    """One job and the disputes that it takes: what its rounds took, and the calls that it made for one of them."""

    name: str
    job: Job
    status: DisputeStatus
    waits: int
    """Answers of the provider that one dispute waits for, one after the other."""
    at_work: Worker
    many: int
    ticks: list[Tick] = field(default_factory=list)
    held: list[dict[str, float]] = field(default_factory=list)
    bare: list[dict[str, float]] = field(default_factory=list)
    calls: list[tuple[str, str, str]] = field(default_factory=list)

    async def carried(self, _pace: Pace) -> Sample:
        """One tick for all of them, with its beginning and its end, where there are fewer at work."""
        await self.outside.tell(f"latency/{LATENCY}")
        await due(self.status, self.many)
        await self.outside.tell("begin")
        tick = await self.at_work.tick([self.job])
        self.ticks.append(tick)
        self.held.append(await self.outside.tell("held"))
        self.calls = [tuple(call) for call in await self.outside.tell("asked") if "/terminals/" not in call[1]]
        return _sample(tick.done, tick.seconds, tick.cpu_seconds)

    async def alone(self, _pace: Pace) -> Sample:
        """As many disputes' calls, as many disputes at once, each with one call after the other."""
        await self.outside.tell(f"latency/{LATENCY}")
        await self.outside.tell("begin")
        connector = aiohttp.TCPConnector(limit=settings().outside_connections_max)
        async with aiohttp.ClientSession(connector=connector, headers=HEADERS) as client:

            async def one(_number: int) -> None:
                for method, path, body in self.calls:
                    async with client.request(method, self.outside.url + path, data=body or None) as answer:
                        await answer.json()

            started, cpu = time.perf_counter(), time.process_time()
            await all_of(range(self.many), one, settings().dispute_at_once)
            seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        self.bare.append(await self.outside.tell("held"))
        return _sample(self.many, seconds, cpu)

    @property
    def outside(self) -> Outside:
        return self.at_work.outside

    def facts(self) -> Iterator[tuple[str, float | int]]:
        last = self.ticks
        yield "most_in_flight", round(median(one["most"] for one in self.held))
        yield "mean_in_flight", round(median(one["mean"] for one in self.held))
        yield "calls_alone_mean_in_flight", round(median(one["mean"] for one in self.bare))
        yield "statements_each", round(median(one.taken.statements / one.done for one in last), 2)
        yield "units_each", round(median(one.taken.units / one.done for one in last), 2)
        yield "postgres_ms_each", round(median(one.server.ms / one.done for one in last), 2)
        yield "worker_cpu_ms_each", round(median(1000 * one.cpu_seconds / one.done for one in last), 2)


def _sample(many: int, seconds: float, cpu_seconds: float) -> Sample:
    return Sample(many / seconds, 1000 * seconds, 1000 * seconds, 1e6 * cpu_seconds / many)


async def run(at_work: Worker, pace: Pace) -> Group:
    counts = ALL if pace.rounds > 1 else FEW
    created, pending = (
        Way("created", CREATED, DisputeStatus.CREATED, 2, at_work, counts["created"]),
        Way("pending", PENDING, DisputeStatus.PENDING, 1, at_work, counts["pending"]),
    )
    to_come = WARM_UP + counts["created"] * pace.rounds
    await copied({DisputeStatus.CREATED: to_come, DisputeStatus.PENDING: counts["pending"]}, with_files=True)
    for way in (created, pending):
        whole, way.many = way.many, WARM_UP
        await way.carried(pace)
        await way.alone(pace)
        way.many = whole
        for seen in (way.ticks, way.held, way.bare):
            seen.clear()
    group = await measure("", [case for way in (created, pending) for case in _cases(way)], pace)
    for way in (created, pending):
        _compare(group, way)
        group.facts |= {f"{way.name}_{name}": value for name, value in way.facts()}
    return group


def _cases(way: Way) -> Iterator[Case]:
    ms = f"{LATENCY * 1000:.0f} ms"
    what = {"created": "created disputes taken to their provider", "pending": "pending disputes asked about"}[way.name]
    calls = "two answers" if way.waits > 1 else "an answer"
    yield Case(way.name, f"{way.many:,} {what}, {calls} of {ms} each", way.carried)
    yield Case(f"{way.name}_calls", "the same calls by the HTTP client alone", way.alone, floor=True)


def _compare(group: Group, way: Way) -> None:
    """What is in flight at its most, over how long the provider takes for one, is what nothing could be faster than."""
    latency = LATENCY * way.waits

    def ratio(name: str, runs: list[float], at_least: float | None = None) -> None:
        group.ratios.append(Ratio(f"{way.name}: {name}", median(runs), tuple(runs), at_least))

    rates = [one.per_second for one in group.samples[way.name]]
    bare = [one.per_second for one in group.samples[f"{way.name}_calls"]]
    ratio("calls in flight at once / 100", [one["most"] / AT_ONCE for one in way.held], 1)
    both = zip(rates, way.held, strict=True)
    ratio("throughput / (in flight / latency)", [rate * latency / one["most"] for rate, one in both], OF_LATENCY)
    alone = zip(bare, way.bare, strict=True)
    ratio("the calls alone / (in flight / latency)", [rate * latency / one["most"] for rate, one in alone])
    group.compare(f"{way.name}: throughput / the calls alone", way.name, f"{way.name}_calls")
