"""What the jobs read: attempts under way, what was seen, how far a chain was read, and what the books say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.kernel.money import Money
from models.kernel.sql import Sql, fetch, fetch_one, join, sql
from models.payments.lifecycle import (
    LIVE,
    Purpose,
)
from models.payments.reads.records import SweepRecord
from settings import settings


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sweep that is under way, with its bytes: for the worker alone, never shown."""

    sweep: SweepRecord
    raw_tx: str | None
    signed_block: int | None = None
    seen_block: int | None = None
    """The solid block in which the scan saw it."""

    def __repr__(self) -> str:
        return f"<attempt {self.sweep.id} {self.sweep.purpose} {self.sweep.status}>"


KEPT = ("raw_tx", "signed_block", "seen_block")


async def under_way(wallet: int) -> dict[Purpose, Attempt]:
    """The attempts of a wallet that have not come to their end: one of each purpose at most."""
    rows = await fetch(
        join(
            [
                sql("SELECT r.* FROM sweep r WHERE"),
                sql("r.wallet_id = {} AND r.status = ANY({}::text[])", wallet, [s.value for s in LIVE]),
            ]
        )
    )
    return {Purpose(row["purpose"]): Attempt(SweepRecord.of(row), *(row[name] for name in KEPT)) for row in rows}


async def failed_attempts(wallet: int) -> int:
    """How many sweeps of a wallet failed since the last that did not, and since an operator last looked at its payment."""
    row = await fetch_one(
        sql(
            """SELECT count(*) AS n FROM sweep s WHERE wallet_id = {} AND purpose = 'sweep' AND status = 'failed' AND id > coalesce(
                 (SELECT max(id) FROM sweep WHERE wallet_id = {} AND purpose = 'sweep' AND status = 'confirmed'), 0)
                 AND NOT EXISTS (SELECT FROM event e WHERE e.subject = 'payment:' || s.payment_id AND e.name = 'recheck'
                                    AND e.occurred_at > s.updated_at)""",
            wallet,
            wallet,
        )
    )
    return int(row["n"]) if row else 0


@dataclass(frozen=True, slots=True)
class TopUps:
    """What was sent to a wallet to pay for its sweeps: how often since the last that was confirmed (and since an operator
    last looked at its payment), and the sun that must be left of it all."""

    since: int
    left_sun: int


