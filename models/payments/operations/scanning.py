"""What is read off a chain, block by block: which payments it concerns, and how far it was read. [spec/deals §0]

Nothing is credited here. A payment that solid blocks concern is marked, and its check believes only the receipts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from models.kernel.sql import TRUE, sql
from models.kernel.viewer import Viewer
from models.payments.operations.arrivals import Arrived
from models.payments.operations.noting import looked_to, mark_payments, read_to, seen_in_blocks, sighted
from models.payments.reads import WalletRecord
from models.payments.tables import ChainCursor, Payment
from models.unit import Unit, step

NOTHING: Mapping[str, int] = MappingProxyType({})


@step()
async def take_blocks(
    work: Unit,
    network: str,
    first: int,
    last: int,
    arrived: Sequence[Arrived],
    *,
    at: datetime,
    tx_ids: Mapping[str, int] = NOTHING,
    by: Viewer,
) -> int | None:
    """Solid blocks `first` to `last` were read whole: mark the payments that they concern, and move the cursor there.

    `at` is the time of the last one, `tx_ids` are all transactions, each with its block: ours among them are known from now
    on to be on the chain. Locks the chain's key, then payments by number, then sweeps. Answers how many payments were
    marked; None where somebody else has read these blocks already, or not yet those before.
    """
    await work.alone(f"chain:{network}")
    cursor = await ChainCursor.get_or_none(network=network)
    if cursor is not None and cursor.block != first - 1:
        return None
    ours = await _ours(work, network, arrived)
    marked = await mark_payments(work, {wallet.payment_id for _, wallet in ours})
    for one, wallet in ours:
        await sighted(work, one, wallet, solid=True)
    await seen_in_blocks(work, network, tx_ids)
    await read_to(work, network, first, last, at)
    return marked


@step()
async def wake(work: Unit, ids: Sequence[int], *, by: Viewer) -> int:
    """There is something to do for these payments. Locks them by number. How many there were."""
    return await mark_payments(work, ids) if ids else 0


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
        if await sighted(work, one, wallet, solid=False):
            confirmations = head - one.block + 1
            told = {"amount_minor": one.amount, "tx_id": one.tx_id, "block": one.block, "confirmations": confirmations}
            await work.record(payment, "see_deposit", **told)
            new += 1
    await looked_to(work, network, head)
    return new


async def _ours(work: Unit, network: str, arrived: Sequence[Arrived]) -> list[tuple[Arrived, WalletRecord]]:
    """Those transfers that bring something to a wallet of ours; one of nothing is only meant to be seen."""
    to = sorted({one.to for one in arrived if one.amount > 0})
    rows = await work.db.fetch("SELECT * FROM wallet WHERE network = $1 AND address = ANY($2::text[])", network, to)
    wallets = {row["address"]: WalletRecord.of(row) for row in rows}
    return [(one, wallets[one.to]) for one in arrived if one.amount > 0 and one.to in wallets]
