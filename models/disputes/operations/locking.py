"""How what belongs to one payment is locked, and how a dispute is moved. [spec/disputes §0, §2.3]

All who may bring an adjustment or a dispute of a payment into being wait for each other at the payment; then come its
adjustment, its dispute, and the dispute's notification.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid4

from models.disputes.errors import DISPUTE_NOT_FOUND
from models.disputes.lifecycle import (
    CLOSED,
    WAITING_FOR_HUMANS,
    AdjustmentStatus,
    DisputeStatus,
    NotificationStatus,
    Polling,
)
from models.disputes.reads import Meant, meant
from models.disputes.tables import OPEN_ONES, TEXT_MAX, Adjustment, Dispute, DisputeNotification, SupportMessage
from models.disputes.views import visible_to
from models.kernel.clock import now
from models.kernel.money import Money
from models.kernel.refusals import NotFound
from models.kernel.sql import TRUE, join, sql
from models.kernel.viewer import Viewer
from models.unit import Unit
from models.work.claims import release
from settings import settings

D = TypeVar("D", Dispute, Dispute | None)


@dataclass(slots=True)
class Held(Generic[D]):
    """What is locked of one payment: its job, and the dispute that is meant, where one is."""

    dispute: D
    adjustment: Adjustment | None

    @property
    def at_work(self) -> Adjustment | None:
        """The job, where it has not ended: its dispute's own, or one that a provider's word began."""
        job = self.adjustment
        return job if job is not None and job.status is AdjustmentStatus.CREATE_ADJUSTMENT else None


async def at_payment(work: Unit, invoice: str, payment: str) -> None:
    """Nobody else brings anything of this payment into being until the unit ends."""
    await work.alone(f"disputed:{invoice}/{payment}")


async def locked_adjustment(work: Unit, invoice: str, payment: str) -> Adjustment | None:
    where = sql("r.invoice_id = {} AND r.payment_id = {}", invoice, payment)
    text, values = where.render()
    if not await work.db.fetchval(f"SELECT EXISTS (SELECT FROM adjustment r WHERE {text})", *values):
        return None
    return await work.lock(Adjustment, where, visible_to=TRUE)


async def locked_open(work: Unit, invoice: str, payment: str) -> Dispute | None:
    """The open dispute of a payment, under the lock of the payment."""
    where = sql(f"r.invoice_id = {{}} AND r.payment_id = {{}} AND r.status IN ({OPEN_ONES})", invoice, payment)
    text, values = where.render()
    if not await work.db.fetchval(f"SELECT EXISTS (SELECT FROM dispute r WHERE {text})", *values):
        return None
    try:
        return await work.lock(Dispute, where, visible_to=TRUE)
    except NotFound:  # it ended while we waited
        return None


async def locked(work: Unit, which: Meant, by: Viewer) -> Held[Dispute]:
    """A dispute and its payment's adjustment. Waits for whoever works on the very dispute that is meant, and never takes an older
    one. Refuses DISPUTE_NOT_FOUND."""
    text, values = join(
        [sql("SELECT r.id, r.invoice_id, r.payment_id FROM dispute r WHERE"), visible_to(by) & meant(which)]
    ).render()
    found = await work.db.fetchrow(text, *values)
    if found is None:
        raise NotFound("dispute", code=DISPUTE_NOT_FOUND)
    return await _held(work, found["id"], found["invoice_id"], found["payment_id"], by)


async def _held(work: Unit, id: int, invoice: str, payment: str, by: Viewer) -> Held[Dispute]:
    await at_payment(work, invoice, payment)
    adjustment = await locked_adjustment(work, invoice, payment)
    dispute = await work.lock(Dispute, sql("r.id = {}", id), visible_to=visible_to(by), code=DISPUTE_NOT_FOUND)
    return Held(dispute, adjustment)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A dispute that is ours until its lease ends, with all that is told of it outside. `failures` are those in a row before."""

    id: int
    dispute_id: UUID
    invoice: str
    payment: str
    status: DisputeStatus
    terminal: int
    provider_trx: str
    amount: Money
    cost: Money
    reason: str | None
    provider_dispute: str | None
    payer_email: str | None
    created_at: datetime
    due_at: datetime
    status_since: datetime
    polling: Polling
    polling_before: datetime
    failures: int
    attempts: int
    needs_attention: bool
    token: UUID

    def __repr__(self) -> str:
        return f"<dispute {self.dispute_id}>"

    @classmethod
    def of(cls, row: Dispute) -> Claimed:
        if row.lease_token is None or row.next_check_at is None:
            raise AssertionError("a claimed row has a token, and a time at which it was due")
        return cls(
            row.id, row.dispute_id, row.invoice_id, row.payment_id, row.status, row.terminal_id, row.provider_trx, row.amount,
            row.cost, row.reason, row.provider_dispute_id, row.payer_email, row.created_at, row.next_check_at,
            row.status_since, Polling.kept(row.polling), row.polling_before, row.failures, row.attempts, row.needs_attention,
            row.lease_token,
        )  # fmt: skip

    def next_check(self, polling: Polling | None = None) -> datetime:
        return (polling or self.polling).next_check(since=self.created_at, last=self.due_at, now=now())

    @property
    def waits_too_long(self) -> bool:
        """Whether it waits for a human longer than it should, and none was called."""
        waited = now() - self.status_since
        late = self.status in WAITING_FOR_HUMANS and waited > timedelta(seconds=settings().dispute_human_seconds)
        return late and not self.needs_attention

    @property
    def overdue(self) -> bool:
        """Whether its deadline has passed."""
        return now() > self.polling_before


