"""The jobs that carry disputes: to their providers, after their answers, and after what billing settles meanwhile.
[spec/disputes §3.2, §3.3, §3.8]

Each claims, asks, and concludes. A provider is asked to open a dispute under the dispute's own id, so that whoever does it once
more opens nothing more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from gateways.disputing import (
    Accepted,
    AlreadyExists,
    BilledPayment,
    Created,
    Declined,
    DisputeOrder,
    Evidence,
    PaymentChecked,
    RetryLater,
    StillPending,
    Terminal,
    Transaction,
    Unexpected,
    Upheld,
    confirmed,
    no_such_door,
)
from gateways.receipts import Refused, Unsure
from jobs.disputing import (
    GONE,
    Gathered,
    NeverConcluded,
    billing,
    drain,
    never_concluded,
    providers,
    storage,
    support,
    words,
)
from jobs.running import Tools, tell
from models.disputes import operations as disputes
from models.disputes import postings, reads
from models.disputes.lifecycle import WAITING_FOR_HUMANS, DisputeStatus, Route, decoded, tells_why, unplaced
from models.disputes.operations import NOTHING, Claimed, Confirmed, Found
from models.disputes.postings import Standing
from models.kernel.money import Money
from models.work.operations import Report

CONTRADICTION = "the provider upholds the dispute and does not confirm the payment"
UNSETTLED = "the payment has not ended in billing within the time that there is for a dispute"
NOT_NOW = "the provider wants to be asked later, and the time that there is for a dispute is over"
FORGOTTEN = (*sorted(WAITING_FOR_HUMANS), DisputeStatus.CREATE_ADJUSTMENT)


async def process_created_disputes(tools: Tools) -> Report:
    """Take new disputes to whoever decides them."""
    return await _drained(tools, DisputeStatus.CREATED, _create)


async def process_pending_disputes(tools: Tools) -> Report:
    """Ask providers what became of theirs."""
    return await _drained(tools, DisputeStatus.PENDING, _poll)


async def process_forgotten_disputes(tools: Tools) -> Report:
    """Notice what billing settled of those that no provider is asked about, and call humans that are late."""
    parts = [await _drained(tools, status, _notice, 1 / len(FORGOTTEN)) for status in FORGOTTEN]
    return Report(sum(part.done for part in parts), sum(part.failures for part in parts))


Body = Callable[[Tools, Claimed], Awaitable[datetime | None]]
"""What is done with one dispute. A moment: nothing is new, and it is looked at again then; None: it was concluded."""


async def _drained(tools: Tools, status: DisputeStatus, body: Body, share: float = 1) -> Report:
    if tools.outside.billing is None:
        return Report()

    async def claim(limit: int, lease_seconds: int) -> Sequence[Claimed]:
        return await disputes.claim_due(status, limit=limit, lease_seconds=lease_seconds, by=tools.by)

    quiet = Gathered(partial(disputes.later, by=tools.by))

    async def one(claimed: Claimed) -> None:
        never_concluded(tools, claimed.attempts)
        again_at = await body(tools, claimed)
        if again_at is not None:
            quiet.add((claimed, again_at))

    try:
        return await drain(tools, claim, one, partial(_put_off, tools), share=share)
    finally:
        await quiet.end()


async def _put_off(tools: Tools, claimed: Claimed, error: Exception) -> None:
    told = await disputes.put_off(claimed, words(error), begun=not isinstance(error, NeverConcluded), by=tools.by)
    if told.failures == 1 or told.human:
        tell(
            error, subject=f"dispute:{claimed.id}", step=claimed.status.name, attempt=told.failures,
            attention=told.human,
        )  # fmt: skip


# what billing says, for all of them


async def _settled(tools: Tools, claimed: Claimed) -> BilledPayment | None:
    """The payment as billing has it, where that does not end the dispute; None: it has ended it."""
    try:
        paid = await billing(tools).payment(claimed.invoice, claimed.payment)
    except Refused as no:
        if no.code not in GONE:
            raise
        await disputes.failed(claimed, GONE[no.code], by=tools.by)
        return None
    match postings.standing(paid.status):
        case Standing.CAPTURED:
            changed = postings.changed(paid.cost, paid.changed_cost, paid.captured_cost)
            await disputes.succeeded(claimed, changed, by=tools.by)
        case Standing.RESTRICTED:
            await disputes.failed(claimed, f"{disputes.RESTRICTED}: {paid.status}", by=tools.by)
        case _:
            return paid
    return None


@dataclass(frozen=True, slots=True)
class _Asking:
    """Whom to ask about a dispute, and as what he knows its payment."""

    route: Route
    transaction: Transaction
    found: Found


async def _asking(tools: Tools, claimed: Claimed, paid: BilledPayment) -> _Asking:
    """By the route that the payment had when the dispute was created."""
    terminal: Terminal = await billing(tools).terminal(claimed.terminal)
    route = Route.of(terminal.url, terminal.options, tools.settings.dispute_polling_minutes)
    transaction = Transaction(claimed.invoice, claimed.payment, claimed.provider_trx, terminal.options, paid.trx_info)
    return _Asking(route, transaction, Found(paid.payer_email))


async def _checked(tools: Tools, claimed: Claimed, asking: _Asking) -> PaymentChecked:
    """Whether the payment itself succeeded there."""
    url, currency = asking.route.payments_url, claimed.cost.currency
    return await confirmed(providers(tools), url, asking.transaction, currency)


# created


async def _create(tools: Tools, claimed: Claimed) -> datetime | None:
    paid = await _settled(tools, claimed)
    if paid is None:
        return None
    held = tools.settings.dispute_hold_until_final and postings.standing(paid.status) is Standing.UNSETTLED
    if held:
        return await _wait(tools, claimed, UNSETTLED)
    asking = await _asking(tools, claimed, paid)
    checked = await _checked(tools, claimed, asking)
    if checked.success:
        await disputes.confirmed(claimed, Confirmed(checked.changed, checked.changed), asking.found, by=tools.by)
        return None
    evidence = await _evidence(tools, claimed)
    if not evidence:
        await disputes.failed(claimed, disputes.NO_ATTACHMENTS, by=tools.by)
        return None
    found = Found(paid.payer_email, await _risk_score(tools, claimed))
    order = DisputeOrder(
        str(claimed.dispute_id), asking.transaction, claimed.amount, claimed.reason, evidence, found.payer_email,
        found.risk_score,
    )  # fmt: skip
    return await _opened(tools, claimed, asking.route, found, order)


async def _wait(
    tools: Tools, claimed: Claimed, why: str, route: Route | None = None, found: Found = NOTHING
) -> datetime | None:
    """Later; past its deadline a human gets it."""
    if not claimed.overdue:
        return claimed.next_check(route.polling if route else None)
    await disputes.escalated(claimed, found, technical=why, by=tools.by)
    return None


async def _risk_score(tools: Tools, claimed: Claimed) -> str | None:
    """Good to know, and no reason to stop, or to wait for long."""
    try:
        async with asyncio.timeout(tools.settings.outside_timeout_seconds):
            return await billing(tools).risk_score(claimed.invoice, claimed.payment)
    except (Refused, Unsure, TimeoutError):
        return None


async def _evidence(tools: Tools, claimed: Claimed) -> list[Evidence]:
    """Addresses of those of its files that are there."""
    kept, files = storage(tools), await reads.files_of(claimed.id)
    there = await kept.present([key for key, _ in files])
    if gone := len(files) - len(there):
        tell(f"{gone} of {len(files)} files are gone", subject=f"dispute:{claimed.id}", step="FILES")
    seconds = tools.settings.dispute_link_seconds
    return [Evidence(await kept.link(key, seconds), mime_type) for key, mime_type in files if key in there]


async def _opened(tools: Tools, claimed: Claimed, route: Route, found: Found, order: DisputeOrder) -> datetime | None:
    if not route.has_api:
        return await _handed_over(tools, claimed, found, order)
    try:
        created = await providers(tools).open(route.disputes_url, order)
    except Unsure as error:
        if await no_such_door(providers(tools), route.disputes_url, error):
            return await _handed_over(tools, claimed, found, order)
        await _explained_or_raise(tools, claimed, error, found)
        return None
    if isinstance(created, Accepted):
        next_check = claimed.next_check(route.polling)
        await disputes.accepted(claimed, created.provider_dispute, next_check, found, by=tools.by)
        return None
    return await _not_taken(tools, claimed, route, found, created)


async def _handed_over(tools: Tools, claimed: Claimed, found: Found, order: DisputeOrder) -> datetime | None:
    created = await support(tools, order)
    if isinstance(created, Accepted):
        await disputes.handed_over(claimed, created.provider_dispute, found, by=tools.by)
        return None
    return await _not_taken(tools, claimed, None, found, created)


async def _not_taken(
    tools: Tools, claimed: Claimed, route: Route | None, found: Found, created: Created
) -> datetime | None:
    match created:
        case Declined(code, reason):
            await _declined(tools, claimed, code, reason, found)
        case AlreadyExists():
            await disputes.exists(claimed, found, by=tools.by)
        case RetryLater():
            return await _wait(tools, claimed, NOT_NOW, route, found)
    return None


async def _declined(tools: Tools, claimed: Claimed, code: str, reason: str | None, found: Found) -> None:
    if unplaced(code):
        message = decoded(reason or "") or code
        await disputes.escalated(claimed, found, technical=None, message=message, by=tools.by)
    else:
        await disputes.declined(claimed, code, reason, found, by=tools.by)


async def _explained_or_raise(tools: Tools, claimed: Claimed, error: Unsure, found: Found) -> None:
    """Where an adapter's own words about its failure are enough for a human, he has it now; else it is asked again."""
    if not isinstance(error, Unexpected) or not tells_why(error.reason):
        raise error
    technical = f"{disputes.UNEXPECTED}: {decoded(error.reason)}"
    await disputes.escalated(claimed, found, technical=technical, by=tools.by)


