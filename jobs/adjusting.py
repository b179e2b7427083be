"""The jobs that put payments right in billing, and that ask whether what providers tell of payments is so.
[spec/disputes §3.6, §5.3]"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from gateways.disputing import (
    ADJUSTMENT_PENDING,
    INVALID_STATUS,
    INVALID_TARGET_STATUS,
    AdjustmentKind,
    AdjustmentOrder,
    BilledAdjustment,
    BilledPayment,
    Transaction,
    confirmed,
)
from gateways.receipts import Refused, Unsure
from jobs.disputing import GONE, NeverConcluded, billing, drain, never_concluded, providers, words
from jobs.running import Tools, tell
from models.disputes import operations as disputes
from models.disputes import postings
from models.disputes.lifecycle import Route
from models.disputes.operations import Begun, ClaimedCallback, ClaimedJob, Unmet
from models.disputes.postings import Order, Standing
from models.kernel.clock import now
from models.kernel.money import Money
from models.work.operations import Report

NO_DOOR = "the adapter has no door for payments"
OTHER_AMOUNT = "billing was told another amount of this payment before"

# adjustments


async def process_adjustments(tools: Tools) -> Report:
    """Order of billing what puts a payment right: one order with each look, and only what billing does not have yet."""
    if tools.outside.billing is None:
        return Report()

    async def claim(limit: int, lease_seconds: int) -> Sequence[ClaimedJob]:
        return await disputes.claim_jobs(limit=limit, lease_seconds=lease_seconds, by=tools.by)

    return await drain(tools, claim, partial(_adjust, tools), partial(_job_put_off, tools))


async def _adjust(tools: Tools, job: ClaimedJob) -> None:
    never_concluded(tools, job.attempts)
    try:
        if await _unpaid(tools, job):
            await _order_next(tools, job)
    except Refused as no:
        if no.code not in GONE:
            raise
        await _failed(tools, job, GONE[no.code])


async def _unpaid(tools: Tools, job: ClaimedJob, unsent: Order | None = None) -> bool:
    """Whether the payment is still to be put right; where it is not, the job has ended, or waits. `unsent`: what was begun, and
    which billing definitely did not take."""
    paid = await billing(tools).payment(job.invoice, job.payment)
    match postings.standing(paid.status):
        case Standing.CAPTURED:
            changed = postings.changed(paid.cost, paid.changed_cost, paid.captured_cost)
            await disputes.job_done(job, changed, captured=True, by=tools.by)
        case Standing.RESTRICTED:
            await _failed(tools, job, f"{disputes.RESTRICTED}: {paid.status}", unsent)
        case Standing.UNSETTLED:
            await _later(tools, job, unsent=unsent)
        case Standing.UNPAID:
            return True
    return False


async def _failed(tools: Tools, job: ClaimedJob, technical: str, unsent: Order | None = None) -> None:
    _tell_unmet(job, technical, await disputes.job_failed(job, technical, unsent=unsent, by=tools.by))


def _tell_unmet(job: ClaimedJob, technical: str, unmet: Unmet | None) -> None:
    """Where no dispute shows that a payment was not put right, whoever reads Sentry hears of it."""
    if unmet is not None and unmet.alone:
        tell(f"adjustment {job.adjustment_id} failed: {technical}", subject=f"adjustment:{job.id}", step="ADJUST")


async def _order_next(tools: Tools, job: ClaimedJob) -> None:
    listed = await billing(tools).adjustments(job.invoice, job.payment)
    made = _ours(job, listed)
    if postings.contradicted(job.changed, made):
        _tell_unmet(job, OTHER_AMOUNT, await disputes.job_contradicted(job, OTHER_AMOUNT, by=tools.by))
        return
    order = postings.next_order(job.amount, job.changed, made)
    if order is None:
        await disputes.job_done(job, job.changed, by=tools.by)
    elif any(one.pending for one in listed):
        await _later(tools, job)
    elif begun := await disputes.begin_order(job, order, by=tools.by):
        await _ordered(tools, job, begun)


def _ours(job: ClaimedJob, listed: Sequence[BilledAdjustment]) -> dict[Order, Money | None]:
    """What billing has of this very job, with its amounts: found by its reason, in whatever state. One that captures
    bears it on its target too."""
    reason = postings.reason(job.adjustment_id).casefold()
    return {
        Order(one.kind.value): one.amount
        for one in listed
        if one.reason.casefold() == reason
        and (one.kind is AdjustmentKind.CASH_FLOW or one.target_reason.casefold() == reason)
    }


async def _ordered(tools: Tools, job: ClaimedJob, begun: Begun) -> None:
    order = begun.order
    try:
        await billing(tools).adjust(
            AdjustmentOrder(
                postings.key(job.adjustment_id, order),
                job.invoice,
                job.payment,
                AdjustmentKind(order.value),
                postings.reason(job.adjustment_id),
                job.changed if order is Order.CASH_FLOW else None,
            )
        )
    except Refused as no:
        await _not_ordered(tools, job, begun, no)
        return
    if order is Order.CASH_FLOW:
        await disputes.ordered(job, by=tools.by)
    else:
        await disputes.job_done(job, job.changed, by=tools.by)


async def _not_ordered(tools: Tools, job: ClaimedJob, begun: Begun, no: Refused) -> None:
    """A definite no is one to what was never said before; what was said before may be the very one that billing works on, or that
    changed the payment meanwhile: whether it did is asked."""
    unsent = begun.order if begun.first else None
    if no.code == ADJUSTMENT_PENDING:
        await _later(tools, job, unsent=unsent)
    elif no.code in (INVALID_STATUS, INVALID_TARGET_STATUS):
        if await _unpaid(tools, job, unsent):
            await _failed(tools, job, disputes.RESTRICTED, unsent)
    elif no.code in GONE:
        await _failed(tools, job, GONE[no.code], unsent)
    else:
        raise no


async def _later(tools: Tools, job: ClaimedJob, *, unsent: Order | None = None) -> None:
    if await disputes.job_later(job, unsent=unsent, by=tools.by):
        gave_up = f"adjustment {job.adjustment_id} gave up waiting for billing"
        tell(gave_up, subject=f"adjustment:{job.id}", step="WAIT", attention=True)


async def _job_put_off(tools: Tools, job: ClaimedJob, error: Exception) -> None:
    failures, gave_up = await disputes.job_put_off(
        job, words(error), begun=not isinstance(error, NeverConcluded), by=tools.by
    )
    if failures == 1 or gave_up:
        tell(error, subject=f"adjustment:{job.id}", step="ADJUST", attempt=failures, attention=gave_up)


# what providers tell of payments


async def check_payment_callbacks(tools: Tools) -> Report:
    """Ask providers whether what they told is so; what is becomes an adjustment, with a dispute or without."""
    if tools.outside.billing is None:
        return Report()

    async def claim(limit: int, lease_seconds: int) -> Sequence[ClaimedCallback]:
        return await disputes.claim_callbacks(limit=limit, lease_seconds=lease_seconds, by=tools.by)

    return await drain(tools, claim, partial(_check, tools), partial(_callback_put_off, tools))


async def _check(tools: Tools, told: ClaimedCallback) -> None:
    never_concluded(tools, told.attempts)
    try:
        paid = await billing(tools).payment(told.invoice, told.payment)
    except Refused as no:
        await disputes.callback_ended(told, "ignore", GONE.get(no.code, no.code), by=tools.by)
        return
    match postings.standing(paid.status):
        case Standing.CAPTURED:
            await disputes.callback_ended(told, "ignore", "the payment is captured", by=tools.by)
        case Standing.RESTRICTED:
            await disputes.callback_ended(told, "ignore", f"the payment is {paid.status}", by=tools.by)
        case _:
            await _check_at_provider(tools, told, paid)


async def _check_at_provider(tools: Tools, told: ClaimedCallback, paid: BilledPayment) -> None:
    """By the route that the payment has now."""
    if paid.terminal is None or not paid.provider_trx:
        await disputes.callback_ended(told, "ignore", "the payment has no route", by=tools.by)
        return
    terminal = await billing(tools).terminal(paid.terminal)
    route = Route.of(terminal.url, terminal.options, tools.settings.dispute_polling_minutes)
    due = told.created_at + route.callback_delay
    if now() < due:
        await disputes.callback_delayed(told, due, by=tools.by)
        return
    transaction = Transaction(told.invoice, told.payment, paid.provider_trx, terminal.options, paid.trx_info)
    checked = await confirmed(providers(tools), route.payments_url, transaction, paid.cost.currency)
    if not checked.asked:
        raise Unsure("providers", "check_payment", NO_DOOR)
    if checked.success:
        await disputes.callback_confirmed(told, paid.cost, checked.changed, by=tools.by)
    else:
        await disputes.callback_ended(told, "deny", "the provider does not confirm it", by=tools.by)


async def _callback_put_off(tools: Tools, told: ClaimedCallback, error: Exception) -> None:
    begun = not isinstance(error, NeverConcluded)
    put_off = await disputes.callback_put_off(told, words(error), begun=begun, by=tools.by)
    if put_off.failures == 1 or put_off.human:
        tell(
            error,
            subject=f"payment_callback:{told.id}",
            step="CHECK",
            attempt=put_off.failures,
            attention=put_off.human,
        )
