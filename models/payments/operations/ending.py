"""How a payment ends when nothing, or too little, arrives; and how a human looks again."""

from __future__ import annotations

from models.events.requests import Request
from models.kernel.clock import now
from models.kernel.refusals import FieldProblem, IllegalMove, InvalidInput, NotAllowed, NotFound, VersionConflict
from models.kernel.sql import TRUE, join, sql
from models.kernel.viewer import Viewer
from models.payments.errors import PAYMENT_NOT_FOUND
from models.payments.lifecycle import PAYMENTS, PaymentStatus
from models.payments.reads import PaymentRecord, in_vain
from models.payments.tables import Payment
from models.payments.views import visible_to
from models.unit import Unit, operation, step
from models.work.jobs import Job
from models.work.reads import JobRunRecord
from models.work.tables import JobRun

REASON_MAX = 500


@step(refuses=(NotFound,))
async def expire(work: Unit, id: int, *, by: Viewer) -> bool:
    """End a payment for which nothing came in time, or not all of it within the days after. [spec/deals §7.4, §0]

    Its address stays watched; what comes late is credited. False: it came meanwhile, or it ended otherwise.
    """
    payment = await work.lock(Payment, sql("r.id = {}", id), visible_to=TRUE)
    if payment.status is not PaymentStatus.WAITING:
        return False
    text, values = join(
        [sql("SELECT EXISTS (SELECT FROM payment r WHERE r.id = {} AND", id), in_vain(), sql(")")]
    ).render()
    if not await work.db.fetchval(text, *values):
        return False
    await work.move(payment, "expire")
    return True


@operation(answers=PaymentRecord, refuses=(NotFound, NotAllowed, IllegalMove, InvalidInput, VersionConflict))
async def fail(work: Unit, id: int, reason: str, *, by: Viewer, request: Request | None = None) -> Payment:
    """An operator ends a payment that will not be paid, and says why. [spec/deals §2]

    What was credited stays so. Its address stays watched; what comes late is credited.
    """
    if not reason.strip() or len(reason) > REASON_MAX:
        raise InvalidInput(FieldProblem("reason", f"must have 1 to {REASON_MAX} characters, not only blanks"))
    payment = await _locked(work, id, by)
    move = PAYMENTS.may(payment, "fail", by)
    payment.reason = reason
    return await work.move(payment, move, reason=reason)


@operation(answers=JobRunRecord, refuses=(NotFound, NotAllowed))
async def recheck(work: Unit, id: int, job: Job, *, by: Viewer, request: Request | None = None) -> JobRun:
    """An operator has a payment looked at now, whatever its back-off: `job` is asked for at once. [spec/deals §7.1]"""
    payment = await _locked(work, id, by)
    await work.record(payment, PAYMENTS.may(payment, "recheck", by))
    await work.touch(payment, failures=0, next_check_at=now(), marks=payment.marks + 1)
    return await work.open(JobRun(job=job.name, requested_by=by.subject), job=job.name, payment=payment.subject)


async def _locked(work: Unit, id: int, by: Viewer) -> Payment:
    """Refuses PAYMENT_NOT_FOUND for a payment that is not there or that the asker may not see."""
    return await work.lock(Payment, sql("r.id = {}", id), visible_to=visible_to(by), code=PAYMENT_NOT_FOUND)
