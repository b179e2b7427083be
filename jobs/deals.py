"""The jobs of deals: promote what waited for money, expire what was not confirmed, prove the escrows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import sentry_sdk

from jobs.ledger import prove
from jobs.running import Tools, each
from models.deals import operations as deals
from models.deals import reads
from models.deals.wiring import CHECKS
from models.work.operations import Report

AT_ONCE = 8
WAITING_MAX = 100
"""Deals of one customer that are tried as soon as his money comes; the others a minute later."""


async def promote_waiting_deals(tools: Tools) -> Report:
    """Confirm deals that waited for money which has come: for each customer the oldest first, what does not fit is passed
    over. Each is a unit of its own: one that fails is told, and tried again at the next tick."""
    waiting = await reads.promotable(tools.settings.promote_batch)
    return await each(waiting, partial(_promote, tools), at_once=AT_ONCE, failed=_told)


async def promote_for(tools: Tools, person: int, currency: str) -> tuple[int, list[Exception]]:
    """The same for one customer and currency, by whoever has just brought him money. How many went on, and what failed."""
    return await _promoted(tools, await reads.waiting(person, currency, WAITING_MAX))


async def _promote(tools: Tools, numbers: Sequence[int]) -> None:
    _, failures = await _promoted(tools, numbers)
    if failures:
        raise ExceptionGroup("deals could not be promoted", failures)


async def _promoted(tools: Tools, numbers: Sequence[int]) -> tuple[int, list[Exception]]:
    promoted, failures = 0, list[Exception]()
    for number in numbers:
        try:
            promoted += await deals.promote(number, by=tools.by)
        except Exception as error:  # noqa: BLE001  the next deal has nothing to do with it
            failures.append(error)
    return promoted, failures


async def expire_deals(tools: Tools) -> Report:
    """Cancel what was not confirmed in time; note which confirmed deals are overdue. No money moves."""
    due = await reads.overdue(tools.settings.expire_batch)
    return await each(due, partial(_expire, tools), at_once=AT_ONCE, failed=_told)


async def _expire(tools: Tools, number: int) -> None:
    await deals.expire(number, by=tools.by)


async def reconcile_deals(tools: Tools) -> Report:
    """Prove the escrows against the deals. [spec/deals §7.5]"""
    return await prove("escrows and deals", CHECKS)


async def _told(_item: object, error: Exception) -> None:
    """The row stays as it is, so the next tick finds it again."""
    sentry_sdk.capture_exception(error)
