"""The outside and the clock of payouts in tests: a till that pays whatever it is told to, moments, leases that end, and how a
payout has ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from gateways.orders import Order, Receipt
from gateways.wiring import Gateways
from jobs.running import Tools
from models.kernel.sql import fetch, fetch_one, sql, transaction
from models.kernel.viewer import Viewer
from models.parties.lifecycle import ToolKind
from models.parties.reads import ShopRecord
from models.payouts import operations as payouts
from models.payouts.reads import PayoutRecord
from tests.make import Make
from tests.payouts.shops import events_of, paid_out, plan_of, shop, stands

BY = Viewer.system("test")


class Till:
    """Pays whatever it is sent, again where it is sent again: whoever tells it twice has paid twice."""

    def __init__(self) -> None:
        self.paid, self.asked = Counter[str](), list[str]()

    async def send(self, order: Order) -> Receipt:
        self.paid[order.key] += 1
        return Receipt(f"ref-{order.key}")

    async def find(self, order_key: str) -> Receipt | None:
        self.asked.append(order_key)
        return Receipt(f"ref-{order_key}") if self.paid[order_key] else None


def tools(payer: Any = None) -> Tools:
    return Tools(BY, {}, Gateways(wallets=payer, transfers=payer))


async def to_wallet(make: Make, payout_id: str = "a", **more: Any) -> tuple[ShopRecord, PayoutRecord]:
    """A confirmed payout to a wallet, whose delivery is queued, and its shop."""
    its = await shop(make, tool=ToolKind.WALLET, **more)
    await paid_out(make, its, payout_id=payout_id)
    return its, await payouts.confirm(payout_id, by=make.operator.viewer)


async def leases_end() -> None:
    """The time is over that a dead worker had, and every back-off."""
    async with transaction() as db:
        for table in ("delivery", "payout_schedule"):
            await db.execute(
                f"UPDATE {table} SET lease_until = saldo_now() - interval '1 second' WHERE lease_until IS NOT NULL"
            )
        await db.execute("UPDATE delivery SET next_check_at = saldo_now() WHERE next_check_at IS NOT NULL")


def live_at(knobs: Callable[..., None], said: str) -> datetime:
    """From now on it is that moment, for whatever is planned: `live_at(knobs, "2027-03-28T01:00")`, UTC."""
    moment = datetime.fromisoformat(said).replace(tzinfo=UTC)
    knobs(clock_offset_seconds=round((moment - datetime.now(UTC)).total_seconds()) + 1)
    return moment


async def delivery(payout_id: str) -> tuple[str, str | None] | None:
    """Its status and reference; None where there is none."""
    row = await fetch_one(
        sql(
            "SELECT d.status, d.reference FROM delivery d JOIN payout p ON p.id = d.payout_id WHERE p.payout_id = {}",
            payout_id,
        )
    )
    return (row["status"], row["reference"]) if row else None


async def attempts(payout_id: str) -> list[tuple[str, str]]:
    """What was asked, and how each ended."""
    rows = await fetch(
        sql(
            """SELECT a.kind, a.state FROM delivery_attempt a JOIN delivery d ON d.id = a.delivery_id
                 JOIN payout p ON p.id = d.payout_id WHERE p.payout_id = {} ORDER BY a.number""",
            payout_id,
        )
    )
    return [tuple(row) for row in rows]


async def ended(its: ShopRecord, payout_id: str) -> dict[str, Any]:
    """How a payout stands: what a death must not change."""
    row = await fetch_one(sql("SELECT status, sequence, delivery_status FROM payout WHERE payout_id = {}", payout_id))
    told = await events_of(payout_id)
    return {
        "payout": row and tuple(row),
        "plans": await plan_of(payout_id),
        "books": await stands(its),
        "delivery": await delivery(payout_id),
        "statuses": [one for one in told if one[0] in {"open", "confirm", "cancel", "revert", "fail"}],
    }


async def names(payout_id: str) -> list[str]:
    return [name for name, _ in await events_of(payout_id)]


async def schedules() -> list[dict[str, Any]]:
    """Every schedule as the last run left it."""
    return [dict(row) for row in await fetch(sql("SELECT * FROM payout_schedule ORDER BY id"))]


async def scheduled_payouts() -> list[dict[str, Any]]:
    """The payouts that schedules made, in their order."""
    return [dict(row) for row in await fetch(sql("SELECT * FROM payout WHERE schedule_id IS NOT NULL ORDER BY id"))]
