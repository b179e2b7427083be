"""The steps of a payment's check that write: claim, credit, settle, and how it went. [spec/deals §7.1]

Each is a unit of its own and begins with the claim's token: whoever comes too late writes nothing. What was done stays done;
what was not is found undone by the next check.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from models.kernel.clock import now
from models.kernel.sql import TRUE, sql
from models.kernel.viewer import Viewer
from models.payments import postings
from models.payments.lifecycle import PaymentStatus, Step, covered, exception_of
from models.payments.operations.arrivals import Arrived
from models.payments.operations.noting import mark_step
from models.payments.reads import WalletRecord
from models.payments.tables import ERROR_MAX, Deposit, Payment, Wallet
from models.unit import Unit, step
from models.work.claims import claim, release, still_ours
from settings import settings


@dataclass(frozen=True, slots=True)
class Claimed:
    """A payment that is ours until its lease ends, as it stands."""

    id: int
    token: UUID
    marks: int
    person_id: int
    currency: str
    status: PaymentStatus
    covered: bool
    failures: int
    created_at: datetime
    expires_at: datetime
    sweep_deferred: str | None
    service: str
    wallet: WalletRecord | None

    def __repr__(self) -> str:
        return f"<payment {self.id} at {self.service}>"


@step()
async def claim_due(
    work: Unit, *, marked: bool, before: datetime, limit: int, lease_seconds: int, by: Viewer
) -> list[Claimed]:
    """Take payments that were due `before` a moment: those with something to do, or those only to be asked about. The
    longest due come first."""
    sort = "r.marks > 0" if marked else "r.marks = 0"
    due = sql(f"{sort} AND r.next_check_at <= {{}}", before)
    rows = await claim(work, Payment, due, limit=limit, lease_seconds=lease_seconds, order="r.next_check_at, r.id")
    return await _claimed(work, rows)


async def _claimed(work: Unit, rows: Sequence[Payment]) -> list[Claimed]:
    services = {row["id"]: row["service"] for row in await work.db.fetch("SELECT id, service FROM payment_gateway")}
    wallets = {
        row["payment_id"]: WalletRecord.of(row)
        for row in await work.db.fetch(
            "SELECT * FROM wallet WHERE payment_id = ANY($1::bigint[])", [r.id for r in rows]
        )
    }
    return [_record(row, services[row.gateway_id], wallets.get(row.id)) for row in rows]


def _record(row: Payment, service: str, wallet: WalletRecord | None) -> Claimed:
    if row.lease_token is None:
        raise AssertionError("a claimed row has a token")
    return Claimed(
        id=row.id,
        token=row.lease_token,
        marks=row.marks,
        person_id=row.person_id,
        currency=row.currency,
        status=row.status,
        covered=covered(row),
        failures=row.failures,
        created_at=row.created_at,
        expires_at=row.expires_at,
        sweep_deferred=row.sweep_deferred,
        service=service,
        wallet=wallet,
    )


@step()
async def credit(
    work: Unit, claimed: Claimed, arrived: Sequence[Arrived], gone: Sequence[str], *, by: Viewer
) -> Claimed | None:
    """Steps BALANCE and CREDIT: every deposit that is not credited yet, what arrived and not what was asked for.

    `gone` are transactions seen before that the chain has no more; what stands in a solid block is never gone. Locks the
    payment, its wallet, then accounts. Posts `credit`, one transfer for each deposit under a key that can be used only once.
    None: the claim is over, and nothing is written.
    """
    payment = await still_ours(work, Payment, claimed.id, claimed.token)
    if payment is None:
        return None
    wallet = await locked_wallet(work, payment.id)
    marks = payment.marks
    known = {(d.tx_id, d.log_index): d for d in await Deposit.filter(payment_id=payment.id)}
    at = await work.moment()
    for deposit in known.values():
        open_still = deposit.credited_at is None and deposit.dropped_at is None
        if deposit.tx_id in gone and open_still and not deposit.solid:
            deposit.dropped_at = at
            await work.amend(deposit)
            await work.record(payment, "drop_deposit", tx_id=deposit.tx_id)
    fresh = [d for a in arrived for d in [_deposit(payment, wallet, a, known, at)] if d is not None]
    if fresh:
        await credited(work, payment, wallet, fresh, at)
        await mark_step(work, payment, Step.BALANCE)
        await mark_step(work, payment, Step.CREDIT, ", ".join(f"{d.tx_id}:{d.log_index}" for d in fresh))
        await work.touch(payment, marks=max(payment.marks, 1), next_check_at=payment.next_check_at or at)
    return replace(
        claimed,
        marks=claimed.marks + payment.marks - marks,
        status=payment.status,
        covered=covered(payment),
        wallet=WalletRecord.of(wallet.columns()),
    )


def _deposit(
    payment: Payment, wallet: Wallet, arrived: Arrived, known: dict[tuple[str, int], Deposit], at: datetime
) -> Deposit | None:
    """The row of what arrived; None where it is credited already."""
    there = known.get((arrived.tx_id, arrived.log_index))
    if there is not None and there.credited_at is not None:
        return None
    deposit = there or Deposit(
        payment_id=payment.id,
        gateway_id=payment.gateway_id,
        network=wallet.network,
        tx_id=arrived.tx_id,
        log_index=arrived.log_index,
        currency=payment.currency,
        seen_at=at,
    )
    deposit.contract, deposit.sender, deposit.block = arrived.contract, arrived.sender, arrived.block
    deposit.amount_minor, deposit.dropped_at, deposit.solid = arrived.amount, None, True
    return deposit


async def credited(work: Unit, payment: Payment, wallet: Wallet | None, fresh: Sequence[Deposit], at: datetime) -> None:
    """Book deposits of a locked payment, and tell of each."""
    await work.post(payment, postings.credit(payment, fresh))
    await tell_credited(work, payment, fresh, at)
    if wallet is not None:
        wallet.received_minor += sum(deposit.amount_minor for deposit in fresh)
        await work.move(wallet, "receive")


async def tell_credited(work: Unit, payment: Payment, fresh: Sequence[Deposit], at: datetime, **facts: Any) -> None:
    """Write what was booked: the deposits, and an event of the payment for each."""
    for deposit in fresh:
        born = deposit.pk is None
        deposit.payment_id, deposit.credited_at = payment.id, at
        await (work.attach(deposit) if born else work.amend(deposit))
        payment.received_minor += deposit.amount_minor
        payment.exception = exception_of(payment)
        told = {"amount_minor": deposit.amount_minor, "tx_id": deposit.tx_id, "log_index": deposit.log_index}
        await work.record(payment, "credit_deposit", **told, **facts)


@step()
async def settle(work: Unit, claimed: Claimed, *, by: Viewer) -> Claimed | None:
    """Step STATUS where nothing is left to be swept, or nothing worth it: all of it came, so the payment succeeds."""
    payment = await still_ours(work, Payment, claimed.id, claimed.token)
    if payment is None:
        return None
    await settled(work, payment)
    return replace(claimed, status=payment.status)


async def settled(work: Unit, payment: Payment) -> None:
    """A locked payment of which all came succeeds; any other stays what it is."""
    if payment.status is PaymentStatus.WAITING and covered(payment):
        payment.settled_at = now()
        await work.move(payment, "settle")
        await mark_step(work, payment, Step.STATUS)


FOR_A_HUMAN = frozenset({"NO_TRX", "FEE_TOO_HIGH"})
"""Reasons to leave coins where they are that do not go away by themselves."""


@step()
async def defer(work: Unit, claimed: Claimed, reason: str | None, *, by: Viewer) -> bool:
    """Say why coins stay where they are for now, and call a human where it takes one; None: they do not any more. Whether a
    human was called."""
    payment = await still_ours(work, Payment, claimed.id, claimed.token)
    if payment is None or payment.sweep_deferred == reason:
        return False
    payment.sweep_deferred = reason
    await work.record(payment, "defer_sweep", reason=reason)
    if reason not in FOR_A_HUMAN or payment.needs_attention:
        return False
    payment.needs_attention = True
    await work.record(payment, "call_for_attention", step=Step.SWEEP.value, error=reason)
    return True


@step()
async def note_step(work: Unit, claimed: Claimed, done: Step, detail: str = "", *, by: Viewer) -> None:
    """Keep that a step was done which writes nothing else of its own."""
    payment = await still_ours(work, Payment, claimed.id, claimed.token)
    if payment is not None:
        await mark_step(work, payment, done, detail)


@step()
async def release_checked(work: Unit, claimed: Claimed, *, again_at: datetime | None, busy: bool, by: Viewer) -> None:
    """The check went well: let go of the payment until `again_at` (None: until something arrives).

    `busy`: there will be something to do then. Whoever marked it meanwhile is heard: his mark stays.
    """
    payment = await still_ours(work, Payment, claimed.id, claimed.token)
    if payment is None:
        return
    if payment.needs_attention and payment.sweep_deferred not in FOR_A_HUMAN:
        payment.needs_attention = False
        await work.record(payment, "recover")
    marks = payment.marks - claimed.marks
    await work.touch(
        payment,
        failures=0,
        failed_step=None,
        last_error=None,
        last_checked_at=now(),
        next_check_at=now() if marks > 0 else again_at,
        marks=max(marks, 0) + busy,
        lease_token=None,
        lease_until=None,
    )


@step()
async def give_back(work: Unit, claimed: Claimed, *, by: Viewer) -> None:
    """There was no time for it: another check takes it at once."""
    payment = await still_ours(work, Payment, claimed.id, claimed.token)
    if payment is not None:
        await work.touch(payment, lease_token=None, lease_until=None)


@dataclass(frozen=True, slots=True)
class Told:
    """Who has to hear of a failure: whoever reads Sentry, once for each step, and a human, once it goes on and on."""

    sentry: bool = False
    human: bool = False
    failures: int = 0


@step()
async def note_failure(
    work: Unit, claimed: Claimed, failed: Step, error: str, *, hopeless: bool = False, outage: bool = False, by: Viewer
) -> Told:
    """Keep why a check failed at a step; the payment stays as it is. [spec/deals §7.1]

    It is looked at again the next minute, later and later once it has failed `payment_failures_max` times; then a human is
    called, or at once where it is `hopeless`, and not at all while there is an `outage`. Where there was only something to be
    asked, that stays so: it does not come before those with something to do.
    """
    payment = await still_ours(work, Payment, claimed.id, claimed.token)
    if payment is None:
        return Told()
    failures, limits = payment.failures + 1, settings()
    sentry = failures == 1 or payment.failed_step != failed.value
    enough = failures >= limits.payment_failures_max and not outage
    human = (hopeless or enough) and not payment.needs_attention
    if human:
        payment.needs_attention = True
        await work.record(payment, "call_for_attention", step=failed.value, error=error[:ERROR_MAX])
    more = max(0, failures - limits.payment_failures_max)
    pause = min(limits.check_payments_period_seconds * 2 ** min(more, 10), limits.payment_back_off_max_seconds)
    release(payment)
    await work.touch(
        payment,
        failures=failures,
        failed_step=failed.value,
        last_error=error[:ERROR_MAX],
        last_checked_at=now(),
        next_check_at=now() + timedelta(seconds=pause) if more or not payment.marks else now(),
        lease_token=None,
        lease_until=None,
    )
    return Told(sentry, human, failures)


async def locked_wallet(work: Unit, payment: int) -> Wallet:
    return await work.lock(Wallet, sql("r.payment_id = {}", payment), visible_to=TRUE)
