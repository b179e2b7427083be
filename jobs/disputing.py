"""What the jobs of disputes share: a claim after the other while there is time, and who hears of what went wrong."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import structlog

from gateways.disputing import (
    INVOICE_NOT_FOUND,
    PAYMENT_NOT_FOUND,
    Accepted,
    Billing,
    Created,
    DisputeOrder,
    Providers,
    Receivers,
    Storage,
    Unexpected,
)
from gateways.receipts import Unsure
from jobs.running import Tools, done
from models.disputes.operations import INVOICE_GONE, PAYMENT_GONE
from models.work.operations import Report

log = structlog.get_logger("jobs")
GONE = {INVOICE_NOT_FOUND: INVOICE_GONE, PAYMENT_NOT_FOUND: PAYMENT_GONE}
"""What is written down where billing has no such thing any more."""
TIME_USED = 0.5
"""Of a tick's timeout: what is begun later might not end within it."""
ROOM_WORTH_A_CLAIM = 10
"""A claim is made when a tenth of those at work have ended: it costs a statement, whether it takes one or many."""
CONCLUDED_TOGETHER, TOGETHER_SECONDS = 50, 1.0
C = TypeVar("C")
G = TypeVar("G")


async def drain(
    tools: Tools,
    claim: Callable[[int, int], Awaitable[Sequence[C]]],
    body: Callable[[C], Awaitable[None]],
    failed: Callable[[C, Exception], Awaitable[None]],
    *,
    share: float = 1,
) -> Report:
    """Do what is due, so many at once, and claim more as soon as there is room, until nothing is due or the time is used.

    `claim` takes how many, and for how many seconds: what is claimed is begun at once. Each has its own deadline: what hangs ends
    as a failure of its own, and hinders no other. A claim that fails is the end, once those at work have come to theirs.
    `share`: of the run's time, where it does several.
    """
    limits, outcomes = tools.settings, Counter[bool]()
    until = time.monotonic() + limits.dispute_timeout_seconds * TIME_USED * share
    places = Places(limits.dispute_at_once, max(1, limits.dispute_at_once // ROOM_WORTH_A_CLAIM))

    async def in_time(one: C) -> None:
        async with asyncio.timeout(limits.dispute_deadline_seconds):
            await body(one)

    async def do(one: C) -> None:
        try:
            outcomes[await done(one, in_time, failed)] += 1
        finally:
            places.give_back()

    more, unclaimed = True, None
    async with asyncio.TaskGroup() as group:
        while more:
            wanted = min(await places.room(), limits.dispute_batch)
            try:
                claimed = await claim(wanted, limits.dispute_lease_seconds)
            except Exception as error:  # noqa: BLE001  raised below
                claimed, unclaimed = [], error
            places.take(len(claimed))
            for one in claimed:
                group.create_task(do(one))
            more = len(claimed) == wanted and time.monotonic() < until
    if unclaimed is not None:
        raise unclaimed
    return Report(outcomes[True], outcomes[False])


class Places:
    """So many may be at work; whoever brings more waits until there is room for enough of them."""

    def __init__(self, count: int, enough: int) -> None:
        self._free, self._enough, self._given_back = count, enough, asyncio.Event()

    async def room(self) -> int:
        while self._free < self._enough:
            self._given_back.clear()
            await self._given_back.wait()
        return self._free

    def take(self, count: int) -> None:
        self._free -= count

    def give_back(self) -> None:
        self._free += 1
        self._given_back.set()


class Gathered(Generic[C]):
    """What many came to by themselves is concluded together: so many in one unit, none long after the first. That is no failure of
    any of them: what could not be concluded is tried once more at the end."""

    def __init__(self, conclude: Callable[[list[C]], Awaitable[object]]) -> None:
        self._conclude, self._waiting, self._since = conclude, list[C](), time.monotonic()
        self._flushing: set[asyncio.Task[None]] = set()

    def add(self, one: C) -> None:
        self._waiting.append(one)
        if len(self._waiting) >= CONCLUDED_TOGETHER or time.monotonic() > self._since + TOGETHER_SECONDS:
            together, self._waiting, self._since = self._waiting, [], time.monotonic()
            task = asyncio.create_task(self._tried(together))
            self._flushing.add(task)
            task.add_done_callback(self._flushing.discard)

    async def end(self) -> None:
        await asyncio.gather(*self._flushing)
        if self._waiting:
            together, self._waiting = self._waiting, []
            await self._conclude(together)

    async def _tried(self, together: list[C]) -> None:
        try:
            await self._conclude(together)
        except Exception:
            log.exception("not_concluded_together", count=len(together))
            self._waiting += together


def billing(tools: Tools) -> Billing:
    return _there(tools.outside.billing, "billing")


def providers(tools: Tools) -> Providers:
    return _there(tools.outside.providers, "providers")


def storage(tools: Tools) -> Storage:
    return _there(tools.outside.storage, "storage")


def receivers(tools: Tools) -> Receivers:
    return _there(tools.outside.receivers, "receivers")


def _there(gateway: G | None, system: str) -> G:
    if gateway is None:
        raise Unsure(system, "call", "this worker has no gateway for it")
    return gateway


def words(error: Exception) -> str:
    """What is kept with the row: also what an adapter said in its own words."""
    said = f": {error.reason}" if isinstance(error, Unexpected) else ""
    return f"{type(error).__name__}: {error}{said}"


class NeverConcluded(Exception):
    """It was begun again and again, and whoever began it never came to an end: it may be what ends him."""


def never_concluded(tools: Tools, attempts: int) -> None:
    """Raises `NeverConcluded` instead of one attempt too many: its failures are counted, and a human gets it."""
    if attempts > tools.settings.dispute_attempts_max:
        raise NeverConcluded(f"begun {attempts} times and never concluded")


async def support(tools: Tools, order: DisputeOrder) -> Created:
    """The support desk takes what no provider does; where there is no desk the humans of the house do."""
    desk = tools.outside.support
    return await desk.open(order) if desk is not None else Accepted(f"house:{order.dispute_id}")
