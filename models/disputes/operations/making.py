"""How a dispute is created, and what is added to it while it is open. [spec/disputes §5.2, §7]

Billing was asked, and the files were put away, before the unit: what is written rests on what they said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from models.disputes.errors import (
    INVOICE_PAYMENT_NOT_FOUND,
    PAYMENT_EXPIRED,
    PAYMENT_NOT_STARTED,
    TOO_MANY_ATTACHMENTS,
    TOO_MANY_DISPUTES,
    DisputeClosed,
    DisputeNotPossible,
    TooMuchSaid,
)
from models.disputes.lifecycle import DISPUTES, Mode, Polling
from models.disputes.operations.locking import (
    Held,
    at_payment,
    join_adjustment,
    locked,
    locked_adjustment,
    locked_open,
    tell_support,
)
from models.disputes.reads import DisputeRecord, Meant
from models.disputes.tables import TEXT_MAX, Dispute, DisputeAttachment, DisputeComment, DisputeNotification
from models.events.requests import Request
from models.kernel.clock import now
from models.kernel.inputs import text
from models.kernel.lifecycle import AlreadyThere
from models.kernel.money import Money
from models.kernel.refusals import (
    Busy,
    FieldProblem,
    IllegalMove,
    InvalidAmount,
    InvalidInput,
    NotAllowed,
    NotFound,
    VersionConflict,
)
from models.kernel.viewer import MERCHANT, OPERATOR, Viewer
from models.unit import Unit, operation
from settings import settings

FIRST_CHECK_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Billed:
    """What billing said of the payment. `provider`, `terminal`: its route; `provider_trx`: the provider's id of it."""

    invoice: str
    payment: str
    party: str
    shop: str
    shop_name: str
    cost: Money
    created_at: datetime
    provider: int | None
    terminal: int | None
    provider_trx: str | None


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that was put away."""

    key: str
    mime_type: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Filed:
    """What the merchant says. Without an amount it is about the payment's cost."""

    amount: Money | None = None
    reason: str | None = None
    notification_url: str | None = None


def check_words(filed: Filed) -> None:
    """Before anybody is asked. Refuses INVALID_INPUT, INVALID_AMOUNT."""
    if filed.reason is not None and (problems := text("reason", filed.reason, TEXT_MAX)):
        raise InvalidInput(*problems)
    if filed.amount is not None:
        filed.amount.positive()


def check_payment(billed: Billed, by: Viewer) -> tuple[int, int]:
    """The provider and the terminal of a payment that may be disputed by whoever asks.

    Refuses INVOICE_PAYMENT_NOT_FOUND for one that is not his, or that never had a route; PAYMENT_EXPIRED.
    """
    his = by.reads_everything or (by.party == billed.party and (not by.shops or billed.shop in by.shops))
    if not his or billed.provider is None or billed.terminal is None:
        raise NotFound("payment", code=INVOICE_PAYMENT_NOT_FOUND)
    if now() - billed.created_at > timedelta(days=settings().dispute_payment_days):
        raise DisputeNotPossible("Blocked: Payment expired", code=PAYMENT_EXPIRED)
    return billed.provider, billed.terminal


def check_started(billed: Billed, filed: Filed) -> tuple[str, Money]:
    """The provider's id of the payment, and the amount that is disputed. Refuses PAYMENT_NOT_STARTED, INVALID_AMOUNT."""
    if not billed.provider_trx:
        raise DisputeNotPossible("Blocked: Payment was not initiated", code=PAYMENT_NOT_STARTED)
    amount = filed.amount or billed.cost
    if amount.currency != billed.cost.currency:
        raise InvalidAmount(f"The payment was made in {billed.cost.currency}, not in {amount.currency}.")
    return billed.provider_trx, amount.positive()


