"""The units of an adjustment: claim, begin, and what billing made of it. [spec/disputes §3.6]

What is about to be ordered is written down before: who died in the call finds the order in billing by its reason, and orders
nothing twice. A job ends together with the open dispute of its payment, in one unit, or neither does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from models.disputes.lifecycle import AdjustmentStatus, DisputeStatus, Mode, Polling
from models.disputes.operations.locking import (
    Held,
    at_payment,
    end_adjustment,
    locked_adjustment,
    locked_open,
    moved,
    shown,
)
from models.disputes.operations.working import ORDER, fail_held, succeed_held
from models.disputes.postings import Order
from models.disputes.tables import TEXT_MAX, Adjustment, Dispute
from models.kernel.clock import now
from models.kernel.money import Money
from models.kernel.sql import sql
from models.kernel.viewer import Viewer
from models.unit import Unit, step
from models.work.claims import DUE, back_off, claim
from settings import settings

GAVE_UP = "billing was not ready within the time that there is for an adjustment"


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """An adjustment that is ours until its lease ends."""

    id: int
    adjustment_id: UUID
    invoice: str
    payment: str
    amount: Money
    changed: Money | None
    give_up_at: datetime
    created_at: datetime
    due_at: datetime
    failures: int
    attempts: int
    token: UUID

    def __repr__(self) -> str:
        return f"<adjustment {self.adjustment_id}>"

    @classmethod
    def of(cls, row: Adjustment) -> ClaimedJob:
        if row.lease_token is None or row.next_check_at is None:
            raise AssertionError("a claimed row has a token, and a time at which it was due")
        return cls(
            row.id, row.adjustment_id, row.invoice_id, row.payment_id, row.amount, row.changed, row.give_up_at,
            row.created_at, row.next_check_at, row.failures, row.attempts, row.lease_token,
        )  # fmt: skip

    @property
    def next_check(self) -> datetime:
        """Later the longer it takes."""
        return Polling().next_check(since=self.created_at, last=self.due_at, now=now())


@step()
async def claim_jobs(work: Unit, *, limit: int, lease_seconds: int, by: Viewer) -> list[ClaimedJob]:
    """Take adjustments that are due, the longest due first."""
    due = sql(f"r.status = 'create_adjustment' AND {DUE}")
    rows = await claim(work, Adjustment, due, limit=limit, lease_seconds=lease_seconds, order=ORDER)
    return [ClaimedJob.of(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Begun:
    """What billing is told now; `first`: never before, so that a definite no means that it never was."""

    order: Order
    first: bool


@step()
async def begin_order(work: Unit, claimed: ClaimedJob, order: Order, *, by: Viewer) -> Begun | None:
    """Write down what billing is about to be told; from here on the dispute is not ended by hand. None: the claim is over, and
    nothing may be ordered."""
    held = await _held(work, claimed)
    if held is None or held.adjustment is None:
        return None
    job, at = held.adjustment, await work.moment()
    if (job.cash_flow_sent_at if order is Order.CASH_FLOW else job.captured_sent_at) is not None:
        return Begun(order, first=False)
    if order is Order.CASH_FLOW:
        job.cash_flow_sent_at = at
    else:
        job.captured_sent_at = at
    await work.record(job, "send", order=order.value)
    if held.dispute is not None and shown(held.dispute, job):
        await work.record(held.dispute, "send_adjustment", order=order.value)
    return Begun(order, first=True)


@step()
async def job_later(work: Unit, claimed: ClaimedJob, *, unsent: Order | None = None, by: Viewer) -> bool:
    """Not now. `unsent`: what was begun, and which billing definitely did not take. Past its time the job gives up, and its dispute
    goes to a human. True: it gave up."""
    held = await _held(work, claimed)
    if held is None or held.adjustment is None:
        return False
    job = held.adjustment
    if unsent is not None:
        await _unsent(work, held, job, unsent)
    if now() > claimed.give_up_at:
        await _give_up(work, held, GAVE_UP)
        return True
    await _free(work, job, claimed.next_check)
    return False


async def _unsent(work: Unit, held: Held[Dispute | None], job: Adjustment, order: Order) -> None:
    if order is Order.CASH_FLOW:
        job.cash_flow_sent_at = None
    else:
        job.captured_sent_at = None
    await work.record(job, "put_off", order=order.value)
    if held.dispute is not None and shown(held.dispute, job):
        await work.record(held.dispute, "put_off_adjustment", order=order.value)


@step()
async def job_contradicted(work: Unit, claimed: ClaimedJob, why: str, *, by: Viewer) -> Unmet | None:
    """Billing has something of this job that fits no more: the job fails, and whoever waits for it goes to a human. None: the claim
    is over."""
    held = await _held(work, claimed)
    if held is None:
        return None
    await _give_up(work, held, why)
    return Unmet(alone=held.dispute is None or held.dispute.status is not DisputeStatus.MANUAL_PENDING)


@step()
async def ordered(work: Unit, claimed: ClaimedJob, *, by: Viewer) -> bool:
    """The first of two orders is made; the second comes with another tick, for billing works on one at a time."""
    held = await _held(work, claimed)
    if held is None or held.adjustment is None:
        return False
    await _free(work, held.adjustment, now() + timedelta(seconds=1))
    return True


@step()
async def job_done(
    work: Unit, claimed: ClaimedJob, changed: Money | None, *, captured: bool = False, by: Viewer
) -> bool:
    """The payment is right: the job and the open dispute of the payment end well, together. `captured`: it is by billing's word,
    and so is the amount; else None keeps the amount that the dispute knows."""
    held = await _held(work, claimed)
    if held is None:
        return False
    if held.dispute is None:
        await end_adjustment(work, held, "finish")
        return True
    if captured:
        held.dispute.changed_minor = None
    await succeed_held(work, Held(held.dispute, held.adjustment), "succeed", changed)
    return True


@step()
async def job_failed(
    work: Unit, claimed: ClaimedJob, technical: str, *, unsent: Order | None = None, by: Viewer
) -> Unmet | None:
    """Billing will not put the payment right: the job and the open dispute of the payment fail together. `unsent`: what was begun,
    and which billing definitely did not take. None: the claim is over."""
    held = await _held(work, claimed)
    if held is None or held.adjustment is None:
        return None
    if unsent is not None:
        await _unsent(work, held, held.adjustment, unsent)
    if held.dispute is None:
        await end_adjustment(work, held, "fail", technical)
    else:
        await fail_held(work, Held(held.dispute, held.adjustment), technical)
    return Unmet(alone=held.dispute is None)


@dataclass(frozen=True, slots=True)
class Unmet:
    """A job has failed; `alone`: no dispute waited for it, so that none shows it."""

    alone: bool


@step()
async def job_put_off(work: Unit, claimed: ClaimedJob, error: str, *, begun: bool, by: Viewer) -> tuple[int, bool]:
    """It could not be worked on: the error is kept, and it is tried later and later, until its time is over. Answers how often in a
    row that was, and whether it gave up."""
    held = await _held(work, claimed)
    if held is None or held.adjustment is None:
        return 0, False
    failures, limits = claimed.failures + 1, settings()
    if now() > claimed.give_up_at:
        await _give_up(work, held, f"{GAVE_UP}: {error}")
        return failures, True
    later_on = back_off(failures, limits.dispute_back_off_seconds, limits.dispute_back_off_max_seconds)
    attempts = 0 if begun else held.adjustment.attempts
    await _free(work, held.adjustment, later_on, failures=failures, error=error[:TEXT_MAX], attempts=attempts)
    return failures, False


async def _give_up(work: Unit, held: Held[Dispute | None], why: str) -> None:
    """The job fails, and whoever waits for it goes to a human, who may begin it again; a dispute that does not wait for it stays as
    it is."""
    dispute = held.dispute
    await end_adjustment(work, held, "fail", why)
    if dispute is None:
        return
    if dispute.status is DisputeStatus.CREATE_ADJUSTMENT:
        dispute.mode, dispute.technical_error = Mode.MANUAL, why[:TEXT_MAX]
        await moved(work, dispute, "escalate", reason=dispute.technical_error)
    else:
        await work.record(dispute, "end_adjustment", error=why[:TEXT_MAX])


async def _free(
    work: Unit, job: Adjustment, next_check: datetime, *, failures: int = 0, error: str | None = None, attempts: int = 0
) -> None:
    await work.touch(
        job,
        next_check_at=next_check,
        failures=failures,
        last_error=error,
        attempts=attempts,
        lease_token=None,
        lease_until=None,
    )


async def _held(work: Unit, claimed: ClaimedJob) -> Held[Dispute | None] | None:
    """The job and the open dispute of its payment, locked in that order, while the claim holds."""
    await at_payment(work, claimed.invoice, claimed.payment)
    job = await locked_adjustment(work, claimed.invoice, claimed.payment)
    ours = job is not None and job.lease_token == claimed.token and job.status is AdjustmentStatus.CREATE_ADJUSTMENT
    if not ours:
        return None
    dispute = await locked_open(work, claimed.invoice, claimed.payment)
    return Held(dispute, job)