# pending


async def _poll(tools: Tools, claimed: Claimed) -> datetime | None:
    paid = await _settled(tools, claimed)
    if paid is None:
        return None
    if claimed.provider_dispute is None:
        await disputes.stepped_back(claimed, by=tools.by)
        return None
    asking = await _asking(tools, claimed, paid)
    try:
        decided = await providers(tools).check_dispute(
            asking.route.disputes_url, claimed.provider_dispute, asking.transaction, claimed.cost.currency
        )
    except Unexpected as error:
        await _explained_or_raise(tools, claimed, error, asking.found)
        return None
    match decided:
        case StillPending():
            return await _undecided(tools, claimed, asking.route)
        case Upheld(changed, message):
            return await _upheld(tools, claimed, asking, changed, message)
        case Declined(code, reason):
            await _declined(tools, claimed, code, reason, asking.found)
    return None


async def _undecided(tools: Tools, claimed: Claimed, route: Route) -> datetime | None:
    """Only now the deadline counts: what is decided late is decided all the same."""
    if not claimed.overdue:
        return claimed.next_check(route.polling)
    await disputes.expired(claimed, by=tools.by)
    return None


async def _upheld(
    tools: Tools, claimed: Claimed, asking: _Asking, changed: Money | None, message: str | None
) -> datetime | None:
    """It is confirmed only where the payment itself is; a contradiction waits, at last for a human."""
    checked = await _checked(tools, claimed, asking)
    if not checked.success:
        return await _wait(tools, claimed, CONTRADICTION, asking.route, asking.found)
    await disputes.confirmed(claimed, Confirmed(checked.changed, changed, message), asking.found, by=tools.by)
    return None


# those that no provider is asked about


async def _notice(tools: Tools, claimed: Claimed) -> datetime | None:
    if await _settled(tools, claimed) is None:
        return None
    if not claimed.waits_too_long:
        return claimed.next_check()
    if await disputes.called_for(claimed, by=tools.by):
        waits = f"dispute {claimed.dispute_id} waits for a human"
        tell(waits, subject=f"dispute:{claimed.id}", step="HUMAN", attention=True)
    return None
