"""A bank account that people pay to with a reference; the bank tells of every transfer that came in.

A reference is a creditor reference by ISO 11649, the payment's number with check digits: a slip of the pen is noticed.
The bank signs what it sends: `Bank-Signature: t=<unix seconds>,v1=<hex>`, the HMAC-SHA256 of `t`, a dot and the body.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson

from gateways import signing
from gateways.webhooks import Message, Unreadable
from settings import settings

SYSTEM = "bank"
TRANSFER_RECEIVED = "transfer.received"
HEADER = "bank-signature"
NUMBER_MAX = 2**63 - 1
_REFERENCE = re.compile(r"RF([0-9]{2})([0-9]{1,21})")
_SPACES = re.compile(r"[ \t\u00a0]")
_ID = re.compile(r"[!-~]{1,64}")
_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,8})?")
_CURRENCY = re.compile(r"[A-Z]{3,10}")
_TEXT_MAX = 200


def reference(number: int) -> str:
    """What to write on the transfer."""
    if not 0 < number <= NUMBER_MAX:
        raise ValueError(f"number must be from 1 to {NUMBER_MAX}")
    return f"RF{98 - _remainder('00', str(number)):02}{number}"


def number_of(text: str) -> int | None:
    """The number of a reference, written with or without spaces, in capitals or not. None: it is none of ours."""
    found = _REFERENCE.fullmatch(_SPACES.sub("", text).upper())
    if not found or _remainder(found[1], found[2]) != 1 or not 0 < int(found[2]) <= NUMBER_MAX:
        return None
    return int(found[2])


def verify(headers: Mapping[str, str], body: bytes, now: datetime) -> Message:
    """What the bank tells. `Forged`: not from the bank, or too old; `Unreadable`: it is, and makes no sense."""
    secret = settings().bank_secret.get_secret_value()
    signing.check(SYSTEM, secret, signing.header(headers, HEADER), body, now, settings().bank_age_max_seconds)
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError:
        payload = None
    event_id = _event_id(payload, body)
    if reason := _wrong(payload):
        raise Unreadable(SYSTEM, event_id, reason)
    return Message(SYSTEM, event_id, payload["type"], payload)


def _event_id(payload: Any, body: bytes) -> str:
    id = payload.get("id") if isinstance(payload, dict) else None
    return str(id) if _matches(_ID, id) else f"sha256:{sha256(body).hexdigest()}"


def _wrong(payload: Any) -> str:
    """What keeps it from being understood; empty: nothing."""
    if not isinstance(payload, dict):
        return "not a JSON object"
    if not _matches(_ID, payload.get("id")):
        return "id"
    if payload.get("type") != TRANSFER_RECEIVED:
        return "type"
    for name, form in (("amount", _AMOUNT), ("currency", _CURRENCY)):
        if not _matches(form, payload.get(name)):
            return name
    told = {"senderName": "", **payload}
    return next((name for name in ("reference", "senderName", "bookedAt") if not _is_text(told.get(name))), "")


def _matches(form: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _TEXT_MAX and "\0" not in value


def _remainder(check: str, digits: str) -> int:
    """By ISO 7064, MOD 97-10: the letters R and F count as 27 and 15."""
    return int(f"{digits}2715{check}") % 97
