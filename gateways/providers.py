"""The adapters of payment providers: each is asked at the address that its terminal has, and all of them in the same words.

What they push is signed: `Providers-Signature: t=<unix seconds>,v1=<hex>`, the HMAC-SHA256 of `t`, a dot and the body.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any

import orjson

from gateways import signing
from gateways.answers import Answer
from gateways.billing import money_of
from gateways.disputing import (
    Accepted,
    AlreadyExists,
    Created,
    Decided,
    Declined,
    DisputeOrder,
    PaymentChecked,
    Providers,
    RetryLater,
    StillPending,
    Transaction,
    Unexpected,
    Upheld,
)
from gateways.outside import Outside
from gateways.paying import connected
from gateways.receipts import Unsure
from gateways.webhooks import Message, Unreadable
from settings import settings

SYSTEM = "providers"
PAYMENT_SUCCEEDED = "payment.succeeded"
HEADER = "providers-signature"
REF_MAX, ID_MAX = 40, 128
CODE_MAX, WORDS_MAX = 200, 1_000
ABSENT, ODD = 404, 500


def connection() -> Outside:
    """One client for all adapters; whoever opens it closes it."""
    return connected(SYSTEM, "", settings().providers_token, timeout_seconds=settings().provider_timeout_seconds)


class HttpProviders(Providers):
    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    async def open(self, url: str, order: DisputeOrder) -> Created:
        return await self._outside.call(
            "open",
            "POST",
            _safe(url, "open"),
            json=worded(order),
            key=order.dispute_id,
            read=partial(created, order=order),
            also=(ODD,),
        )

    async def check_dispute(self, url: str, dispute: str, transaction: Transaction, currency: str) -> Decided:
        said = {"providerDisputeId": dispute, "transaction": _transaction(transaction), "currency": currency}
        return await self._outside.call(
            "check_dispute",
            "POST",
            f"{_safe(url, 'check_dispute').rstrip('/')}/status",
            json=said,
            read=partial(_decided, dispute=dispute, currency=currency),
            safe=True,
            also=(ODD,),
        )

    async def check_payment(self, url: str, transaction: Transaction, currency: str) -> PaymentChecked:
        said = {"transaction": _transaction(transaction), "currency": currency}
        return await self._outside.call(
            "check_payment",
            "POST",
            _safe(url, "check_payment"),
            json=said,
            read=partial(_checked, transaction=transaction, currency=currency),
            safe=True,
            also=(ODD,),
        )

    async def missing(self, url: str) -> bool:
        return await self._outside.call(
            "missing",
            "GET",
            _safe(url, "missing"),
            read=lambda answer: answer.status == ABSENT,
            safe=True,
            also=range(200, 600),
            status_alone=True,
        )


def _safe(url: str, operation: str) -> str:
    """Where billing says that an adapter is: over https, but for development."""
    if not url.startswith("https://") and not (settings().development and url.startswith("http://")):
        raise Unsure(SYSTEM, operation, "its address is none that is asked")
    return url


# what is said


def worded(order: DisputeOrder) -> dict[str, Any]:
    optional = {"reason": order.reason, "payerEmail": order.payer_email, "riskScore": order.risk_score}
    return {
        "disputeId": order.dispute_id,
        "transaction": _transaction(order.transaction),
        "amount": order.amount.minor,
        "currency": order.amount.currency,
        "attachments": [{"url": one.url, "mimeType": one.mime_type} for one in order.evidence],
        **{name: value for name, value in optional.items() if value is not None},
    }


def _transaction(known: Transaction) -> dict[str, Any]:
    return {
        "invoiceId": known.invoice,
        "paymentId": known.payment,
        "providerTrxId": known.provider_trx,
        "options": dict(known.options),
        "trxInfo": dict(known.trx_info),
    }


# what is answered


def _well(answer: Answer) -> None:
    """Raises `Unexpected` for an adapter that says, in its own words, that something went wrong inside."""
    if answer.status != ODD:
        return
    if answer.error != "unexpected":
        raise answer.unsure(f"status {answer.status}")
    message = answer.value["error"].get("message")
    said = message.replace("\0", "")[:WORDS_MAX] if isinstance(message, str) else ""
    raise Unexpected(answer.system, answer.operation, said)


def created(answer: Answer, *, order: DisputeOrder) -> Created:
    """Of the dispute that was to be opened, where it says which."""
    _well(answer)
    if answer.text("disputeId", order.dispute_id) != order.dispute_id:
        raise answer.malformed("disputeId")
    match answer.text("result"):
        case "success":
            return Accepted(answer.name("providerDisputeId", CODE_MAX))
        case "fail":
            return _declined(answer)
        case "already_exists":
            return AlreadyExists()
        case "retry_later":
            return RetryLater()
    raise answer.malformed("result")


def _decided(answer: Answer, *, dispute: str, currency: str) -> Decided:
    """Of the dispute that was asked about, and of no other."""
    _well(answer)
    if answer.text("providerDisputeId") != dispute:
        raise answer.malformed("providerDisputeId")
    match answer.text("result"):
        case "pending":
            return StillPending()
        case "success":
            return Upheld(money_of(answer, "changedAmount", currency), answer.text("message", "")[:WORDS_MAX] or None)
        case "fail":
            return _declined(answer)
    raise answer.malformed("result")


def _checked(answer: Answer, *, transaction: Transaction, currency: str) -> PaymentChecked:
    """Of the payment that was asked about, where it says which."""
    _well(answer)
    if answer.text("providerTrxId", transaction.provider_trx) != transaction.provider_trx:
        raise answer.malformed("providerTrxId")
    if not isinstance(answer.value.get("success"), bool):
        raise answer.malformed("success")
    return PaymentChecked(answer.flag("success"), money_of(answer, "changedAmount", currency))


def _declined(answer: Answer) -> Declined:
    return Declined(answer.name("code", CODE_MAX), answer.text("reason", "")[:WORDS_MAX] or None)


# what they push


def verify(headers: Mapping[str, str], body: bytes, now: datetime) -> Message:
    """What a provider tells. `Forged`: from none of them, or too old; `Unreadable`: it is, and makes no sense."""
    secret = settings().providers_secret.get_secret_value()
    signing.check(SYSTEM, secret, signing.header(headers, HEADER), body, now, settings().providers_age_max_seconds)
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError:
        payload = None
    told = payload if isinstance(payload, dict) else {}
    event_id = told["id"] if _fits(told.get("id"), ID_MAX) else f"sha256:{sha256(body).hexdigest()}"
    if reason := _wrong(payload):
        raise Unreadable(SYSTEM, event_id, reason)
    return Message(SYSTEM, event_id, told["type"], {name: told[name] for name in ("invoiceId", "paymentId")})


def _wrong(payload: Any) -> str:
    """What keeps it from being understood; empty: nothing. Both ids are needed: by one alone nothing is found."""
    if not isinstance(payload, dict):
        return "not a JSON object"
    if not _fits(payload.get("id"), ID_MAX):
        return "id"
    if payload.get("type") != PAYMENT_SUCCEEDED:
        return "type"
    return next((name for name in ("invoiceId", "paymentId") if not _fits(payload.get(name), REF_MAX)), "")


def _fits(value: Any, most: int) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= len(value) <= most and "\0" not in value
