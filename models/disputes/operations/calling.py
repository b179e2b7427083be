"""What providers tell of their own accord: that a payment succeeded after all. [spec/disputes §5.3]

It is their word alone, so it is kept, and asked about by a worker; with a dispute or without one.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from models.disputes import postings
from models.disputes.errors import CallbacksDisabled
from models.disputes.lifecycle import AdjustmentStatus
from models.disputes.operations.locking import (
    Held,
    at_payment,
    locked_adjustment,
    locked_open,
    start_adjustment,
)
from models.disputes.operations.working import ORDER, PutOff
from models.disputes.reads import CallbackRecord
from models.disputes.tables import REF_MAX, TEXT_MAX, Dispute, PaymentCallback
from models.events.requests import Request
from models.kernel.clock import now
from models.kernel.inputs import text
from models.kernel.lifecycle import AlreadyThere
from models.kernel.money import Money
from models.kernel.refusals import InvalidInput, NotAllowed, NotFound
from models.kernel.sql import TRUE, sql
from models.kernel.viewer import OPERATOR, SERVICE, Viewer
from models.unit import Unit, operation, step
from models.work.claims import DUE, back_off, claim, release
from settings import settings

OVER = (AdjustmentStatus.SUCCEEDED, AdjustmentStatus.CANCELLED)
"""Jobs that no word of a provider begins again."""


@operation(answers=CallbackRecord, refuses=(NotAllowed, InvalidInput, CallbacksDisabled))
async def payment_callback(
    work: Unit, invoice: str, payment: str, *, by: Viewer, request: Request | None = None
) -> PaymentCallback:
    """A provider, through a service, says that a payment succeeded: it is kept, and a worker asks. While one of the payment
    waits to be asked, that one is answered, and nothing is written."""
    if not by.has(SERVICE, OPERATOR):
        raise NotAllowed("tell of a payment")
    return await heard(work, invoice, payment)


async def heard(work: Unit, invoice: str, payment: str) -> PaymentCallback:
    """Inside a unit; refuses CALLBACKS_DISABLED, INVALID_INPUT."""
    if not settings().dispute_callbacks_enabled:
        raise CallbacksDisabled
    if problems := [*text("invoiceId", invoice, REF_MAX), *text("paymentId", payment, REF_MAX)]:
        raise InvalidInput(*problems)
    await at_payment(work, invoice, payment)
    waiting = sql("r.invoice_id = {} AND r.payment_id = {} AND r.status = 'received'", invoice, payment)
    query, values = waiting.render()
    if await work.db.fetchval(f"SELECT EXISTS (SELECT FROM payment_callback r WHERE {query})", *values):
        with suppress(NotFound):  # it ended while we waited
            found = await work.lock(PaymentCallback, waiting, visible_to=TRUE)
            await work.touch(found, again=True)
            raise AlreadyThere(found)
    at, limit = now(), timedelta(minutes=settings().dispute_adjustment_minutes)
    row = PaymentCallback(invoice_id=invoice, payment_id=payment, give_up_at=at + limit, next_check_at=at)
    return await work.open(row)


@dataclass(frozen=True, slots=True)
class ClaimedCallback:
    """A provider's word that is ours until its lease ends."""

    id: int
    invoice: str
    payment: str
    created_at: datetime
    give_up_at: datetime
    failures: int
    attempts: int
    token: UUID

    def __repr__(self) -> str:
        return f"<callback of payment {self.invoice}/{self.payment}>"

    @classmethod
    def of(cls, row: PaymentCallback) -> ClaimedCallback:
        if row.lease_token is None:
            raise AssertionError("a claimed row has a token")
        return cls(
            row.id, row.invoice_id, row.payment_id, row.created_at, row.give_up_at, row.failures, row.attempts,
            row.lease_token,
        )  # fmt: skip


@step()
async def claim_callbacks(work: Unit, *, limit: int, lease_seconds: int, by: Viewer) -> Sequence[ClaimedCallback]:
    due = sql(f"r.status = 'received' AND {DUE}")
    rows = await claim(work, PaymentCallback, due, limit=limit, lease_seconds=lease_seconds, order=ORDER)
    for row in rows:
        if row.again:  # what is heard from now on answers that too
            await work.touch(row, again=False)
    return [ClaimedCallback.of(row) for row in rows]


