"""The disputes of the small world, one in each situation: where the sandbox plays billing, it is told of their payments; a worker
carries them to where they stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx

from gateways.wiring import ApiGateways, api_gateways
from models.disputes import operations as disputes
from models.disputes import reads
from models.disputes.lifecycle import DisputeStatus
from models.disputes.operations import Filed
from models.disputes.reads import DisputeRecord
from models.kernel.files import File
from models.kernel.pages import Cut
from models.kernel.viewer import MERCHANT, Viewer
from resolvers.errands import disputes as errands
from server.addresses import address
from server.seed.asking import SEEDER, SUBJECT, once
from server.seed.payouts import OAK
from settings import settings

SHOP, PAYMENT = "tables", "1"
MERCHANT_OF_OAK = Viewer(SUBJECT, frozenset({MERCHANT}), party=OAK)
QUICK, NO_DOOR, HASTY = 1, 3, 4
"""Terminals: of a provider that is quick, of one that takes no disputes, and one whose deadline is a minute."""
RECEIPT = File(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(40), "image/png")
SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Made:
    """A payment that is disputed. What its provider says hangs on `trx`."""

    invoice: str
    amount: int
    trx: str
    reason: str
    terminal: int = QUICK
    paid: dict[str, Any] = field(default_factory=dict)
    cancelled: str = ""

    def told(self, ended: bool) -> dict[str, Any]:
        """What billing has of it; `ended`: its dispute has had it put right."""
        plain = {
            "invoiceId": self.invoice, "paymentId": PAYMENT, "partyId": OAK, "shopId": SHOP, "shopName": "Tables of oak",
            "amount": self.amount, "currency": "RUB", "terminalId": self.terminal, "providerTrxId": self.trx,
        }  # fmt: skip
        return {**plain, **self.paid, **({"status": "captured"} if ended else {})}


WORLD = (
    Made("demo-invoice-1", 1_250_000, "demo-1-paid", "the bank shows it as paid"),
    Made("demo-invoice-2", 400_000, "demo-2-changed", "a part of it was paid"),
    Made("demo-invoice-3", 90_000, "demo-3-declined", "the payer sent a receipt"),
    Made("demo-invoice-4", 120_000, "demo-4", "it was refunded by mistake", paid={"status": "refunded"}),
    Made("demo-invoice-5", 310_000, "demo-5-undecided", "paid by card"),
    Made("demo-invoice-6", 75_000, "demo-6", "paid in cash at a counter", NO_DOOR),
    Made("demo-invoice-7", 220_000, "demo-7-exists", "the payer asked his bank, too"),
    Made("demo-invoice-8", 180_000, "demo-8-undecided", "paid on a holiday", HASTY),
    Made("demo-invoice-9", 640_000, "demo-9-paid", "the payer has a receipt"),
    Made("demo-invoice-10", 55_000, "demo-10", "it takes long", paid={"status": "processed"}),
    Made("demo-invoice-11", 30_000, "demo-11", "the wrong invoice", cancelled="not_ours"),
)
"""Succeeded, succeeded with another amount, declined, one that failed and is hidden, at its provider, with a human, one that its
provider had already, one whose deadline passes after a minute, one that waits for billing, one that waits for its payment to
end, and cancelled."""
STANDS_STILL = "demo-invoice-9"
"""Billing works on somebody else's adjustment of it, and does not come to an end with that."""


async def bring() -> None:
    """Nothing where nobody plays billing. The sandbox forgets when it ends: it is told again what it does not know."""
    if not settings().development or settings().billing_url:
        return
    async with httpx.AsyncClient(base_url=address(settings(), 2), timeout=SECONDS, trust_env=False) as sandbox:
        try:
            known = (await sandbox.get("/control/billing/payments")).raise_for_status().json()["payments"]
        except (httpx.HTTPError, ValueError):
            return
        found = [await _found(made) for made in WORLD]
        there = {one["invoice"]["id"] for one in known}
        await _tell(sandbox, [(made, one) for made, one in zip(WORLD, found, strict=True) if made.invoice not in there])
    async with api_gateways() as outside:
        for made, one in zip(WORLD, found, strict=True):
            await _bring(outside, made, one)


async def told() -> list[str]:
    return [
        f"dispute {one.invoice_id}: {one.amount} of {one.party_code}/{one.shop_code}, {one.status.name}"
        for made in WORLD
        if (one := await _found(made))
    ]


async def _found(made: Made) -> DisputeRecord | None:
    """The first about its payment."""
    wanted = reads.Wanted(invoice=made.invoice, payment=PAYMENT)
    return next(iter((await reads.listed(SEEDER, wanted, reads.OLDEST, Cut(first=1))).items), None)


async def _tell(sandbox: httpx.AsyncClient, missing: list[tuple[Made, DisputeRecord | None]]) -> None:
    if not missing:
        return
    hasty = {"DISPUTE_FLOW_PROVIDERS_API_EXIST": "true", "DISPUTE_FLOW_MAX_TIME_POLLING_MIN": "1"}
    terminal = {"id": HASTY, "url": f"{address(settings(), 2)}/quickpay", "options": hasty}
    (await sandbox.post("/control/billing/terminals", json=terminal)).raise_for_status()
    for made, one in missing:
        ended = one is not None and one.status is DisputeStatus.SUCCEEDED
        (await sandbox.post("/control/billing/payments", json=made.told(ended))).raise_for_status()
    if STANDS_STILL in {made.invoice for made, _ in missing}:
        await _hold_up(sandbox)


async def _hold_up(sandbox: httpx.AsyncClient) -> None:
    path = f"/billing/invoices/{STANDS_STILL}/payments/{PAYMENT}/adjustments"
    known = {"authorization": f"Bearer {settings().billing_token.get_secret_value()}", "idempotency-key": SUBJECT}
    theirs = {"kind": "cash_flow", "reason": "somebody else's", "amount": 1, "currency": "RUB"}
    for hold in (True, False):
        (await sandbox.post("/control/billing/adjusting", json={"hold": hold})).raise_for_status()
        if hold:
            (await sandbox.post(path, json=theirs, headers=known)).raise_for_status()


async def _bring(outside: ApiGateways, made: Made, found: DisputeRecord | None) -> None:
    words = {"invoice": made.invoice, "payment": PAYMENT}
    if found is None:
        filed = Filed(reason=made.reason, notification_url=_hook())
        request = once("createDispute", f"dispute:{made.invoice}", **words)
        found = await errands.create_dispute(
            outside, made.invoice, PAYMENT, filed, [RECEIPT], by=MERCHANT_OF_OAK, request=request
        )
    if made.cancelled and found.status is DisputeStatus.CREATED:
        request = once("cancelDisputes", f"dispute:{made.invoice}:cancel", **words)
        await disputes.cancel(found.dispute_id, public_reason=made.cancelled, by=SEEDER, request=request)


def _hook() -> str | None:
    """The sandbox's merchant's server, where such an address may be told."""
    return f"{address(settings(), 2)}/receiver/hooks/{OAK}" if settings().webhooks_anywhere else None
