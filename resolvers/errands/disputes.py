"""What disputes must ask before they can answer: billing about a payment, the storage of files, a provider, a merchant's server.
[spec/disputes §0, §5]"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from gateways.disputing import OURS, BilledPayment, Billing, Providers, Receivers, Storage, Told, Transaction, confirmed
from gateways.receipts import Refused, Unsure
from gateways.receivers import check_address
from models.disputes import operations as disputes
from models.disputes import reads
from models.disputes.errors import (
    ATTACHMENT_TOO_LARGE,
    INVOICE_PAYMENT_NOT_FOUND,
    NOTIFICATION_NOT_FOUND,
    NOTIFICATION_URL_NOT_ALLOWED,
    TOO_MANY_ATTACHMENTS,
    UNEXPECTED_MIME_TYPE,
    PaymentNotConfirmed,
)
from models.disputes.lifecycle import DISPUTES, DisputeStatus, Polling, Route
from models.disputes.operations import Billed, Filed, StoredFile
from models.disputes.reads import DisputeRecord, Meant
from models.events.requests import Request
from models.kernel.files import Fault, File, attachment_problems
from models.kernel.money import Money
from models.kernel.refusals import FieldProblem, InvalidInput, NotFound, UpstreamUnavailable, VersionConflict
from models.kernel.viewer import Viewer
from resolvers.errands import done_before, errand, in_time, there
from settings import settings

CODES = {
    Fault.TOO_MANY: TOO_MANY_ATTACHMENTS,
    Fault.TOO_LARGE: ATTACHMENT_TOO_LARGE,
    Fault.TYPE: UNEXPECTED_MIME_TYPE,
}
REF_MAX = 40


@errand(disputes.make)
async def create_dispute(
    outside: Any, invoice: str, payment: str, filed: Filed, files: Sequence[File], *, by: Viewer, request: Request
) -> DisputeRecord:
    """Dispute a payment. Billing is asked about it, its files are put away, and only then a row is written; no provider is asked.

    What is wrong with the input is found before anybody is asked, what is wrong with the payment before a file is put away.
    """
    disputes.check_words(filed)
    _check_files(files)
    _check_url(filed.notification_url)
    if done := await done_before(DisputeRecord, by, request):
        return done
    async with in_time("billing or the storage"):
        billed, polling, stored = await _prepared(outside, invoice, payment, filed, files, by)
    return await disputes.make(billed, filed, stored, polling, by=by, request=request)


@errand(disputes.add_evidence)
async def add_evidence(
    outside: Any, which: Meant, files: Sequence[File], *, by: Viewer, request: Request
) -> DisputeRecord:
    """Add files to an open dispute; none is put away for one that is not open."""
    dispute = await reads.dispute(by, which)
    if done := await done_before(DisputeRecord, by, request):
        return done
    DISPUTES.may(dispute, "add_evidence", by)
    _check_files(files)
    async with in_time("storage"):
        stored = await _put_away(there(outside.storage, "storage"), files)
    return await disputes.add_evidence(dispute.id, stored, by=by, request=request)


@errand(disputes.approve, disputes.settle, refuses=(PaymentNotConfirmed, UpstreamUnavailable))
async def approve(
    outside: Any,
    which: Meant,
    changed: Money | None,
    message: str | None,
    *,
    skip: bool,
    by: Viewer,
    request: Request,
) -> DisputeRecord:
    """Approve a dispute: by the operator's word (`skip`), or by its provider's, who is asked first. One that waits for its
    adjustment was confirmed before: it succeeds either way, and only `skip` calls the adjustment off."""
    dispute = await reads.dispute(by, which)
    if done := await done_before(DisputeRecord, by, request):
        return done
    waits = dispute.status is DisputeStatus.CREATE_ADJUSTMENT
    if skip or waits:
        return await disputes.settle(
            dispute.id, changed=changed, message=message, adjusted=not skip, by=by, request=request
        )
    said = None
    if DISPUTES.leads(dispute, "approve"):
        async with in_time("providers"):
            said = await _confirmed(there(outside.billing, "billing"), there(outside.providers, "providers"), dispute)
    return await disputes.approve(dispute.id, said, changed=changed, message=message, by=by, request=request)


@errand(disputes.resent)
async def resend_notification(outside: Any, which: Meant, *, by: Viewer, request: Request) -> DisputeRecord:
    """Tell a merchant's server once more how its dispute ended, whatever it was told before; what comes of it is written down."""
    dispute = await reads.dispute(by, which)
    if done := await done_before(DisputeRecord, by, request):
        return done
    DISPUTES.may(dispute, "resend_notification", by)
    if request.expected_version not in (None, dispute.version):
        raise VersionConflict(expected=request.expected_version or 0, actual=dispute.version)
    found = (await reads.notifications_of([dispute.id])).get(dispute.id)
    if found is None:
        raise NotFound("notification", code=NOTIFICATION_NOT_FOUND)
    error = await _told(there(outside.receivers, "receivers"), dispute, found.url)
    told = replace(request, expected_version=None)  # he was told: that is written down whatever came between
    return await disputes.resent(dispute.id, error, by=by, request=told)


