"""How a merchant's own server is told that its dispute has ended. [spec/disputes §6]

The clock starts when the dispute ends. Each attempt counts, whatever became of it, and the next comes later and later; what was
sent and got no answer is sent again, under the same key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from models.disputes.lifecycle import DISPUTES, PUBLIC, NotificationStatus, PublicStatus
from models.disputes.operations.locking import locked
from models.disputes.operations.working import ORDER
from models.disputes.reads import DisputeRecord, Meant
from models.disputes.tables import TEXT_MAX, Dispute, DisputeNotification
from models.events.requests import Request
from models.kernel.clock import now
from models.kernel.refusals import IllegalMove, NotAllowed, NotFound, VersionConflict
from models.kernel.sql import TRUE, sql
from models.kernel.viewer import Viewer
from models.unit import Unit, operation, step
from models.work.claims import DUE, back_off, claim, release
from settings import settings


@dataclass(frozen=True, slots=True)
class Notice:
    """What a merchant's server is told. The same each time."""

    url: str
    party: str
    key: str
    body: Mapping[str, Any]


def notice(dispute: DisputeRecord, url: str) -> Notice:
    """Of a dispute that has ended: what is null is left out, and an amount is told of a success alone."""
    body: dict[str, Any] = {
        "disputeId": str(dispute.dispute_id),
        "invoiceId": dispute.invoice_id,
        "paymentId": dispute.payment_id,
        "status": PUBLIC[dispute.status].value,
    }
    if dispute.public_reason:
        body["reason"] = {"message": dispute.public_reason}
    if dispute.changed is not None and dispute.public_status is PublicStatus.SUCCEEDED:
        body["changedAmount"] = dispute.changed.minor
    return Notice(url, dispute.party_code, str(dispute.dispute_id), body)


@dataclass(frozen=True, slots=True)
class ClaimedNotice:
    """A notification that is ours until its lease ends."""

    id: int
    dispute: int
    attempt: int
    begun: int
    token: UUID
    notice: Notice

    def __repr__(self) -> str:
        return f"<notification of dispute {self.notice.key}>"

    @classmethod
    def of(cls, row: DisputeNotification, dispute: Dispute) -> ClaimedNotice:
        if row.lease_token is None:
            raise AssertionError("a claimed row has a token")
        told = notice(DisputeRecord.of(dispute.columns()), row.url)
        return cls(row.id, row.dispute_id, row.failures + 1, row.attempts, row.lease_token, told)


@step()
async def claim_notices(work: Unit, *, limit: int, lease_seconds: int, by: Viewer) -> list[ClaimedNotice]:
    """Take notifications that are due, the longest due first."""
    due = sql(f"r.status = 'pending' AND {DUE}")
    rows = await claim(work, DisputeNotification, due, limit=limit, lease_seconds=lease_seconds, order=ORDER)
    of = {row.id: row for row in await Dispute.filter(id__in=[row.dispute_id for row in rows])}
    return [ClaimedNotice.of(row, of[row.dispute_id]) for row in rows]


@step()
async def notified(work: Unit, claimed: ClaimedNotice, *, by: Viewer) -> bool:
    """The merchant's server has taken it. Locks the dispute, then its notification."""
    dispute, row = await _ours(work, claimed)
    if row is None:
        return False
    await _delivered(work, dispute, row)
    return True


@step()
async def not_notified(work: Unit, claimed: ClaimedNotice, error: str, *, by: Viewer) -> bool:
    """An attempt came to nothing, for whatever reason. It is counted; the last one is the end of it. True: it was the last one."""
    dispute, row = await _ours(work, claimed)
    if row is None:
        return False
    row.attempts_left, row.failures, row.last_error = row.attempts_left - 1, row.failures + 1, error[:TEXT_MAX]
    row.attempts = 0
    release(row)
    if row.attempts_left > 0:
        row.next_check_at = _next_attempt(row.failures)
        await work.record_child(row, "miss_notification", dispute, left=row.attempts_left, error=row.last_error)
        return False
    row.next_check_at = None
    await work.move_child(row, "give_up_notifying", dispute, error=row.last_error)
    return True


@step()
async def not_yet(work: Unit, claimed: Sequence[ClaimedNotice], *, seconds: int, by: Viewer) -> int:
    """Nobody was asked: they are due again after so long, and no attempt was made. Answers how many claims still held."""
    written = await work.db.fetch(
        """UPDATE dispute_notification r SET next_check_at = saldo_now() + make_interval(secs => $3), attempts = 0,
                  lease_until = NULL, lease_token = NULL
             FROM unnest($1::bigint[], $2::uuid[]) k(id, token) WHERE r.id = k.id AND r.lease_token = k.token RETURNING r.id""",
        [one.id for one in claimed],
        [one.token for one in claimed],
        seconds,
    )
    return len(written)


def _next_attempt(failures: int) -> datetime:
    """Four times as long each time: five attempts reach over more than half an hour."""
    limits = settings()
    first, most = limits.dispute_notification_back_off_seconds, limits.dispute_notification_back_off_max_seconds
    return back_off(failures, first, most, factor=4)


async def _delivered(work: Unit, dispute: Dispute, row: DisputeNotification) -> None:
    row.delivered_at, row.next_check_at, row.last_error = now(), None, None
    release(row)
    await work.move_child(row, "notify", dispute)


async def _ours(work: Unit, claimed: ClaimedNotice) -> tuple[Dispute, DisputeNotification | None]:
    dispute = await work.lock(Dispute, sql("r.id = {}", claimed.dispute), visible_to=TRUE)
    row = await work.lock(DisputeNotification, sql("r.id = {}", claimed.id), visible_to=TRUE)
    ours = row.lease_token == claimed.token and row.status is NotificationStatus.PENDING
    return dispute, row if ours else None


# by hand


@operation(answers=DisputeRecord, refuses=(NotFound, NotAllowed, IllegalMove, VersionConflict))
async def resent(work: Unit, which: Meant, error: str | None, *, by: Viewer, request: Request | None = None) -> Dispute:
    """The merchant's server was told once more, whatever it was told before: write down what came of it; None: it has taken it.

    Locks the payment, its adjustment, the dispute, its notification. What a worker does with it meanwhile comes too late where
    it was taken. Refuses NOTIFICATION_NOT_FOUND where nobody is to be told.
    """
    dispute = (await locked(work, which, by)).dispute
    DISPUTES.may(dispute, "resend_notification", by)
    row = await work.lock(DisputeNotification, sql("r.dispute_id = {}", dispute.id), visible_to=TRUE)
    if error is None and row.status is not NotificationStatus.DELIVERED:
        await _delivered(work, dispute, row)
        return dispute
    row.last_error = error and error[:TEXT_MAX]
    return await work.record_child(row, "resend_notification", dispute, error=row.last_error)