async def still_held(work: Unit, claimed: Claimed) -> Held[Dispute] | None:
    """What was claimed, locked whole; None where the claim is over, or the dispute has moved on."""
    held = await _held(work, claimed.id, claimed.invoice, claimed.payment, work.by)
    ours = held.dispute.lease_token == claimed.token and held.dispute.status is claimed.status
    return held if ours else None


# moving


async def moved(
    work: Unit, dispute: Dispute, move: str, *, next_check: datetime | None = None, **facts: Any
) -> Dispute:
    """The next status of a locked dispute: whoever worked on it is too late, the support desk will hear of it, and where it has
    ended so will its merchant."""
    before = dispute.status
    dispute.failures, dispute.last_error, dispute.attempts, dispute.needs_attention = 0, None, 0, False
    dispute.status_since = now()
    release(dispute)
    ends = dispute.lifecycle.after(dispute, move) in CLOSED
    dispute.next_check_at = None if ends else next_check or now()
    await work.move(dispute, move, **facts)
    if dispute.status is not before:
        await tell_support(work, dispute)
    if ends and dispute.notification_status is NotificationStatus.PENDING:
        where = sql("r.dispute_id = {}", dispute.id)
        await work.touch(await work.lock(DisputeNotification, where, visible_to=TRUE), next_check_at=now())
    return dispute


async def tell_support(work: Unit, dispute: Dispute) -> None:
    """The support desk, where there is one, is to hear of the status that the dispute has now."""
    if settings().support_system:
        message = SupportMessage(
            dispute_id=dispute.id, version=dispute.version, created_at=dispute.updated_at, next_check_at=now()
        )
        await work.attach(message)


async def touched(work: Unit, dispute: Dispute, next_check: datetime) -> None:
    """It was looked at, and nothing is new: bookkeeping alone."""
    await work.touch(
        dispute, next_check_at=next_check, failures=0, last_error=None, attempts=0, lease_token=None, lease_until=None
    )


# the adjustment beside it


async def start_adjustment(
    work: Unit, held: Held[Any], invoice: str, payment: str, amount: Money, changed: Money | None
) -> Adjustment:
    """Have billing put the payment right: by a new job, or by the one that the payment had before, under the same name, so that
    what that one ordered is found. One that is at work is joined, with the newer word about the amount as long as billing was told
    of none. Under the lock of the payment; whoever writes the dispute does it next.
    """
    job, dispute = held.at_work, held.dispute
    if job is None:
        what = _Job(invoice, payment, amount, changed)
        job = await _begun(work, held.adjustment, what, dispute.id if dispute else None)
    elif dispute is not None:
        await join_adjustment(work, job, dispute, changed if not job.sent else job.changed)
    held.adjustment = job
    shown(dispute, job)
    return job


async def join_adjustment(work: Unit, job: Adjustment, dispute: Dispute, changed: Money | None) -> None:
    """A job that is at work is the dispute's from now on, and is to bring billing to this amount."""
    if job.dispute_id != dispute.id or job.changed != changed:
        job.dispute_id, job.changed_minor = dispute.id, changed.minor if changed else None
        await work.record(job, "join", dispute=dispute.id)


@dataclass(frozen=True, slots=True)
class _Job:
    invoice: str
    payment: str
    amount: Money
    changed: Money | None


async def _begun(work: Unit, job: Adjustment | None, what: _Job, dispute: int | None) -> Adjustment:
    again = job is not None
    job = job or Adjustment(adjustment_id=uuid4(), invoice_id=what.invoice, payment_id=what.payment)
    job.dispute_id, job.error = dispute, None
    job.currency, job.amount_minor = what.amount.currency, what.amount.minor
    job.changed_minor = what.changed.minor if what.changed else None
    job.give_up_at = now() + timedelta(minutes=settings().dispute_adjustment_minutes)
    job.next_check_at, job.failures, job.last_error, job.attempts = now(), 0, None, 0
    release(job)
    return await work.move(job, "restart") if again else await work.open(job)


async def end_adjustment(work: Unit, held: Held[Any], move: str, error: str | None = None) -> None:
    """The payment's job, where one is at work, ends as `move` says; whoever moves the dispute does it next."""
    job = held.adjustment
    if job is None or job.status is not AdjustmentStatus.CREATE_ADJUSTMENT:
        return
    job.error = error and error[:TEXT_MAX]
    job.next_check_at, job.failures, job.last_error = None, 0, None
    release(job)
    if held.dispute is not None and job.dispute_id is None:
        job.dispute_id = held.dispute.id
    await work.move(job, move)
    shown(held.dispute, job)


async def leave_adjustment(work: Unit, job: Adjustment, dispute: Dispute) -> None:
    """The dispute ends, and the job goes on without it."""
    if job.dispute_id == dispute.id:
        job.dispute_id = None
        await work.record(job, "leave", dispute=dispute.id)


def shown(dispute: Dispute | None, job: Adjustment) -> bool:
    """What a dispute shows of the job that is its own. Whether that is news."""
    if dispute is None or job.dispute_id != dispute.id:
        return False
    before = dispute.adjustment_status, dispute.adjustment_sent
    dispute.adjustment_status, dispute.adjustment_sent = job.status, job.sent
    return before != (job.status, job.sent)
