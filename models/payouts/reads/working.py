"""What the jobs of payouts need to know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from models.kernel.money import Money
from models.kernel.sql import TRUE, fetch, fetch_one, join, sql
from models.parties.reads import ShopRecord
from models.payouts.reads.records import PayoutRecord


@dataclass(frozen=True, slots=True)
class Made:
    """A payout that a schedule made, and whether it was to confirm it then."""

    payout: PayoutRecord
    auto_confirm: bool


async def begun(schedule: int, done: datetime | None) -> list[Made]:
    """What was made for moments of a schedule behind the last one that was concluded: whoever made it may have died before he
    had finished."""
    behind = sql("r.schedule_id = {}", schedule) & (TRUE if done is None else sql("r.slot > {}", done))
    rows = await fetch(join([sql("SELECT r.* FROM payout r WHERE"), behind, sql("ORDER BY r.slot")]))
    return [Made(PayoutRecord.of(row), row["auto_confirm"]) for row in rows]


async def available(shop: ShopRecord) -> Money:
    """What stands on a shop's settlement account and is not held."""
    row = await fetch_one(
        sql("SELECT own - pending_out AS free FROM ledger_account WHERE id = {}", shop.settlement_account)
    )
    return Money(row["free"] if row else 0, shop.currency)


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits of payouts, and for whom."""

    queued: int
    unknown: int
    due_seconds: int
    attention: int
    schedules_late_seconds: int


async def backlog(at: datetime) -> Backlog:
    (row,) = await fetch(
        sql(
            """SELECT count(*) FILTER (WHERE status = 'queued') AS queued,
                      count(*) FILTER (WHERE status IN ('unknown', 'sending')) AS unknown,
                      greatest(0, coalesce(extract(epoch FROM saldo_now() - min(next_check_at)), 0))::bigint AS due_seconds,
                      (SELECT count(*) FROM payout p JOIN delivery d ON d.payout_id = p.id AND d.status IN ('queued', 'unknown')
                        WHERE p.needs_attention)
                        + (SELECT count(*) FROM payout_schedule WHERE needs_attention) AS attention,
                      (SELECT greatest(0, coalesce(extract(epoch FROM {} - min(next_at)), 0))::bigint FROM payout_schedule
                        WHERE status = 'enabled') AS schedules_late_seconds
                 FROM delivery WHERE status IN ('queued', 'sending', 'unknown')""",
            at,
        )
    )
    return Backlog(**dict(row))