@operation(
    answers=DisputeRecord,
    refuses=(NotFound, NotAllowed, DisputeNotPossible, InvalidInput, InvalidAmount),
)
async def make(
    work: Unit,
    billed: Billed,
    filed: Filed,
    files: Sequence[StoredFile] | None,
    polling: Polling,
    *,
    by: Viewer,
    request: Request | None = None,
) -> Dispute:
    """A merchant disputes a payment: its row, its files, and whom to tell; no provider is asked. [spec/disputes §5.2]

    Waits for whoever disputes the same payment. Where one is open, that one is answered and nothing is written: files that were put
    away for this are orphans, which are cleared away. Looked at after two seconds. Refuses as `check_payment`, then
    TOO_MANY_DISPUTES, then as `check_started`.
    """
    if not by.has(MERCHANT, OPERATOR):
        raise NotAllowed("dispute")
    check_words(filed)
    provider, terminal = check_payment(billed, by)
    await at_payment(work, billed.invoice, billed.payment)
    job = await locked_adjustment(work, billed.invoice, billed.payment)
    if found := await locked_open(work, billed.invoice, billed.payment):
        raise AlreadyThere(found)
    if files is None:
        raise Busy
    query = "SELECT count(*) FROM dispute WHERE invoice_id = $1 AND payment_id = $2"
    check_not_too_often(await work.db.fetchval(query, billed.invoice, billed.payment))
    provider_trx, amount = check_started(billed, filed)
    at = now()
    dispute = Dispute(
        dispute_id=uuid4(),
        invoice_id=billed.invoice,
        payment_id=billed.payment,
        party_code=billed.party,
        shop_code=billed.shop,
        shop_name=billed.shop_name,
        provider_id=provider,
        terminal_id=terminal,
        provider_trx=provider_trx,
        currency=amount.currency,
        cost_minor=billed.cost.minor,
        amount_minor=amount.minor,
        reason=filed.reason,
        mode=Mode.AUTOMATIC,
        status_since=at,
        polling=polling.stored(),
        polling_before=polling.deadline(at),
        next_check_at=at + timedelta(seconds=FIRST_CHECK_SECONDS),
    )
    await _born(work, dispute, Held(dispute, job), attachments=len(files))
    await tell_support(work, dispute)
    await _attach(work, dispute, files)
    if filed.notification_url is not None:
        left = settings().dispute_notification_attempts
        wanted = DisputeNotification(dispute_id=dispute.id, url=filed.notification_url, attempts_left=left)
        await work.bear(wanted, "want_notification", dispute)
    return dispute


async def _born(work: Unit, dispute: Dispute, held: Held[Dispute], **facts: int) -> None:
    """It is born with the job of its payment, where a provider's word has one at work."""
    job = held.at_work
    if job is not None:
        dispute.adjustment_status, dispute.adjustment_sent = job.status, job.sent
    await work.open(dispute, **facts)
    if job is not None:
        await join_adjustment(work, job, dispute, job.changed)


def check_not_too_often(count: int) -> None:
    """Of the disputes that there were about a payment. Refuses TOO_MANY_DISPUTES."""
    if count >= settings().disputes_per_payment_max:
        raise DisputeNotPossible("The payment was disputed as often as any may be.", code=TOO_MANY_DISPUTES)


async def _attach(work: Unit, dispute: Dispute, files: Sequence[StoredFile]) -> None:
    at = await work.moment()
    for file in files:
        kept = DisputeAttachment(
            dispute_id=dispute.id,
            key=file.key,
            mime_type=file.mime_type,
            size_bytes=file.size_bytes,
            sha256=file.sha256,
            added_by=work.by.role.value,
            created_at=at,
        )
        await work.attach(kept)


ADDED = (NotFound, NotAllowed, IllegalMove, DisputeClosed, InvalidInput, VersionConflict)


@operation(answers=DisputeRecord, refuses=ADDED)
async def add_evidence(
    work: Unit, which: Meant, files: Sequence[StoredFile], *, by: Viewer, request: Request | None = None
) -> Dispute:
    """More files for an open dispute; a provider gets those that are there when it is asked. Locks the payment, its adjustment, the
    dispute. Refuses TOO_MANY_ATTACHMENTS."""
    dispute = (await locked(work, which, by)).dispute
    DISPUTES.may(dispute, "add_evidence", by)
    there = await DisputeAttachment.filter(dispute_id=dispute.id).count()
    if there + len(files) > settings().dispute_attachments_max:
        message = f"a dispute may have up to {settings().dispute_attachments_max}, it has {there}"
        raise InvalidInput(FieldProblem("attachments", message), code=TOO_MANY_ATTACHMENTS)
    await _attach(work, dispute, files)
    return await work.record(dispute, "add_evidence", attachments=len(files))


@operation(answers=DisputeRecord, refuses=(*ADDED, TooMuchSaid))
async def comment(work: Unit, which: Meant, words: str, *, by: Viewer, request: Request | None = None) -> Dispute:
    """Say something about an open dispute, to all who may see it. Locks the payment, its adjustment, the dispute. Refuses
    TOO_MANY_COMMENTS."""
    dispute = (await locked(work, which, by)).dispute
    DISPUTES.may(dispute, "comment", by)
    if problems := text("text", words, TEXT_MAX):
        raise InvalidInput(*problems)
    if await DisputeComment.filter(dispute_id=dispute.id).count() >= settings().dispute_comments_max:
        raise TooMuchSaid(settings().dispute_comments_max)
    said = DisputeComment(dispute_id=dispute.id, text=words, written_by=by.role.value, created_at=await work.moment())
    await work.attach(said)
    return await work.record(dispute, "comment")
