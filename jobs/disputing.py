"""What the jobs of disputes share: a claim after the other while there is time, and who hears of what went wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from gateways.disputing import (
    Accepted,
    Billing,
    Created,
    DisputeOrder,
    PaymentChecked,
    Providers,
    Receivers,
    Storage,
    Transaction,
    Unexpected,
)
from gateways.receipts import Unsure
from jobs.running import Tools, each
from models.work.operations import Report

TIME_USED = 0.5
"""Of a tick's timeout: what is begun later might not end within it."""
C = TypeVar("C")
G = TypeVar("G")


async def drain(
    tools: Tools,
    claim: Callable[[int, int], Awaitable[Sequence[C]]],
    body: Callable[[C], Awaitable[None]],
    failed: Callable[[C, Exception], Awaitable[None]],
) -> Report:
    """Claim what is due and do it, a batch after the other, until nothing is due or the time is used. `claim` takes how many,
    and for how many seconds. Each has its own deadline: what hangs ends as a failure of its own, and hinders no other."""
    limits, until, done, failures = tools.settings, time.monotonic() + _seconds(tools), 0, 0

    async def in_time(one: C) -> None:
        async with asyncio.timeout(limits.dispute_deadline_seconds):
            await body(one)

    while True:
        claimed = await claim(limits.dispute_batch, limits.dispute_lease_seconds)
        part = await each(claimed, in_time, at_once=limits.dispute_at_once, failed=failed)
        done, failures = done + part.done, failures + part.failures
        if len(claimed) < limits.dispute_batch or time.monotonic() > until:
            return Report(done, failures)


def _seconds(tools: Tools) -> float:
    return tools.settings.dispute_timeout_seconds * TIME_USED


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
    return f"{type(error).__name__}: {error}"


async def asked_payment(tools: Tools, url: str, transaction: Transaction, currency: str) -> PaymentChecked:
    """Whether the payment itself succeeded at its provider; one that has no such door does not say so."""
    try:
        return await providers(tools).check_payment(url, transaction, currency)
    except Unsure as error:
        if not await no_such_door(tools, url, error):
            raise
    return PaymentChecked(success=False)


async def no_such_door(tools: Tools, url: str, error: Unsure) -> bool:
    """Whether an adapter failed because it has no such door at all: it is asked plainly."""
    odd = isinstance(error, Unexpected) or error.reason == "status 404"
    return odd and await providers(tools).missing(url)


async def support(tools: Tools, order: DisputeOrder) -> Created:
    """The support desk takes what no provider does; where there is no desk the humans of the house do."""
    desk = tools.outside.support
    return await desk.open(order) if desk is not None else Accepted(f"house:{order.dispute_id}")
