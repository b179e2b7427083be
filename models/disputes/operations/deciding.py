"""What operators do with disputes. [spec/disputes §5.1]

Each waits for whoever works on the very dispute that is meant; what a worker hears meanwhile comes too late. A dispute is moved
together with its adjustment, or not at all.
"""

from __future__ import annotations

from datetime import datetime

from models.disputes import postings
from models.disputes.errors import AdjustmentSent
from models.disputes.lifecycle import DISPUTES, DisputeStatus, Mode, Polling
from models.disputes.operations.locking import Held, end_adjustment, leave_adjustment, locked, moved
from models.disputes.operations.working import Confirmed, confirm_held, succeed_held, told_otherwise
from models.disputes.reads import DisputeRecord, Meant
from models.disputes.tables import EXTERNAL_MAX, TEXT_MAX, Dispute
from models.events.requests import Request
from models.kernel.clock import now
from models.kernel.inputs import text
from models.kernel.money import Money
from models.kernel.refusals import Busy, IllegalMove, InvalidAmount, InvalidInput, NotAllowed, NotFound, VersionConflict
from models.kernel.viewer import Viewer
from models.unit import Unit, operation

DECIDED = (NotFound, NotAllowed, IllegalMove, InvalidInput, VersionConflict)


@operation(answers=DisputeRecord, refuses=(*DECIDED, InvalidAmount, AdjustmentSent))
async def settle(
    work: Unit,
    which: Meant,
    *,
    changed: Money | None = None,
    message: str | None = None,
    adjusted: bool = False,
    by: Viewer,
    request: Request | None = None,
) -> Dispute:
    """It has succeeded, by the operator's word: billing and the provider are not asked. [spec/disputes §5.1]

    Locks the payment, its adjustment, the dispute. A job of it that ordered nothing yet is cancelled; one that did refuses
    ADJUSTMENT_SENT. `adjusted`: the provider has confirmed it, so its job goes on without it, and billing is put right all the
    same; where it does not wait for that any more this is to be decided again: BUSY. Repeated on one that has succeeded: the
    dispute, nothing written.
    """
    held = await locked(work, which, by)
    DISPUTES.may(held.dispute, "settle", by)
    if adjusted and held.dispute.status is not DisputeStatus.CREATE_ADJUSTMENT:
        raise Busy
    _check(held.dispute, changed, message)
    if adjusted and held.at_work is not None:
        await leave_adjustment(work, held.at_work, held.dispute)
        held.adjustment = None
    else:
        await _call_off(work, held)
    return await succeed_held(work, held, "settle", postings.changed(held.dispute.amount, changed), message)


@operation(answers=DisputeRecord, refuses=(*DECIDED, InvalidAmount, AdjustmentSent))
async def approve(
    work: Unit,
    which: Meant,
    said: Money | None,
    *,
    changed: Money | None = None,
    message: str | None = None,
    by: Viewer,
    request: Request | None = None,
) -> Dispute:
    """The provider was asked and has confirmed the payment, of the amount `said` where it was another: billing is to put it right.

    Locks the payment, its adjustment, the dispute; begins the adjustment, or begins the payment's former one again. What the
    operator says was paid, `changed`, is shown; billing gets the provider's, and where it was told another amount already this
    refuses ADJUSTMENT_SENT. Repeated: the dispute, nothing written.
    """
    held, word = await locked(work, which, by), Confirmed(said, changed or said, message)
    DISPUTES.may(held.dispute, "approve", by)
    _check(held.dispute, changed, message)
    if told_otherwise(held, word):
        raise AdjustmentSent
    return await confirm_held(work, held, "approve", word)


@operation(answers=DisputeRecord, refuses=(*DECIDED, AdjustmentSent))
async def cancel(
    work: Unit,
    which: Meant,
    *,
    public_reason: str | None = None,
    message: str | None = None,
    by: Viewer,
    request: Request | None = None,
) -> Dispute:
    """End an open dispute: for the merchant it has failed, for `public_reason` where one is given, else for none.

    Locks the payment, its adjustment, the dispute. Its job is cancelled with it, so that nothing is ordered of billing; once
    something was, refuses ADJUSTMENT_SENT. Repeated: the dispute, nothing written.
    """
    held = await locked(work, which, by)
    dispute = held.dispute
    DISPUTES.may(dispute, "cancel", by)
    if public_reason is not None and (problems := text("publicReason", public_reason, EXTERNAL_MAX)):
        raise InvalidInput(*problems)
    _check(dispute, None, message)
    await _call_off(work, held)
    dispute.public_reason, dispute.changed_minor = public_reason, None
    dispute.provider_message = message or dispute.provider_message
    return await moved(work, dispute, "cancel", reason=public_reason)


@operation(answers=DisputeRecord, refuses=DECIDED)
async def bind(
    work: Unit, which: Meant, provider_dispute: str, *, by: Viewer, request: Request | None = None
) -> Dispute:
    """Say which of the provider's disputes is ours; it is asked about from now on. Locks the payment, its adjustment, the dispute.
    Repeated: the dispute, nothing written."""
    dispute = (await locked(work, which, by)).dispute
    DISPUTES.may(dispute, "bind", by)
    if problems := text("providerDisputeId", provider_dispute, EXTERNAL_MAX):
        raise InvalidInput(*problems)
    dispute.provider_dispute_id, dispute.mode = provider_dispute, Mode.AUTOMATIC
    return await moved(work, dispute, "bind", next_check=_soon(dispute))


@operation(answers=DisputeRecord, refuses=DECIDED)
async def resume(work: Unit, which: Meant, *, by: Viewer, request: Request | None = None) -> Dispute:
    """Have the provider asked again, with a deadline that begins anew. Locks the payment, its adjustment, the dispute. Repeated:
    the dispute, nothing written."""
    dispute = (await locked(work, which, by)).dispute
    DISPUTES.may(dispute, "resume", by)
    dispute.mode = Mode.AUTOMATIC
    dispute.polling_before = Polling.kept(dispute.polling).deadline(now())
    return await moved(work, dispute, "resume", next_check=_soon(dispute))


@operation(answers=DisputeRecord, refuses=DECIDED)
async def update_message(
    work: Unit, which: Meant, message: str, *, by: Viewer, request: Request | None = None
) -> Dispute:
    """Write down what the provider says, and nothing else. Locks the payment, its adjustment, the dispute."""
    dispute = (await locked(work, which, by)).dispute
    DISPUTES.may(dispute, "update_messages", by)
    _check(dispute, None, message)
    dispute.provider_message = message
    return await work.record(dispute, "update_messages")


async def _call_off(work: Unit, held: Held[Dispute]) -> None:
    """Whatever is to put the payment right is stopped, whoever began it. Refuses ADJUSTMENT_SENT once billing was told."""
    job = held.at_work
    if job is None:
        return
    if job.sent:
        raise AdjustmentSent
    await end_adjustment(work, held, "cancel")


def _check(dispute: Dispute, changed: Money | None, message: str | None) -> None:
    if message is not None and (problems := text("providerMessage", message, TEXT_MAX)):
        raise InvalidInput(*problems)
    if changed is not None and changed.positive().currency != dispute.currency:
        raise InvalidAmount(f"The dispute is about {dispute.currency}, not {changed.currency}.")


def _soon(dispute: Dispute) -> datetime:
    """After the first pause of its age."""
    at = now()
    return Polling.kept(dispute.polling).next_check(since=dispute.created_at, last=at, now=at)
