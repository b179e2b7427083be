"""Disputes without anybody outside: made as the house makes them, of what billing would have said."""

from __future__ import annotations

from datetime import timedelta

from models.disputes import operations as disputes
from models.disputes.lifecycle import DisputeStatus, Polling
from models.disputes.reads import DisputeRecord
from models.kernel.clock import now
from models.kernel.money import Money
from models.kernel.sql import fetch, sql
from models.kernel.viewer import Viewer

WORKER = Viewer.system("test")


async def filed(
    by: Viewer, invoice: str = "inv", payment: str = "pay", *, party: str = "p", shop: str = "s", url: str | None = None
) -> DisputeRecord:
    """A dispute about a payment of 100.00 RUB with one file."""
    billed = disputes.Billed(
        invoice, payment, party, shop, "A shop", Money(10_000, "RUB"), now() - timedelta(days=1), 1, 1, f"trx-{payment}"
    )
    file = disputes.StoredFile(f"disputes/{invoice}/{payment}", "image/png", 48, "0" * 64)
    return await disputes.make(billed, disputes.Filed(notification_url=url), [file], Polling(), by=by)


async def confirmed(dispute: DisputeRecord) -> None:
    """Its provider has confirmed the payment: it waits for its adjustment."""
    await fetch(sql("UPDATE dispute SET next_check_at = saldo_now() WHERE id = {} RETURNING 1", dispute.id))
    (claimed,) = await disputes.claim_due(DisputeStatus.CREATED, limit=1, lease_seconds=60, by=WORKER)
    assert await disputes.confirmed(claimed, disputes.Confirmed(), by=WORKER)
