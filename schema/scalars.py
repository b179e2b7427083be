"""Scalars. One that cannot be read does not fail the document: it arrives as `Malformed`, and the input that holds it
is refused with its path (INVALID_INPUT), like every other bad value."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

from models.kernel.files import File

Base64 = NewType("Base64", bytes)
BigInt = NewType("BigInt", int)
CurrencyCode = NewType("CurrencyCode", str)
Cursor = NewType("Cursor", str)
Upload = NewType("Upload", File)

DECIMAL = re.compile(r"-?[0-9]{1,19}(\.[0-9]{1,18})?")
INTEGER = re.compile(r"-?[0-9]{1,19}")
CURRENCY = re.compile(r"[A-Z0-9]{3,12}")


@dataclass(frozen=True, slots=True)
class Malformed:
    """A value that its scalar could not read."""

    message: str


def _decimal(value: object) -> Decimal | Malformed:
    if isinstance(value, str) and DECIMAL.fullmatch(value):
        return Decimal(value)
    return Malformed('must be a decimal in a string, like "10.50"')


def _big_int(value: object) -> int | Malformed:
    if isinstance(value, str) and INTEGER.fullmatch(value) and -(2**63) <= int(value) < 2**63:
        return int(value)
    return Malformed('must be a whole number of 64 bits in a string, like "1050"')


def _currency(value: object) -> str | Malformed:
    if isinstance(value, str) and CURRENCY.fullmatch(value):
        return value
    return Malformed('must be a currency code, like "EUR"')


def _moment(value: object) -> datetime | Malformed:
    wrong = Malformed('must be a moment with its zone, like "2026-01-31T12:00:00Z"')
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) and len(value) <= 40 else None
        return moment.astimezone(UTC) if moment and moment.tzinfo else wrong
    except (ValueError, OverflowError):
        return wrong


def _cursor(value: object) -> str | Malformed:
    if isinstance(value, str) and len(value) <= 512:
        return value
    return Malformed("must be a cursor that was given by this list")


def _base64(value: object) -> bytes | Malformed:
    """The bytes, once: what holds megabytes is not copied."""
    try:
        if isinstance(value, str) and len(value) % 4 == 0:
            return binascii.a2b_base64(value, strict_mode=True)
    except ValueError:  # binascii.Error is one
        pass
    return Malformed("must be bytes in Base64, with its padding and without line breaks")


def _upload(value: object) -> File | Malformed:
    return value if isinstance(value, File) else Malformed("must be a file of a multipart request")


def _no_answer(_value: object) -> str:
    raise TypeError("files are taken, not given")


def _scalar(name: str, description: str, *, serialize: Any, read: Any) -> ScalarDefinition:
    return strawberry.scalar(name=name, description=description, serialize=serialize, parse_value=read)


SCALARS: dict[object, ScalarDefinition] = {
    Base64: _scalar(
        "Base64",
        "Bytes, in Base64 with padding (RFC 4648, section 4).",
        serialize=lambda value: binascii.b2a_base64(value, newline=False).decode(),
        read=_base64,
    ),
    Decimal: _scalar(
        "Decimal",
        'An exact decimal in a string: "10.50". Up to 19 digits before the point and 18 behind it; no exponent.',
        serialize=lambda value: f"{value:f}",
        read=_decimal,
    ),
    BigInt: _scalar("BigInt", "A whole number of 64 bits, in a string.", serialize=str, read=_big_int),
    CurrencyCode: _scalar(
        "CurrencyCode", 'ISO 4217 code or a token\'s symbol: "EUR", "USDT".', serialize=str, read=_currency
    ),
    Cursor: _scalar(
        "Cursor",
        "A place in a list. Pass back what you were given; it means nothing else.",
        serialize=str,
        read=_cursor,
    ),
    Upload: _scalar(
        "Upload",
        "A file, sent beside the operation in a multipart request; null in the operation's own variables.",
        serialize=_no_answer,
        read=_upload,
    ),
    datetime: _scalar(
        "DateTime",
        "A moment with its zone, ISO 8601; answers are UTC.",
        serialize=lambda value: value.isoformat().replace("+00:00", "Z"),
        read=_moment,
    ),
}