async def top_ups(wallet: int) -> TopUps:
    row = await fetch_one(
        sql(
            """SELECT coalesce(sum(amount_minor) FILTER (WHERE purpose = 'top_up' AND status = 'confirmed'), 0)::bigint
                      - coalesce(sum(fee_minor) FILTER (WHERE purpose = 'sweep'), 0)::bigint AS left_sun,
                      count(*) FILTER (WHERE purpose = 'top_up' AND status = 'confirmed' AND id > coalesce(
                        (SELECT max(id) FROM sweep WHERE wallet_id = {} AND purpose = 'sweep' AND status = 'confirmed'), 0)
                        AND NOT EXISTS (SELECT FROM event e WHERE e.subject = 'payment:' || s.payment_id AND e.name = 'recheck'
                                           AND e.occurred_at > s.updated_at)) AS since
                 FROM sweep s WHERE wallet_id = {}""",
            wallet,
            wallet,
        )
    )
    return TopUps(row["since"], row["left_sun"]) if row else TopUps(0, 0)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A transaction that was seen for a payment and is not credited. `solid`: it stands in a solid block."""

    tx_id: str
    block: int
    solid: bool


async def uncredited(payment: int) -> list[Sighting]:
    """What was seen for a payment and is not credited."""
    query = """SELECT tx_id, max(block) AS block, bool_or(solid) AS solid FROM deposit
                WHERE payment_id = {} AND credited_at IS NULL AND dropped_at IS NULL GROUP BY tx_id"""
    return [Sighting(row["tx_id"], row["block"], row["solid"]) for row in await fetch(sql(query, payment))]


async def credited_txs(payment: int) -> set[str]:
    """Transactions of which something was credited."""
    query = sql("SELECT tx_id FROM deposit WHERE payment_id = {} AND credited_at IS NOT NULL", payment)
    return {row["tx_id"] for row in await fetch(query)}


@dataclass(frozen=True, slots=True)
class CursorRecord:
    """Every solid block from `first_block` to `block` was read."""

    first_block: int
    block: int
    block_at: datetime
    seen_block: int


async def cursor(network: str) -> CursorRecord | None:
    query = sql("SELECT first_block, block, block_at, seen_block FROM chain_cursor WHERE network = {}", network)
    row = await fetch_one(query)
    return row and CursorRecord(row["first_block"], row["block"], row["block_at"], row["seen_block"])


OVERDUE = """(r.amount_minor - r.received_minor) * 10000 > r.amount_minor * {}
   AND r.expires_at + CASE WHEN r.received_minor > 0 THEN make_interval(days => {}) ELSE interval '0' END <=
     least(saldo_now(), (SELECT c.block_at FROM wallet w JOIN chain_cursor c ON c.network = w.network WHERE w.payment_id = r.id))
   AND NOT EXISTS (SELECT FROM deposit d WHERE d.payment_id = r.id AND d.credited_at IS NULL AND d.dropped_at IS NULL)"""
"""Nothing came in time, or not all of it within the days after, and nothing is on its way: by the time of the chain as far as
it was read, since what was paid in time may stand in a block that was not read yet."""


def in_vain() -> Sql:
    """Whether a waiting payment `r` waits in vain."""
    return sql(OVERDUE, settings().payment_tolerance_bps, settings().payment_watched_days)


async def overdue(limit: int) -> list[int]:
    """Numbers of payments that wait in vain."""
    waiting = sql("SELECT r.id FROM payment r WHERE r.status = 'waiting' AND r.expires_at <= saldo_now() AND")
    rows = await fetch(join([waiting, in_vain(), sql("ORDER BY r.expires_at LIMIT {}", limit)]))
    return [row["id"] for row in rows]


async def worth_sweeping(limit: int) -> list[int]:
    """Numbers of payments that nobody watches any more, and on whose wallet there is something worth a sweep."""
    rows = await fetch(
        sql(
            """SELECT w.payment_id FROM wallet w JOIN payment r ON r.id = w.payment_id
                WHERE w.received_minor > w.swept_minor AND w.received_minor - w.swept_minor >= {}
                  AND r.marks = 0 AND r.next_check_at IS NULL ORDER BY w.id LIMIT {}""",
            settings().tron_sweep_min_minor,
            limit,
        )
    )
    return [row["payment_id"] for row in rows]


@dataclass(frozen=True, slots=True)
class Backlog:
    """What has something to do and since when, what a human has to look at, and since when the chain was not read."""

    due: int
    due_seconds: int
    attention: int
    unread_seconds: int


async def backlog() -> Backlog:
    row = await fetch_one(
        sql(
            """SELECT count(*) AS due, coalesce(extract(epoch FROM saldo_now() - min(next_check_at)), 0)::bigint AS due_seconds,
                      (SELECT count(*) FROM payment WHERE needs_attention) AS attention,
                      coalesce((SELECT extract(epoch FROM saldo_now() - min(scanned_at)) FROM chain_cursor), 0)::bigint AS unread
                 FROM payment WHERE marks > 0 AND next_check_at <= saldo_now()"""
        )
    )
    if row is None:
        raise AssertionError("an aggregate has a row")
    return Backlog(row["due"], row["due_seconds"], row["attention"], max(0, row["unread"]))


@dataclass(frozen=True, slots=True)
class Holding:
    """An address that should hold something, by the books; `moving` may have left it already."""

    wallet: int
    address: str
    left: Money
    moving: Money

    @property
    def due_minor(self) -> int:
        return self.left.minor - self.moving.minor


HOLDING = """SELECT w.id, w.address, w.currency, w.received_minor - w.swept_minor AS left_minor,
                    coalesce((SELECT sum(s.amount_minor) FROM sweep s WHERE s.wallet_id = w.id AND s.purpose = 'sweep'
                                 AND s.status IN ('signed', 'broadcast')), 0)::bigint AS moving_minor FROM wallet w"""


async def holdings(network: str, limit: int) -> list[Holding]:
    """Wallets on which something was credited and not swept, those with the most first."""
    order = "ORDER BY w.received_minor - w.swept_minor DESC, w.id LIMIT"
    query = f"{HOLDING} WHERE w.network = {{}} AND w.received_minor > w.swept_minor {order} {{}}"
    return [_holding(row) for row in await fetch(sql(query, network, limit))]


async def holding(wallet: int) -> Holding:
    """As the books say now."""
    (row,) = await fetch(sql(f"{HOLDING} WHERE w.id = {{}}", wallet))
    return _holding(row)


def _holding(row: Any) -> Holding:
    left, moving = (Money(row[name], row["currency"]) for name in ("left_minor", "moving_minor"))
    return Holding(row["id"], row["address"], left, moving)


@dataclass(frozen=True, slots=True)
class OnAddresses:
    """How many addresses should hold something, how much, and what of that may have left them already."""

    count: int
    left_minor: int
    moving_minor: int


async def on_addresses(network: str) -> OnAddresses:
    row = await fetch_one(
        sql(
            f"""SELECT count(*) AS count, coalesce(sum(left_minor), 0)::bigint AS left_minor,
                       coalesce(sum(moving_minor), 0)::bigint AS moving_minor
                  FROM ({HOLDING} WHERE w.network = {{}} AND w.received_minor > w.swept_minor) x""",
            network,
        )
    )
    return OnAddresses(row["count"], row["left_minor"], row["moving_minor"]) if row else OnAddresses(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Books:
    """What the books say of one currency: what we owe, and where it should be."""

    liabilities: Money
    deposits: Money
    treasury: Money


async def books(network: str, currency: str) -> Books:
    """Liabilities of all kinds; what stands on the network's deposit addresses and main wallet."""
    row = await fetch_one(
        sql(
            """SELECT coalesce(sum(own) FILTER (WHERE side = 'liability'), 0)::bigint AS owed,
                      coalesce(-sum(own) FILTER (WHERE name = 'gateway:' || {} || ':deposit'), 0)::bigint AS deposits,
                      coalesce(-sum(own) FILTER (WHERE name = 'treasury:' || {} || ':main'), 0)::bigint AS treasury
                 FROM (SELECT a.name, l.side, a.own + coalesce((SELECT sum(d.own_delta) FROM ledger_delta d
                                                                 WHERE d.account_id = a.id), 0) AS own
                         FROM ledger_account a JOIN ledger_line l ON l.kind = a.kind WHERE a.currency = {}) x""",
            network,
            network,
            currency,
        )
    )
    if row is None:
        raise AssertionError("an aggregate has a row")
    return Books(*(Money(row[name], currency) for name in ("owed", "deposits", "treasury")))
