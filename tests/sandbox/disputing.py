"""What the tests of billing, of providers, of the desk and of a merchant's server have in common."""

from __future__ import annotations

from typing import Any

import httpx

from settings import settings
from tests.sandbox.playing import Played


def known_by(system: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {getattr(settings(), f'{system}_token').get_secret_value()}"}


async def put(box: Played, payment: str = "pay", **given: Any) -> Any:
    """A payment of the invoice `inv`, which failed."""
    plain = {"invoiceId": "inv", "paymentId": payment, "partyId": "p", "shopId": "s", "amount": 10_000}
    return await told(box, "payments", plain | given)


async def stands(box: Played, status: str, payment: str = "pay", answered: int = 200, **given: Any) -> Any:
    said = {"invoiceId": "inv", "paymentId": payment, "status": status}
    return await told(box, "status", said | given, answered)


async def told(box: Played, path: str, given: dict[str, Any], status: int = 200) -> Any:
    """`Played.tell` has another use for the name `status`."""
    answer = await box.client.post(f"/control/billing/{path}", json=given)
    assert answer.status_code == status, answer.text
    return answer.json()


async def billed(box: Played, path: str, status: int = 200, **params: Any) -> Any:
    answer = await box.client.get(f"/billing/{path}", headers=known_by("billing"), params=params)
    assert answer.status_code == status, answer.text
    return answer.json()


def transaction(trx: str) -> dict[str, Any]:
    return {"invoiceId": "inv", "paymentId": "pay", "providerTrxId": trx, "options": {}, "trxInfo": {}}


async def posted(box: Played, path: str, body: Any, system: str = "providers", key: str = "") -> httpx.Response:
    return await box.client.post(path, json=body, headers=known_by(system) | ({"Idempotency-Key": key} if key else {}))


async def opened(box: Played, provider: str, id: str, trx: str = "trx-1", status: int = 200) -> Any:
    order = {"disputeId": id, "transaction": transaction(trx), "amount": 10_000, "currency": "RUB", "attachments": []}
    answer = await posted(box, f"/{provider}/disputes", order, key=id)
    assert answer.status_code == status, answer.text
    return answer.json()


async def checked(box: Played, provider: str, dispute: str, trx: str = "trx-1") -> Any:
    body = {"providerDisputeId": dispute, "transaction": transaction(trx), "currency": "RUB"}
    return (await posted(box, f"/{provider}/disputes/status", body)).json()


async def paid(box: Played, provider: str, trx: str = "trx-1") -> Any:
    body = {"transaction": transaction(trx), "currency": "RUB"}
    return (await posted(box, f"/{provider}/provider-payments", body)).json()
