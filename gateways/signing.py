"""How messages between systems are signed: `t=<unix seconds>,v1=<hex>`, the HMAC-SHA256 of `t`, a dot and the body."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from gateways.receipts import Forged

_SECONDS = re.compile(r"[0-9]{1,12}")
_SIGNATURE_MAX = 1_000


def header(headers: Mapping[str, str], name: str) -> str:
    """Of that name, however it is written; empty: there is none."""
    return next((value for given, value in headers.items() if given.lower() == name), "")


def signed(secret: str, at: int, body: bytes) -> str:
    """The value of the header."""
    return f"t={at},v1={digest(secret, str(at), body)}"


def digest(secret: str, at: str, body: bytes) -> str:
    return hmac.new(secret.encode(), at.encode() + b"." + body, sha256).hexdigest()


def check(system: str, secret: str, given: str, body: bytes, now: datetime, age_max_seconds: int) -> None:
    """Raises `Forged`. A rotating secret is signed with twice: one good signature is enough."""
    if not secret or not given or len(given) > _SIGNATURE_MAX:
        raise Forged(system, "no signature" if secret else "no secret is set")
    parts = [part.strip().partition("=") for part in given.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    if len(times) != 1 or not _SECONDS.fullmatch(times[0]):
        raise Forged(system, "no time")
    wanted = digest(secret, times[0], body).encode()
    signatures = [value.encode() for name, _, value in parts if name == "v1"]
    if not any([hmac.compare_digest(wanted, one) for one in signatures]):  # noqa: C419  all are compared, good or not
        raise Forged(system, "wrong signature")
    if abs(now.timestamp() - int(times[0])) > age_max_seconds:
        raise Forged(system, "too old, or of the future")
