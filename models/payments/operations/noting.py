"""Bookkeeping that is nobody's news: steps that were done, what was seen, who has something to do, how far a chain was read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from models.payments.lifecycle import Step
from models.payments.operations.arrivals import Arrived
from models.payments.reads import WalletRecord
from models.payments.tables import AMOUNT_MAX, ERROR_MAX, Payment
from models.unit import Unit


async def mark_step(work: Unit, payment: Payment, done: Step, detail: str = "") -> None:
    """A step of a locked payment's check was done just now."""
    await work.db.execute(
        """INSERT INTO payment_step (payment_id, step, done_at, detail) VALUES ($1, $2, saldo_now(), $3)
           ON CONFLICT (payment_id, step) DO UPDATE SET done_at = excluded.done_at, detail = excluded.detail""",
        payment.id,
        done.value,
        detail[:ERROR_MAX],
    )


async def mark_payments(work: Unit, payments: Collection[int]) -> int:
    """There is something to do for them. Locks them by number. How many there are."""
    rows = await work.db.fetch(
        """UPDATE payment SET marks = marks + 1, next_check_at = saldo_now() WHERE id IN (
             SELECT id FROM payment WHERE id = ANY($1::bigint[]) ORDER BY id FOR NO KEY UPDATE) RETURNING id""",
        sorted(payments),
    )
    return len(rows)


async def sighted(work: Unit, one: Arrived, wallet: WalletRecord, *, solid: bool) -> bool:
    """Something was seen on its way to a wallet; it is not credited by that. Whether it is new.

    What no row can hold is left to the payment's check, which fails over it: nobody else's deposits wait for that.
    """
    if one.amount > AMOUNT_MAX:
        return False
    at = await work.moment()
    row: Any = await work.db.fetchrow(
        """INSERT INTO deposit (payment_id, gateway_id, solid, network, tx_id, log_index, contract, sender, reference,
                                amount_minor, currency, block, seen_at)
           SELECT $1, gateway_id, $2, $3, $4, $5, $6, $7, '', $8, $9, $10, $11 FROM payment WHERE id = $1
           ON CONFLICT (network, tx_id, log_index) DO UPDATE
              SET payment_id = excluded.payment_id, gateway_id = excluded.gateway_id, contract = excluded.contract,
                  sender = excluded.sender, amount_minor = excluded.amount_minor, currency = excluded.currency,
                  block = excluded.block, solid = deposit.solid OR excluded.solid, dropped_at = NULL
            WHERE deposit.credited_at IS NULL
           RETURNING seen_at = $11 AS fresh""",
        wallet.payment_id, solid, wallet.network, one.tx_id, one.log_index, one.contract, one.sender, one.amount,
        wallet.received.currency, one.block, at,
    )  # fmt: skip
    return bool(row and row["fresh"])


async def seen_in_blocks(work: Unit, network: str, tx_ids: Mapping[str, int]) -> None:
    """Those of our transactions that are among these stand in the solid blocks which are given beside them."""
    await work.db.execute(
        """UPDATE sweep SET seen_block = t.block FROM unnest($2::text[], $3::bigint[]) t(tx_id, block), wallet w
            WHERE sweep.tx_id = t.tx_id AND sweep.status IN ('signed', 'broadcast') AND w.id = sweep.wallet_id
              AND w.network = $1""",
        network,
        list(tx_ids),
        list(tx_ids.values()),
    )


async def read_to(work: Unit, network: str, first: int, block: int, at: datetime) -> None:
    """Every solid block from `first` to this one was read, which is of that moment."""
    await work.db.execute(
        """INSERT INTO chain_cursor (network, first_block, block, block_at, seen_block, scanned_at)
           VALUES ($1, $2, $3, $4, $3, saldo_now())
           ON CONFLICT (network) DO UPDATE SET block = excluded.block, block_at = excluded.block_at,
                  scanned_at = excluded.scanned_at, seen_block = greatest(chain_cursor.seen_block, excluded.block)""",
        network,
        first,
        block,
        at,
    )


async def looked_to(work: Unit, network: str, block: int) -> None:
    """Blocks up to this one were looked at, though they are not solid yet."""
    await work.db.execute(
        "UPDATE chain_cursor SET seen_block = greatest(seen_block, $2) WHERE network = $1", network, block
    )
