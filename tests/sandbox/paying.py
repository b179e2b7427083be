"""What the tests of the wallet system and of the bank that pays have in common. A `Kind` is one of the two, in its words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from settings import settings
from tests.sandbox.playing import Played


@dataclass(frozen=True)
class Kind:
    system: str
    operation: str
    folder: str
    id: str
    rest: dict[str, Any]
    done: str
    waiting: str
    refused: str
    why: str

    @property
    def path(self) -> str:
        return f"/{self.system}/{self.folder}"

    @property
    def list(self) -> str:
        return f"{self.system}/{self.folder}"


DEPOSIT = Kind(
    "wallets", "deposit", "deposits", "depositId", {"walletId": "wallet-1", "description": "Payout 1"},
    "succeeded", "pending", "failed", "failure",
)  # fmt: skip
ORDER = Kind(
    "transfers", "order", "orders", "orderId",
    {"beneficiary": {"type": "international_bank_account", "bankName": "B", "iban": "DE1"}, "purpose": "Payout 1"},
    "executed", "accepted", "rejected", "rejection",
)  # fmt: skip


def headers(kind: Kind, key: str | None = None) -> dict[str, str]:
    token = getattr(settings(), f"{kind.system}_token").get_secret_value()
    return {"Authorization": f"Bearer {token}", **({"Idempotency-Key": key} if key else {})}


async def posted(box: Played, kind: Kind, id: str, **changes: Any) -> httpx.Response:
    body = {kind.id: id, "amount": "12.34", "currency": "EUR", **kind.rest, **changes}
    return await box.client.post(kind.path, json=body, headers=headers(kind, id))


async def sent(box: Played, kind: Kind, id: str, status: int = 201, **changes: Any) -> Any:
    answer = await posted(box, kind, id, **changes)
    assert answer.status_code == status, answer.text
    return answer.json()


async def found(box: Played, kind: Kind, id: str, status: int = 200) -> Any:
    answer = await box.client.get(f"{kind.path}/{id}", headers=headers(kind))
    assert answer.status_code == status, answer.text
    return answer.json()


async def listed(box: Played, kind: Kind) -> list[Any]:
    return (await box.ask(kind.list))[kind.folder]


async def counts(box: Played, kind: Kind) -> dict[str, tuple[int, int]]:
    """By id: how often it was asked for and executed."""
    return {one["id"]: (one["asked"], one["executed"]) for one in await listed(box, kind)}


async def effects(box: Played, kind: Kind) -> int:
    calls = (await box.ask("calls", system=kind.system, operation=kind.operation))["calls"]
    return sum(call["effect"] for call in calls)
