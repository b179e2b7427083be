"""Webhooks: a body that stays the same, signed anew each time, until somebody says 2xx."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

from models.kernel.clock import now
from settings import settings

HEADER = "Bank-Signature"
ANSWER_SECONDS = 10.0
BACK_OFF_MAX_SECONDS = 60.0


@dataclass(slots=True)
class Booking:
    """Money that came in, and what became of telling it. An outcome is a status, or why there was none."""

    id: str
    url: str
    body: bytes
    age_seconds: int
    signature: Literal["good", "forged", "missing"]
    retries: int
    back_off_seconds: float
    insisting: bool = False
    outcomes: list[int | str] = field(default_factory=list)


def signed(body: bytes, at: int, secret: str) -> str:
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


async def deliver(client: httpx.AsyncClient, booking: Booking) -> int | str:
    """Once; the outcome is kept."""
    headers = {"content-type": "application/json"}
    if booking.signature != "missing":
        secret = settings().bank_secret.get_secret_value()
        secret = secret if booking.signature == "good" else f"not {secret}"
        headers[HEADER] = signed(booking.body, int(now().timestamp()) - booking.age_seconds, secret)
    outcome: int | str
    try:
        outcome = (await client.post(booking.url, content=booking.body, headers=headers)).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as no:
        outcome = f"{type(no).__name__}: {no}".rstrip(": ")
    booking.outcomes.append(outcome)
    return outcome


def accepted(outcome: int | str) -> bool:
    return isinstance(outcome, int) and 200 <= outcome < 300


async def insist(client: httpx.AsyncClient, booking: Booking) -> None:
    """Again and again, each time after a longer while; one that is on its way is enough."""
    if booking.insisting:
        return
    booking.insisting, wait = True, booking.back_off_seconds
    while booking.retries:
        await asyncio.sleep(wait)
        booking.retries = max(0, booking.retries - 1)
        if accepted(booking.outcomes[-1]) or accepted(await deliver(client, booking)):
            break
        wait = min(wait * 2, BACK_OFF_MAX_SECONDS)
    booking.insisting = False


def shown(booking: Booking) -> dict[str, Any]:
    return {
        "id": booking.id,
        "url": booking.url,
        "body": booking.body.decode(),
        "outcomes": booking.outcomes,
        "accepted": any(map(accepted, booking.outcomes)),
    }
