"""Where a terminal's provider is asked, and how what it says is read. Pure. [spec/disputes §2.4, §3.2, §4.4]"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from models.disputes.lifecycle.polling import Polling

HAS_API, DELAY_SECONDS = "DISPUTE_FLOW_PROVIDERS_API_EXIST", "PROVIDER_PAYMENTS_CHECK_STATUS_DELAY_SEC"
DISPUTES_URL, PAYMENTS_URL = "disputes_url", "provider_payments_url"
UNKNOWN_MAPPING = "disputes_unknown_mapping"
"""A code that begins so is one that the adapter could not place: a human reads it."""
DELAY_MAX_SECONDS = 86_400
_ENCODED = re.compile(r"base64:([A-Za-z0-9+/]{4,}={0,2})")
_MARKS = ("code = ", "description = ")


@dataclass(frozen=True, slots=True)
class Route:
    """The doors of a terminal's provider. `has_api`: whether it takes disputes; else the support desk does."""

    disputes_url: str
    payments_url: str
    has_api: bool
    callback_delay: timedelta
    polling: Polling

    @classmethod
    def of(cls, url: str, options: Mapping[str, str], minutes: int) -> Self:
        """Of an adapter's address and its merged options; `minutes` is the house's own deadline."""
        base = url.rstrip("/")
        return cls(
            options.get(DISPUTES_URL) or f"{base}/disputes",
            options.get(PAYMENTS_URL) or f"{base}/provider-payments",
            HAS_API in options,
            timedelta(seconds=_delay(options.get(DELAY_SECONDS, ""))),
            Polling.of(options, minutes),
        )


def _delay(given: str) -> int:
    text = given.strip()
    return min(int(text), DELAY_MAX_SECONDS) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def unplaced(code: str) -> bool:
    return code.startswith(UNKNOWN_MAPPING)


def tells_why(reason: str) -> bool:
    """Whether an adapter's error says enough for a human to go on."""
    return all(mark in reason for mark in _MARKS)


def decoded(reason: str) -> str:
    """With what was packed into it, unpacked; what is not as it says stays as it is."""
    return _ENCODED.sub(_unpacked, reason)


def _unpacked(found: re.Match[str]) -> str:
    try:
        return base64.b64decode(found[1], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return found[0]
