"""What a provider pushes to us: that a payment succeeded after all, signed."""

from __future__ import annotations

from typing import Any, Literal
from uuid import uuid4

import aiohttp
import orjson
from pydantic import Field

from models.kernel.clock import now
from sandbox.bank.delivering import signed
from sandbox.given import Given
from settings import settings

HEADER = "Providers-Signature"
ANSWER_SECONDS = 10


class Tell(Given):
    invoice_id: str
    payment_id: str
    id: str = ""
    url: str = ""
    times: int = Field(default=1, ge=1, le=100)
    signature: Literal["good", "forged", "missing"] = "good"


async def told(given: Tell) -> dict[str, Any]:
    """As often as is wanted, the same each time; the statuses that were answered, or why there was none."""
    id = given.id or f"told-{uuid4().hex}"
    ids = {"invoiceId": given.invoice_id, "paymentId": given.payment_id}
    body = orjson.dumps({"id": id, "type": "payment.succeeded", **ids})
    url = given.url or f"http://127.0.0.1:{settings().port}/webhooks/providers"
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as client:
        outcomes = [await _told(client, url, body, given.signature) for _ in range(given.times)]
    return {"id": id, "outcomes": outcomes}


async def _told(client: aiohttp.ClientSession, url: str, body: bytes, signature: str) -> int | str:
    headers = {"content-type": "application/json"}
    if signature != "missing":
        secret = settings().providers_secret.get_secret_value()
        headers[HEADER] = signed(body, int(now().timestamp()), secret if signature == "good" else f"not {secret}")
    try:
        async with client.post(url, data=body, headers=headers) as answer:
            return answer.status
    except (aiohttp.ClientError, TimeoutError) as no_answer:
        return type(no_answer).__name__
