"""The longest tick against its period: with very many paid at once, and with a node that keeps everybody waiting."""

from __future__ import annotations

from dataclasses import replace

from benches.measure import Case, Group, Pace, Ratio, Sample, measure
from benches.tron.chain import Chain
from benches.tron.made import AMOUNT, made
from benches.tron.ticking import Worker, worker
from models.payments.wiring import CHECK_PAYMENTS
from settings import settings

AT_ONCE, QUICK = 1_000, 50
ANSWER_SECONDS, TICKS = 0.05, 2
SLOW = 0.9
"""Of the time that an answer may take: nothing times out, and nothing gets on."""


class Longest:
    """One after the other, on the same payments: what is not done by the first is there for the others."""

    def __init__(self, node: Chain, at_work: Worker, slow_seconds: float) -> None:
        self.node, self.at_work, self.slow_seconds = node, at_work, slow_seconds

    async def crowd(self, _pace: Pace) -> Sample:
        ticks = []
        for _ in range(TICKS):
            await self.node.answer_in(ANSWER_SECONDS)
            ticks.append(await self.at_work.tick())
            await self.node.answer_in(0)
            await self.node.mine()
        return _sample(ticks)

    async def slow(self, _pace: Pace) -> Sample:
        await self.node.answer_in(self.slow_seconds)
        return _sample([await self.at_work.tick()])

    async def silent(self, _pace: Pace) -> Sample:
        await self.node.fall_silent()
        return _sample([await self.at_work.tick()])


def _sample(ticks: list[float]) -> Sample:
    return Sample(len(ticks) / sum(ticks), sorted(ticks)[len(ticks) // 2] * 1000, max(ticks) * 1000)


async def run(node: Chain, pace: Pace) -> Group:
    many = AT_ONCE if pace.rounds > 1 else QUICK
    async with worker(node) as at_work:
        await node.pay(await made(many), AMOUNT)
        await node.mine()
        limit = settings().outside_timeout_seconds
        rounds = Longest(node, at_work, SLOW * limit)
        cases = {
            "crowd": f"a tick with {many:,} payments paid at once, answers after {ANSWER_SECONDS * 1000:.0f} ms",
            "slow": f"a tick for what is left, answers after {SLOW * limit:g} s of {limit:g} that they may take",
            "silent": f"a tick for what is left, and no answer at all within {limit:g} s",
        }
        group = await measure(
            "",
            [Case(name, about, getattr(rounds, name)) for name, about in cases.items()],
            replace(pace, rounds=1),  # it is a bound, and not a rate
        )
        period = CHECK_PAYMENTS.period_seconds
    for name in cases:
        seconds = group.middle(name).p99_ms / 1000
        group.ratios.append(
            Ratio(f"the longest tick / its period: {name}", seconds / period, (seconds / period,), at_most=1)
        )
    return group
