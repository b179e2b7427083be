"""The jobs that tell others of disputes: merchants' servers how they ended, the support desk how they stand. [spec/disputes §6]"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from gateways.disputing import Told
from gateways.outside import TIMEOUT
from gateways.receipts import Refused, Unsure
from jobs.disputing import Gathered, drain, never_concluded, receivers, words
from jobs.running import Tools, tell
from models.disputes import operations as disputes
from models.disputes.operations import ClaimedMessage, ClaimedNotice
from models.work.operations import Report

INSIDE = "inside"
SILENT_AFTER, SILENT_SECONDS = 5, 60


async def deliver_dispute_notifications(tools: Tools) -> Report:
    """Tell merchants' servers how their disputes ended. Whatever goes wrong counts as an attempt, and hinders no other."""
    if tools.outside.receivers is None:
        return Report()

    async def claim(limit: int, lease_seconds: int) -> Sequence[ClaimedNotice]:
        return await disputes.claim_notices(limit=limit, lease_seconds=lease_seconds, by=tools.by)

    silent = Silent(Gathered(partial(disputes.not_yet, seconds=SILENT_SECONDS, by=tools.by)))
    try:
        return await drain(tools, claim, partial(_notify, tools, silent), _left_to_its_lease)
    finally:
        await silent.passed_over.end()


@dataclass(frozen=True, slots=True)
class Silent:
    """Parties whose servers have let one time-out after the other pass in this run: the rest of theirs come later, and cost no
    attempt, or the messages of one would take the places of all others."""

    passed_over: Gathered[ClaimedNotice]
    _timeouts: Counter[str] = field(default_factory=Counter)

    def __contains__(self, party: str) -> bool:
        return self._timeouts[party] >= SILENT_AFTER

    def heard(self, party: str, error: Exception | None) -> None:
        timed_out = isinstance(error, Unsure) and error.reason == TIMEOUT
        self._timeouts[party] = self._timeouts[party] + 1 if timed_out else 0


async def _notify(tools: Tools, silent: Silent, claimed: ClaimedNotice) -> None:
    """Whatever the call comes to is an attempt; that it could not be written down is none: its lease brings it back."""
    notice = claimed.notice
    if notice.party in silent:
        silent.passed_over.add(claimed)
        return
    try:
        never_concluded(tools, claimed.begun)
        await receivers(tools).post(Told(notice.url, notice.party, notice.key, notice.body))
    except Exception as error:
        silent.heard(notice.party, error)
        await _missed(tools, claimed, error)
        raise
    silent.heard(notice.party, None)
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
