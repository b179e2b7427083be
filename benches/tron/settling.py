"""Payments that were paid, until all are swept; and the same calls of the node with nothing else around them."""

from __future__ import annotations

import time
from statistics import median
from typing import Any

import httpx

from benches.measure import Case, Group, Pace, Sample, measure, summary
from benches.tron.chain import Chain, all_of
from benches.tron.made import AMOUNT, made
from benches.tron.ticking import Taken, Worker, worker
from models.kernel.sql import fetch_one, sql
from settings import settings

ANSWER_SECONDS, TICKS_MAX = 0.05, 12
ALL, FEW = 100, 30
LEFT = """SELECT count(*) AS n FROM payment p JOIN wallet w ON w.payment_id = p.id
           WHERE (p.status, w.status) <> ('success', 'transfered')"""
HEADERS = {"content-type": "application/json"}


class Settling:
    """Rounds of both, in turn: the floor repeats what the round before it asked."""

    def __init__(self, node: Chain, at_work: Worker, many: int) -> None:
        self.node, self.at_work, self.many = node, at_work, many
        self.calls: list[dict[str, Any]] = []
        self.taken: list[Taken] = []
        self.ticks: list[int] = []

    async def settle(self, _pace: Pace) -> Sample:
        """Working time is that of the ticks; what lies between them is not counted."""
        addresses = await made(self.many)
        await self.node.pay(addresses, AMOUNT)
        await self.node.mine()
        await self.node.asked()
        before, ticks = Taken.now(), []
        while await _left():
            if len(ticks) == TICKS_MAX:
                raise RuntimeError(f"{await _left()} of {self.many} payments are not settled after {TICKS_MAX} ticks")
            await self.node.answer_in(ANSWER_SECONDS)
            ticks.append(await self.at_work.tick())
            await self.node.answer_in(0)
            await self.node.mine()
        self.calls = await self.node.asked()
        self.taken.append(Taken.now() - before)
        self.ticks.append(len(ticks))
        times = sorted(ticks)
        return Sample(self.many / sum(ticks), median(times) * 1000, times[-1] * 1000)

    async def bare(self, _pace: Pace) -> Sample:
        """As many payments as those calls were for."""
        latencies: list[float] = []
        most = settings().outside_connections_max
        await self.node.answer_in(ANSWER_SECONDS)
        async with httpx.AsyncClient(
            base_url=self.node.url.removesuffix("/tron"), trust_env=False, limits=httpx.Limits(max_connections=most)
        ) as http:

            async def again(call: dict[str, Any]) -> None:
                begun = time.perf_counter()
                answer = await http.request(call["method"], call["path"], json=call["body"], headers=HEADERS)
                answer.json()
                latencies.append((time.perf_counter() - begun) * 1000)

            started = time.perf_counter()
            await all_of(self.calls, again, settings().payments_at_once)
            seconds = time.perf_counter() - started
        await self.node.answer_in(0)
        asked = summary(seconds, latencies)
        return Sample(self.many / seconds, asked.p50_ms, asked.p99_ms)


async def _left() -> int:
    row = await fetch_one(sql(LEFT))
    return int(row["n"]) if row else 0


async def run(node: Chain, pace: Pace) -> Group:
    many = ALL if pace.rounds > 1 else FEW
    async with worker(node, payment_net_batch=0) as at_work:
        await at_work.tick()  # the blocks from before there was anything
        rounds = Settling(node, at_work, many)
        group = await measure(
            "",
            [
                Case("settle", f"{many} payments paid at once, until all are settled and swept", rounds.settle),
                Case("calls", "the same calls of the node by the HTTP client alone", rounds.bare, floor=True),
            ],
            pace,
        )
    group.compare("payments settled / the node's calls alone", "settle", "calls")
    taken = rounds.taken[-1]
    group.facts = {
        "settled_per_minute": round(60 * group.middle("settle").per_second),
        "calls_alone_per_minute": round(60 * group.middle("calls").per_second * taken.calls / many),
        "ticks_until_settled": rounds.ticks[-1],
        "node_calls_per_payment": round(taken.calls / many, 1),
        "units_per_payment": round(taken.units / many, 1),
        "statements_per_payment": round(taken.statements / many, 1),
    }
    return group
