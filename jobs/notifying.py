"""The jobs that tell others of disputes: merchants' servers how they ended, the support desk how they stand; and the one that
removes files that nobody told of. [spec/disputes §6, §7]"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from gateways.disputing import Told
from jobs.disputing import drain, receivers, storage, words
from jobs.running import Tools, tell
from models.disputes import operations as disputes
from models.disputes import reads
from models.disputes.operations import ClaimedMessage, ClaimedNotice
from models.work.operations import Report

ORPHANS_PAGE = 500


async def deliver_dispute_notifications(tools: Tools) -> Report:
    """Tell merchants' servers how their disputes ended. Whatever goes wrong counts as an attempt, and hinders no other."""

    async def claim(limit: int, lease_seconds: int) -> Sequence[ClaimedNotice]:
        return await disputes.claim_notices(limit=limit, lease_seconds=lease_seconds, by=tools.by)

    return await drain(tools, claim, partial(_notify, tools), partial(_missed, tools))


async def _notify(tools: Tools, claimed: ClaimedNotice) -> None:
    notice = claimed.notice
    await receivers(tools).post(Told(notice.url, notice.party, notice.key, notice.body))
    await disputes.notified(claimed, by=tools.by)


async def _missed(tools: Tools, claimed: ClaimedNotice, error: Exception) -> None:
    if await disputes.not_notified(claimed, words(error), by=tools.by):
        tell(error, subject=f"dispute:{claimed.dispute}", step="NOTIFY", attempt=claimed.attempt)


async def tell_support(tools: Tools) -> Report:
    """Tell the support desk each status that a dispute has come to, in order; without a desk nothing waits for it."""
    desk = tools.outside.support
    if desk is None:
        return Report()

    async def claim(limit: int, lease_seconds: int) -> Sequence[ClaimedMessage]:
        return await disputes.claim_messages(limit=limit, lease_seconds=lease_seconds, by=tools.by)

    async def told(claimed: ClaimedMessage) -> None:
        await desk.tell(claimed.key, claimed.card)
        await disputes.told(claimed, by=tools.by)

    return await drain(tools, claim, told, partial(_untold, tools))


async def _untold(tools: Tools, claimed: ClaimedMessage, error: Exception) -> None:
    given_up = await disputes.not_told(claimed, words(error), by=tools.by)
    if given_up or claimed.failures == 0:
        tell(error, subject=f"dispute:{claimed.dispute}", step="SUPPORT", attempt=claimed.failures + 1)


async def remove_orphaned_attachments(tools: Tools) -> Report:
    """Remove files that were put away long ago and belong to no dispute: whoever put them was
    refused, or died before he said so."""
    kept, gone, after = storage(tools), 0, None
    while True:
        page = await kept.older(tools.settings.orphan_seconds, ORPHANS_PAGE, after)
        if not page:
            return Report(gone)
        orphans = await reads.unknown_files(page)
        await kept.remove(orphans)
        gone, after = gone + len(orphans), page[-1]
