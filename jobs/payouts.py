"""The jobs of payouts: run schedules, deliver what was confirmed, ask what became of what got no answer. [spec/payouts §0]"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import structlog

from gateways.orders import Order, Payer, Receipt
from gateways.receipts import Refused, Unsure
from jobs.running import Tools, each, tell
from models.kernel.clock import now
from models.kernel.refusals import Busy, IllegalMove, Refusal
from models.ledger.errors import InsufficientFunds
from models.parties.reads import checkout
from models.payouts import operations as payouts
from models.payouts import reads
from models.payouts.lifecycle import AttemptKind, DeliveryStatus, PayoutStatus, RunOutcome
from models.payouts.operations import Asked, Begun, Claimed, Due
from models.payouts.postings import largest
from models.payouts.reads import PayoutRecord
from models.work.operations import Report

log = structlog.get_logger("jobs")
TIME_USED = 0.6
"""Of a tick's timeout: what is begun later might not end within it."""

# schedules


async def run_payout_schedules(tools: Tools) -> Report:
    """Pay out each shop whose moment has come. A moment that was missed is made up once; one that could not be done now is tried
    again; one that is refused waits for the next."""
    limits, until, done, failures = tools.settings, _until(tools), 0, 0
    while True:
        claimed = await payouts.claim_due(
            limit=limits.payout_schedules_at_once, lease_seconds=limits.payout_lease_seconds, by=tools.by
        )
        part = await each(
            claimed, partial(_run, tools), at_once=limits.payout_schedules_at_once, failed=partial(_put_off, tools)
        )
        done, failures = done + part.done, failures + part.failures
        if len(claimed) < limits.payout_schedules_at_once or time.monotonic() > until:
            return Report(done, failures)


async def _run(tools: Tools, due: Due) -> None:
    made = await _finished(tools, due)
    outcome: RunOutcome = RunOutcome.CREATED
    no: Refusal | None = None
    try:
        made = made or await _made(tools, due)
        if made is None:
            outcome = RunOutcome.TOO_LITTLE
    except InsufficientFunds as short:
        outcome, no = RunOutcome.TOO_LITTLE, short
    except Busy:
        raise
    except Refusal as refused:
        outcome, no = RunOutcome.REFUSED, refused
    payout = made.payout_id if made else None
    if await payouts.conclude(due, outcome, payout=payout, no=no, by=tools.by):
        tell(f"schedule {due.id} is refused again and again: {no}", subject=f"payout_schedule:{due.id}", step="RUN")


async def _finished(tools: Tools, due: Due) -> PayoutRecord | None:
    """What somebody made and did not live to finish is finished first, as it was meant when it was made; that of this moment."""
    made = None
    for one in await reads.begun(due.id, due.done):
        if one.auto_confirm:
            await _confirmed(tools, one.payout)
        if one.payout.slot == due.slot.at:
            made = one.payout
    return made


async def _made(tools: Tools, due: Due) -> PayoutRecord | None:
    """All that the shop's settlement can give, confirmed where that is wanted; None: it is less than is worth it."""
    state = await checkout(due.party, due.shop)
    available = await reads.available(state.shop)
    if available < due.least:
        return None
    found = largest(state, available, now(), strict=tools.settings.payout_strict)
    if found is None or found.requested < due.least:
        return None
    asked = Asked(due.party, due.shop, found.requested, due.payout_id)
    made = await payouts.make(asked, slot=due.slot, by=tools.by)
    if due.auto_confirm:
        await _confirmed(tools, made)
    return made


async def _confirmed(tools: Tools, made: PayoutRecord) -> None:
    """Unless somebody was quicker, or has taken it back."""
    if made.status is PayoutStatus.UNPAID:
        try:
            await payouts.confirm(made.id, by=tools.by)
        except IllegalMove:
            log.info("payout_not_confirmed", payout=made.payout_id)


