"""What is read off a chain, block by block: which payments it concerns, and how far it was read. [spec/deals §0]

Nothing is credited here. A payment that solid blocks concern is marked, and its check believes only the receipts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from models.kernel.sql import TRUE, sql
from models.kernel.viewer import Viewer
from models.payments.operations.checking import Arrived
from models.payments.reads import WalletRecord
from models.payments.tables import ChainCursor, Payment
from models.unit import Unit, step


@step()
async def take_blocks(
    work: Unit, network: str, first: int, last: int, arrived: Sequence[Arrived], *, by: Viewer
) -> int | None:
    """Solid blocks `first` to `last` were read whole: mark the payments that they concern, and move the cursor there.

    Locks the chain's key, then payments by number. Answers how many payments were marked; None where somebody else has
    read these blocks already, or not yet those before.
    """
    await work.alone(f"chain:{network}")
    cursor = await ChainCursor.get_or_none(network=network)
    if cursor is not None and cursor.block != first - 1:
        return None
    ours = await _ours(work, network, arrived)
    marked = await _marked(work, {wallet.payment_id for _, wallet in ours})
    for one, wallet in ours:
        await _sighted(work, one, wallet, solid=True)
    await work.db.execute(
        """INSERT INTO chain_cursor (network, block, seen_block, scanned_at) VALUES ($1, $2, $2, saldo_now())
           ON CONFLICT (network) DO UPDATE SET block = excluded.block, scanned_at = excluded.scanned_at,
                  seen_block = greatest(chain_cursor.seen_block, excluded.block)""",
        network,
        last,
    )
    return marked


@step()
async def see(work: Unit, network: str, head: int, arrived: Sequence[Arrived], *, by: Viewer) -> int:
    """Blocks up to `head` were looked at that are not solid yet: say which payments they would concern. No money moves.

    Locks the chain's key, then payments by number. Answers how many deposits were new.
    """
    await work.alone(f"chain:{network}")
    ours = sorted(await _ours(work, network, arrived), key=lambda pair: pair[1].payment_id)
    new = 0
    for one, wallet in ours:
        payment = await work.lock(Payment, sql("r.id = {}", wallet.payment_id), visible_to=TRUE)
        if await _sighted(work, one, wallet, solid=False):
            confirmations = head - one.block + 1
            told = {"amount_minor": one.amount, "tx_id": one.tx_id, "block": one.block, "confirmations": confirmations}
            await work.record(payment, "see_deposit", **told)
            new += 1
    await work.db.execute(
        "UPDATE chain_cursor SET seen_block = greatest(seen_block, $2) WHERE network = $1", network, head
    )
    return new


async def _ours(work: Unit, network: str, arrived: Sequence[Arrived]) -> list[tuple[Arrived, WalletRecord]]:
    """Those transfers that bring something to a wallet of ours; one of nothing is only meant to be seen."""
    to = sorted({one.to for one in arrived if one.amount > 0})
    rows = await work.db.fetch("SELECT * FROM wallet WHERE network = $1 AND address = ANY($2::text[])", network, to)
    wallets = {row["address"]: WalletRecord.of(row) for row in rows}
    return [(one, wallets[one.to]) for one in arrived if one.amount > 0 and one.to in wallets]


async def _marked(work: Unit, payments: set[int]) -> int:
    rows = await work.db.fetch(
        """UPDATE payment SET marks = marks + 1, next_check_at = saldo_now() WHERE id IN (
             SELECT id FROM payment WHERE id = ANY($1::bigint[]) ORDER BY id FOR NO KEY UPDATE) RETURNING id""",
        sorted(payments),
    )
    return len(rows)


async def _sighted(work: Unit, one: Arrived, wallet: WalletRecord, *, solid: bool) -> bool:
    """Keep that it was seen, uncredited. Whether that is new."""
    at: datetime = await work.db.fetchval("SELECT saldo_now()")
    row: Any = await work.db.fetchrow(
        """INSERT INTO deposit (payment_id, gateway_id, solid, network, tx_id, log_index, contract, sender, reference,
                                amount_minor, currency, block, seen_at)
           SELECT $1, gateway_id, $2, $3, $4, $5, $6, $7, '', $8, $9, $10, $11 FROM payment WHERE id = $1
           ON CONFLICT (network, tx_id, log_index) DO UPDATE
              SET block = excluded.block, solid = deposit.solid OR excluded.solid, dropped_at = NULL
            WHERE deposit.credited_at IS NULL
           RETURNING seen_at = $11 AS fresh""",
        wallet.payment_id, solid, wallet.network, one.tx_id, one.log_index, one.contract, one.sender, one.amount,
        wallet.received.currency, one.block, at,
    )  # fmt: skip
    return bool(row and row["fresh"])
