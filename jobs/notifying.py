"""The jobs that tell others of disputes: merchants' servers how they ended, the support desk how they stand. [spec/disputes §6]"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from gateways.disputing import Told
from gateways.receipts import Refused, Unsure
from jobs.disputing import drain, never_concluded, receivers, words
from jobs.running import Tools, tell
from models.disputes import operations as disputes
from models.disputes.operations import ClaimedMessage, ClaimedNotice
from models.work.operations import Report

INSIDE = "inside"


async def deliver_dispute_notifications(tools: Tools) -> Report:
    """Tell merchants' servers how their disputes ended. Whatever goes wrong counts as an attempt, and hinders no other."""
    if tools.outside.receivers is None:
        return Report()

    async def claim(limit: int, lease_seconds: int) -> Sequence[ClaimedNotice]:
        return await disputes.claim_notices(limit=limit, lease_seconds=lease_seconds, by=tools.by)

    return await drain(tools, claim, partial(_notify, tools), _left_to_its_lease)


async def _notify(tools: Tools, claimed: ClaimedNotice) -> None:
    """Whatever the call comes to is an attempt; that it could not be written down is none: its lease brings it back."""
    notice = claimed.notice
    try:
        never_concluded(tools, claimed.begun)
        await receivers(tools).post(Told(notice.url, notice.party, notice.key, notice.body))
    except Exception as error:
        await _missed(tools, claimed, error)
        raise
    await disputes.notified(claimed, by=tools.by)


async def _missed(tools: Tools, claimed: ClaimedNotice, error: Exception) -> None:
    """The merchant is shown why, in a word: what went wrong inside is none of his business."""
    match error:
        case Refused():
            why = error.code
        case Unsure():
            why = error.reason
        case _:
            why = INSIDE
    if await disputes.not_notified(claimed, why, by=tools.by) or why == INSIDE:
        tell(error, subject=f"dispute:{claimed.dispute}", step="NOTIFY", attempt=claimed.attempt)


async def _left_to_its_lease(_claimed: ClaimedNotice, _error: Exception) -> None:
    """It is told again then, under the same key."""


async def tell_support(tools: Tools) -> Report:
    """Tell the support desk each status that a dispute has come to, in order; where there is no desk any more, nothing waits for
    it."""
    desk = tools.outside.support
    if desk is None:
        return Report(await disputes.forget_messages(by=tools.by))

    async def claim(limit: int, lease_seconds: int) -> Sequence[ClaimedMessage]:
        return await disputes.claim_messages(limit=limit, lease_seconds=lease_seconds, by=tools.by)

    async def told(claimed: ClaimedMessage) -> None:
        never_concluded(tools, claimed.begun)
        await desk.tell(claimed.key, claimed.card)
        await disputes.told(claimed, by=tools.by)

    return await drain(tools, claim, told, partial(_untold, tools))


async def _untold(tools: Tools, claimed: ClaimedMessage, error: Exception) -> None:
    given_up = await disputes.not_told(claimed, words(error), by=tools.by)
    if given_up or claimed.failures == 0:
        tell(error, subject=f"dispute:{claimed.dispute}", step="SUPPORT", attempt=claimed.failures + 1)