async def _put_off(tools: Tools, due: Due, error: Exception) -> None:
    told = await payouts.put_off(due, f"{type(error).__name__}: {error}", by=tools.by)
    if told.attempts == 1 or told.human:
        tell(error, subject=f"payout_schedule:{due.id}", step="RUN", attempt=told.attempts, attention=told.human)


# deliveries

Deed = Callable[[Tools, Claimed], Awaitable[None]]


async def deliver_payouts(tools: Tools) -> Report:
    """Send what was never sent. Each is written down as being sent before it is."""
    claimed = await payouts.claim_queued(**_share(tools), by=tools.by)
    return await _each_in_time(tools, claimed, _send)


async def resolve_unknown_deliveries(tools: Tools) -> Report:
    """Ask what became of what got no answer; what never came is sent again, under the same key."""
    claimed = await payouts.claim_unknown(**_share(tools), by=tools.by)
    return await _each_in_time(tools, claimed, _resolve)


def _share(tools: Tools) -> dict[str, int]:
    limits = tools.settings
    return {"limit": limits.delivery_batch, "lease_seconds": limits.payout_lease_seconds}


async def _each_in_time(tools: Tools, claimed: Sequence[Claimed], deed: Deed) -> Report:
    """What there is no time for is given back: a tick ends by itself, not in the middle of a call."""
    until = _until(tools)

    async def in_time(one: Claimed) -> None:
        if time.monotonic() > until:
            await payouts.give_back(one, by=tools.by)
        else:
            await deed(tools, one)

    return await each(claimed, in_time, at_once=tools.settings.delivery_at_once, failed=partial(_not_done, tools))


def _until(tools: Tools) -> float:
    return time.monotonic() + tools.settings.payout_timeout_seconds * TIME_USED


async def _resolve(tools: Tools, claimed: Claimed) -> None:
    payer = _payer(tools, claimed)
    begun = await payouts.begin(claimed, AttemptKind.INQUIRE, by=tools.by)
    if begun is None:
        return
    try:
        receipt = await payer.find(begun.key)
    except Refused as no:
        await payouts.refused(claimed, no.code, by=tools.by)
    else:
        if receipt is not None:
            if receipt.amount not in (None, begun.amount):
                raise Unsure(claimed.kind.value, "find", f"{receipt.amount} were sent, {begun.amount} were to be")
            await payouts.delivered(claimed, receipt.reference, by=tools.by)
        elif await payouts.absent(claimed, by=tools.by):
            await _send(tools, claimed)


async def _send(tools: Tools, claimed: Claimed) -> None:
    payer = _payer(tools, claimed)
    begun = await payouts.begin(claimed, AttemptKind.SEND, by=tools.by)
    if begun is None:
        return
    try:
        receipt: Receipt = await payer.send(_order(claimed, begun))
    except Refused as no:
        await payouts.refused(claimed, no.code, by=tools.by)
    else:
        await payouts.delivered(claimed, receipt.reference, by=tools.by)


def _payer(tools: Tools, claimed: Claimed) -> Payer:
    """Asked before anything is written down: where there is none, nothing was sent."""
    found = tools.outside.payer(claimed.kind.value)
    if found is None:
        raise Unsure(claimed.kind.value, "payer", "this worker has no gateway for it")
    return found


def _order(claimed: Claimed, begun: Begun) -> Order:
    return Order(begun.key, begun.amount, claimed.kind.value, begun.destination, begun.note)


async def _not_done(tools: Tools, claimed: Claimed, error: Exception) -> None:
    """Neither yes nor no: what became of it is asked later. Told once, and once more when a human has to look."""
    told = await payouts.unsure(claimed, f"{type(error).__name__}: {error}", by=tools.by)
    if told.sentry or told.human:
        step = "SEND" if claimed.status is DeliveryStatus.QUEUED else "INQUIRE"
        tell(error, subject=f"payout:{claimed.payout}", step=step, attempt=told.failures, attention=told.human)
