"""How it is measured: cases in turn, round by round, and ratios of what ran side by side."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class Pace:
    """How long and how often."""

    rounds: int
    seconds: float
    warm_up_seconds: float
    check_seconds: float
    """What one check of the audit gets, after the group."""


FULL, QUICK = Pace(3, 4.0, 0.5, 15), Pace(1, 1.0, 0.3, 3)


@dataclass(frozen=True, slots=True)
class Sample:
    """One case in one round."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float | None = None
    """Processor time of the serving process for each, where there is one: what a busy machine changes least."""


@dataclass(frozen=True, slots=True)
class Case:
    """Something that is measured. `floor` says that others are held against it."""

    name: str
    about: str
    run: Callable[[Pace], Awaitable[Sample]]
    floor: bool = False


@dataclass(frozen=True, slots=True)
class Ratio:
    """One case over another, the median of the rounds."""

    name: str
    value: float
    runs: tuple[float, ...]
    at_least: float | None = None
    at_most: float | None = None

    @property
    def missed(self) -> bool:
        low, high = self.at_least, self.at_most
        return (low is not None and self.value < low) or (high is not None and self.value > high)


@dataclass(slots=True)
class Group:
    """What one file of benches found."""

    about: str
    pace: Pace
    cases: Sequence[Case]
    samples: Mapping[str, Sequence[Sample]]
    ratios: list[Ratio] = field(default_factory=list)
    facts: dict[str, float | int | bool | str] = field(default_factory=dict)
    """What else was seen: not compared with anything."""

    def compare(
        self,
        name: str,
        case: str,
        floor: str,
        at_least: float | None = None,
        by: Callable[[Sample], float] = lambda sample: sample.per_second,
    ) -> None:
        runs = tuple(by(a) / by(b) for a, b in zip(self.samples[case], self.samples[floor], strict=True))
        self.ratios.append(Ratio(name, median(runs), runs, at_least))

    def add(self, other: Group) -> Group:
        """What was measured after this, with other servers, and belongs to it."""
        return Group(
            self.about,
            self.pace,
            [*self.cases, *other.cases],
            {**self.samples, **other.samples},
            self.ratios + other.ratios,
            self.facts | other.facts,
        )

    def middle(self, case: str) -> Sample:
        """The round that was neither the best nor the worst; by the time it took, where the rate was given."""
        ordered = sorted(self.samples[case], key=lambda sample: (round(sample.per_second, 2), sample.p50_ms))
        return ordered[len(ordered) // 2]


async def measure(about: str, cases: Sequence[Case], pace: Pace) -> Group:
    """Every case once in each round: what disturbs one disturbs its neighbours as well."""
    samples: dict[str, list[Sample]] = {case.name: [] for case in cases}
    for number in range(1, pace.rounds + 1):
        for case in cases:
            sample = await case.run(pace)
            samples[case.name].append(sample)
            told = f"{sample.per_second:9,.0f}/s  p50 {sample.p50_ms:6.2f} ms  p99 {sample.p99_ms:7.2f} ms"
            print(f"  round {number} of {pace.rounds}  {case.name:<16}{told}", flush=True)
    return Group(about, pace, cases, samples)


def summary(seconds: float, latencies_ms: list[float], cpu_us: float | None = None) -> Sample:
    """A sample out of the time each took."""
    if not latencies_ms:
        raise RuntimeError("nothing was answered in the time that there was")
    ordered, n = sorted(latencies_ms), len(latencies_ms)
    return Sample(n / seconds, ordered[n // 2], ordered[min(n - 1, int(n * 0.99))], cpu_us)


async def hammer(once: Callable[[], Awaitable[object]], tasks: int, pace: Pace) -> Sample:
    """`once` over and over by so many tasks of this process; the warm-up is not counted."""
    begin = time.perf_counter() + pace.warm_up_seconds
    end, latencies = begin + pace.seconds, []

    async def work() -> None:
        while (started := time.perf_counter()) < end:
            await once()
            if begin <= started:
                latencies.append((time.perf_counter() - started) * 1000)

    async with asyncio.TaskGroup() as group:
        for _ in range(tasks):
            group.create_task(work())
    return summary(time.perf_counter() - begin, latencies)
