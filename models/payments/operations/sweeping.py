"""The units of a sweep: plan, sign, say that it was sent, and what became of it. [spec/deals §7.1.1]

Signed bytes are kept before anybody else sees them, and never replaced while they might still get onto the chain.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from models.kernel.money import Money
from models.kernel.sql import TRUE, sql
from models.kernel.viewer import Viewer
from models.payments import postings
from models.payments.lifecycle import LIVE, SENT, Purpose, Step, SweepStatus, WalletStatus
from models.payments.operations.checking import Claimed, locked_wallet, settled
from models.payments.operations.noting import mark_step
from models.payments.reads import SweepRecord, WalletRecord
from models.payments.tables import ERROR_MAX, Payment, Sweep
from models.unit import Unit, step
from models.work.claims import still_ours
from settings import settings


@dataclass(frozen=True, slots=True)
class Done:
    """What the chain says became of a transaction."""

    outcome: str
    fee_minor: int
    energy_used: int


@step()
async def plan(
    work: Unit, claimed: Claimed, purpose: Purpose, to_address: str, money: Money, *, by: Viewer
) -> SweepRecord | None:
    """Open an attempt, or answer the one that is on its way. Locks the payment and its wallet.

    A sweep takes what was credited and not swept, `money` is what is believed to be that; a top-up is `money`. None: the
    claim is over, or there is not so much on the wallet.
    """
    payment = await still_ours(work, Payment, claimed.id, claimed.token)
    if payment is None:
        return None
    wallet = await locked_wallet(work, payment.id)
    live = await Sweep.get_or_none(wallet_id=wallet.id, purpose=purpose, status__in=list(LIVE))
    if live is not None:
        return SweepRecord.of(live.columns())
    if purpose is Purpose.SWEEP and money.minor > wallet.received_minor - wallet.swept_minor:
        return None
    sweep = Sweep(
        payment_id=payment.id,
        wallet_id=wallet.id,
        purpose=purpose,
        to_address=to_address,
        amount_minor=money.minor,
        currency=money.currency,
    )
    await work.open(sweep)
    if payment.sweep_deferred is not None:
        payment.sweep_deferred = None
        await work.record(payment, "defer_sweep", reason=None)
    return SweepRecord.of(sweep.columns())


@step()
async def sign(
    work: Unit, claimed: Claimed, id: int, tx_id: str, raw: str, expires_at: datetime, *, block: int, by: Viewer
) -> SweepRecord | None:
    """Keep the signed bytes, before anybody else sees them: they are in no block up to `block`, which is solid.

    None: the claim is over, so they must not be sent.
    """
    if await still_ours(work, Payment, claimed.id, claimed.token) is None:
        return None
    sweep = await _locked(work, id)
    sweep.tx_id, sweep.raw_tx, sweep.expires_at, sweep.signed_block = tx_id, raw, expires_at, block
    return SweepRecord.of((await work.move(sweep, "sign")).columns())


@step()
async def broadcasted(work: Unit, claimed: Claimed, id: int, *, by: Viewer) -> None:
    """A node took it, or may have."""
    if await still_ours(work, Payment, claimed.id, claimed.token) is None:
        return
    sweep = await _locked(work, id)
    if sweep.status is SweepStatus.SIGNED:
        await work.move(sweep, "broadcast")


@step()
async def confirm(work: Unit, claimed: Claimed, id: int, done: Done, *, by: Viewer) -> Claimed | None:
    """Step STATUS: it is in a solid block. Books what moved and what it cost; and the payment, of which all came, succeeds.

    Locks the payment, its wallet, the sweep, then accounts. Posts `swept`. One transaction: if any of it fails nothing of it
    is written, and the next check finds the transaction on the chain and does only this again.
    """
    payment = await still_ours(work, Payment, claimed.id, claimed.token)
    if payment is None:
        return None
    wallet = await locked_wallet(work, payment.id)
    sweep = await _locked(work, id)
    if sweep.status not in SENT:
        return claimed
    _note(sweep, done)
    await work.post(sweep, postings.swept(sweep, wallet.network))
    await work.move(sweep, "confirm", tx_id=sweep.tx_id)
    if sweep.purpose is Purpose.SWEEP:
        wallet.swept_minor += sweep.amount_minor
        await work.record(wallet, "sweep", amount_minor=sweep.amount_minor)
        await mark_step(work, payment, Step.SWEEP, sweep.tx_id or "")
        if not worth_sweeping(wallet.received_minor - wallet.swept_minor):
            await settled(work, payment)
    return replace(claimed, status=payment.status, wallet=WalletRecord.of(wallet.columns()))


@step()
async def fail_attempt(work: Unit, claimed: Claimed, id: int, done: Done, *, by: Viewer) -> None:
    """It is in a solid block and moved nothing; what it cost is booked. The next attempt is a new one."""
    if await still_ours(work, Payment, claimed.id, claimed.token) is None:
        return
    wallet = await locked_wallet(work, claimed.id)
    sweep = await _locked(work, id)
    if sweep.status in SENT:
        _note(sweep, done)
        sweep.error = done.outcome[:ERROR_MAX]
        if moved := postings.burned(sweep, wallet.network):
            await work.post(sweep, moved)
        await work.move(sweep, "fail", outcome=done.outcome)


@step()
async def expire_attempt(work: Unit, claimed: Claimed, id: int, proof: str, *, by: Viewer) -> None:
    """It is proved that it never will be on the chain: only now may there be another. One that the scan has seen meanwhile
    is on it, whatever the proof."""
    if await still_ours(work, Payment, claimed.id, claimed.token) is None:
        return
    sweep = await _locked(work, id)
    if sweep.status in SENT and sweep.seen_block is None:
        sweep.error = proof[:ERROR_MAX]
        await work.move(sweep, "expire", proof=proof)


@step()
async def transfered(work: Unit, claimed: Claimed, *, by: Viewer) -> None:
    """Step WALLET: nothing of what was credited is left on it."""
    payment = await still_ours(work, Payment, claimed.id, claimed.token)
    if payment is None:
        return
    wallet = await locked_wallet(work, payment.id)
    if wallet.status is WalletStatus.RECEIVED and wallet.swept_minor == wallet.received_minor:
        await work.move(wallet, "transfer")
        await mark_step(work, payment, Step.WALLET)


def worth_sweeping(minor: int) -> bool:
    return minor > 0 and minor >= settings().tron_sweep_min_minor


def _note(sweep: Sweep, done: Done) -> None:
    sweep.fee_minor, sweep.energy_used = done.fee_minor, done.energy_used


async def _locked(work: Unit, id: int) -> Sweep:
    return await work.lock(Sweep, sql("r.id = {}", id), visible_to=TRUE)