@step()
async def callback_confirmed(
    work: Unit, claimed: ClaimedCallback, cost: Money, changed: Money | None, *, by: Viewer
) -> bool:
    """The provider confirms it when asked: billing is to put the payment right, with a dispute or without. Locks the payment, its
    adjustment, its open dispute, and the word.

    The dispute stays where it is: it shows the job, and ends with it. A job that is at work goes on as it is; one that has ended
    well, or that an operator has called off, is not begun again by a provider's word.
    """
    held = await _held(work, claimed)
    if held is None:
        return False
    row, of_payment = held
    job, dispute = of_payment.adjustment, of_payment.dispute
    if job is not None and job.status in OVER:
        await _ended(work, row, "ignore", f"the adjustment of the payment is {job.status.value}")
        return True
    if of_payment.at_work is None:
        changed = postings.changed(cost, changed)
        await start_adjustment(work, of_payment, claimed.invoice, claimed.payment, cost, changed)
        if dispute is not None:
            await work.record(dispute, "start_adjustment")
    await _ended(work, row, "confirm", None)
    return True


@step()
async def callback_ended(work: Unit, claimed: ClaimedCallback, move: str, why: str, *, by: Viewer) -> bool:
    """It came to nothing: the provider takes it back (`deny`), or there is nothing to correct (`ignore`). One that was told again
    while it was asked about is asked about once more."""
    row = await _ours(work, claimed)
    if row is not None and row.again:
        await work.touch(row, next_check_at=now(), lease_token=None, lease_until=None)
    elif row is not None:
        await _ended(work, row, move, why)
    return row is not None


@step()
async def callback_delayed(work: Unit, claimed: ClaimedCallback, until: datetime, *, by: Viewer) -> bool:
    """Its terminal wants it asked later; what time there is for it begins then."""
    row = await _ours(work, claimed)
    if row is not None:
        row.next_check_at = until
        row.give_up_at = until + timedelta(minutes=settings().dispute_adjustment_minutes)
        release(row)
        await work.record(row, "delay", until=until)
    return row is not None


@step()
async def callback_put_off(work: Unit, claimed: ClaimedCallback, error: str, *, begun: bool, by: Viewer) -> PutOff:
    """It could not be asked about: later and later, until its time is over. `begun`: whether it was tried at all this time."""
    row = await _ours(work, claimed)
    if row is None:
        return PutOff()
    failures, limits = claimed.failures + 1, settings()
    if now() > claimed.give_up_at:
        await _ended(work, row, "ignore", f"nobody could be asked: {error}")
        return PutOff(failures, human=True)
    later_on = back_off(failures, limits.dispute_back_off_seconds, limits.dispute_back_off_max_seconds)
    await work.touch(
        row, failures=failures, last_error=error[:TEXT_MAX], next_check_at=later_on,
        lease_token=None, lease_until=None, attempts=0 if begun else row.attempts,
    )  # fmt: skip
    return PutOff(failures)


async def _ended(work: Unit, row: PaymentCallback, move: str, why: str | None) -> None:
    row.detail, row.next_check_at = why and why[:TEXT_MAX], None
    release(row)
    await work.move(row, move)


async def _ours(work: Unit, claimed: ClaimedCallback) -> PaymentCallback | None:
    row = await work.lock(PaymentCallback, sql("r.id = {}", claimed.id), visible_to=TRUE)
    return row if row.lease_token == claimed.token else None


async def _held(work: Unit, claimed: ClaimedCallback) -> tuple[PaymentCallback, Held[Dispute | None]] | None:
    """The word, and the job and the open dispute of its payment, which come first."""
    await at_payment(work, claimed.invoice, claimed.payment)
    job = await locked_adjustment(work, claimed.invoice, claimed.payment)
    dispute = await locked_open(work, claimed.invoice, claimed.payment)
    row = await _ours(work, claimed)
    return None if row is None else (row, Held(dispute, job))