# inside


async def _prepared(
    outside: Any, invoice: str, payment: str, filed: Filed, files: Sequence[File], by: Viewer
) -> tuple[Billed, Polling, list[StoredFile] | None]:
    """What billing says, how the provider wants to be asked, and the files, put away; None: one is open, and none was."""
    billed = await _billed(there(outside.billing, "billing"), invoice, payment)
    _, terminal = disputes.check_payment(billed, by)
    if await reads.open_of(invoice, payment) is not None:
        return billed, Polling(), None
    disputes.check_not_too_often(await reads.count_of(invoice, payment))
    disputes.check_started(billed, filed)
    polling = await _polling(there(outside.billing, "billing"), terminal)
    return billed, polling, await _put_away(there(outside.storage, "storage"), files)


def _check_files(files: Sequence[File]) -> None:
    """All of them, before any is put away. The code is that of the first thing that is wrong."""
    if found := list(attachment_problems(files)):
        raise InvalidInput(*(problem for _, problem in found), code=CODES.get(found[0][0]))


def _check_url(url: str | None) -> None:
    if url is not None and (why := check_address(url)):
        raise InvalidInput(FieldProblem("notificationUrl", why), code=NOTIFICATION_URL_NOT_ALLOWED)


async def _billed(billing: Billing, invoice: str, payment: str) -> Billed:
    """Refuses INVOICE_PAYMENT_NOT_FOUND, UPSTREAM_UNAVAILABLE."""
    if not all(0 < len(id) <= REF_MAX and id.strip(".") for id in (invoice, payment)):
        raise NotFound("payment", code=INVOICE_PAYMENT_NOT_FOUND)
    try:
        paid: BilledPayment = await billing.payment(invoice, payment)
    except Refused:
        raise NotFound("payment", code=INVOICE_PAYMENT_NOT_FOUND) from None
    except Unsure:
        raise UpstreamUnavailable("billing") from None
    return Billed(
        invoice, payment, paid.party, paid.shop, paid.shop_name, paid.cost, paid.created_at, paid.provider,
        paid.terminal, paid.provider_trx,
    )  # fmt: skip


async def _polling(billing: Billing, terminal: int) -> Polling:
    """How the payment's terminal wants to be asked. Refuses as `_billed`, also for a terminal that is gone."""
    try:
        found = await billing.terminal(terminal)
    except Refused:
        raise NotFound("payment", code=INVOICE_PAYMENT_NOT_FOUND) from None
    except Unsure:
        raise UpstreamUnavailable("billing") from None
    return Polling.of(found.options, settings().dispute_polling_minutes)


async def _put_away(storage: Storage, files: Sequence[File]) -> list[StoredFile]:
    """One after the other, under names of nobody's choice. Whatever stays behind when this fails is cleared away."""
    stored = []
    try:
        for file in files:
            key = f"{OURS}/{uuid4().hex}"
            await storage.put(key, file.data, file.media_type)
            stored.append(StoredFile(key, file.media_type, len(file.data), hashlib.sha256(file.data).hexdigest()))
    except Unsure:
        raise UpstreamUnavailable("storage") from None
    return stored


async def _confirmed(billing: Billing, providers: Providers, dispute: DisputeRecord) -> Money | None:
    """The amount by the provider's word, where it is another. Refuses PAYMENT_NOT_CONFIRMED, UPSTREAM_UNAVAILABLE."""
    try:
        paid = await billing.payment(dispute.invoice_id, dispute.payment_id)
        terminal = await billing.terminal(dispute.terminal_id)
        route = Route.of(terminal.url, terminal.options, settings().dispute_polling_minutes)
        known = Transaction(
            dispute.invoice_id, dispute.payment_id, dispute.provider_trx, terminal.options, paid.trx_info
        )
        checked = await confirmed(providers, route.payments_url, known, dispute.cost.currency)
    except Refused:  # billing has no such payment, or no such terminal any more
        raise PaymentNotConfirmed from None
    except Unsure as no:
        raise UpstreamUnavailable(no.system) from None
    if not checked.success:
        raise PaymentNotConfirmed
    return checked.changed


async def _told(receivers: Receivers, dispute: DisputeRecord, url: str) -> str | None:
    """Why the merchant's server has not taken it; None: it has."""
    notice = disputes.notice(dispute, url)
    try:
        await receivers.post(Told(notice.url, notice.party, notice.key, notice.body))
    except Refused as no:
        return no.code
    except Unsure as unsure:
        return unsure.reason
    return None
