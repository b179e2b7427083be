"""What can be done with deals. Each verb locks the deal, tries the money, moves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from models.deals import postings
from models.deals.errors import (
    CUSTOMER_IS_PERFORMER,
    CUSTOMER_USER_NOT_FOUND,
    DEAL_NOT_FOUND,
    PERFORMER_USER_NOT_FOUND,
    DealDisputeAlreadyClosed,
    DealDisputeAlreadyCreated,
    DealHasOpenDispute,
)
from models.deals.lifecycle import CLOSINGS, LIFECYCLE, DisputeStatus, Resolution
from models.deals.reads import DealRecord
from models.deals.tables import DESCRIPTION_MAX, TITLE_MAX, Deal, DealDispute
from models.deals.views import visible_to
from models.events.requests import Request
from models.kernel.clock import now
from models.kernel.inputs import text
from models.kernel.lifecycle import AlreadyThere
from models.kernel.money import Money
from models.kernel.refusals import (
    NOT_PARTICIPANT,
    CurrencyNotSupported,
    FieldProblem,
    IllegalMove,
    InvalidAmount,
    InvalidInput,
    NotAllowed,
    NotFound,
    VersionConflict,
)
from models.kernel.sql import TRUE, sql
from models.kernel.viewer import OPERATOR, SERVICE, USER, Viewer
from models.ledger.errors import InsufficientFunds
from models.unit import Unit, operation, step
from settings import settings

COMMENT_MAX = 2_000
BPS = 10_000


@dataclass(frozen=True, slots=True)
class Offer:
    """What a deal is about, as it was asked: a person who is not known is None, the price may be none."""

    customer: int | None
    performer: int | None
    title: str
    description: str
    amount: Decimal
    currency: str
    deadline_at: datetime | None = None


@operation(answers=DealRecord, refuses=(NotFound, NotAllowed, InvalidInput, InvalidAmount, CurrencyNotSupported))
async def offer(work: Unit, made: Offer, *, by: Viewer, request: Request | None = None) -> Deal:
    """A customer, or a service for him, offers a deal to a performer. [spec/deals §3 row 3]

    The fee is fixed here. Refuses CUSTOMER_USER_NOT_FOUND before PERFORMER_USER_NOT_FOUND, NOT_PARTICIPANT for a customer
    who is not the asker, then what is wrong with the offer.
    """
    customer, performer = await _parties(work, made)
    if not by.has(SERVICE) and not (by.has(USER) and by.person == customer):
        raise NotAllowed("offer", code=NOT_PARTICIPANT)
    price = _judge(made)
    deal = Deal(
        title=made.title,
        description=made.description,
        price_minor=price.minor,
        fee_minor=price.minor * settings().deal_fee_bps // BPS,
        currency=price.currency,
        customer_id=customer,
        performer_id=performer,
        service=by.subject if by.has(SERVICE) else None,
        deadline_at=made.deadline_at,
    )
    return await work.open(deal)


async def _parties(work: Unit, offer: Offer) -> tuple[int, int]:
    """Both must be somebody; what is missing of the customer is told first."""
    known = {
        row["id"]
        for row in await work.db.fetch("SELECT id FROM person WHERE id = ANY($1)", [offer.customer, offer.performer])
    }
    if offer.customer is None or offer.customer not in known:
        raise NotFound("customer", code=CUSTOMER_USER_NOT_FOUND)
    if offer.performer is None or offer.performer not in known:
        raise NotFound("performer", code=PERFORMER_USER_NOT_FOUND)
    return offer.customer, offer.performer


def _judge(offer: Offer) -> Money:
    """The price, if all is well with the offer."""
    if offer.customer == offer.performer:
        raise InvalidInput(FieldProblem("performer", "must not be the customer"), code=CUSTOMER_IS_PERFORMER)
    problems = [*text("title", offer.title, TITLE_MAX), *text("description", offer.description, DESCRIPTION_MAX)]
    if offer.deadline_at is not None and offer.deadline_at <= now():
        problems.append(FieldProblem("deadlineAt", "must be in the future"))
    if problems:
        raise InvalidInput(*problems)
    if offer.currency not in settings().deal_currencies:
        raise CurrencyNotSupported(offer.currency, settings().deal_currencies)
    return Money.of(offer.amount, offer.currency).positive()


@operation(answers=DealRecord, refuses=(NotFound, NotAllowed, IllegalMove, VersionConflict))
async def confirm(work: Unit, number: int, *, by: Viewer, request: Request | None = None) -> Deal:
    """The performer agrees: the price is held, or the deal waits for the customer's money. [spec/deals §2, §3 row 5]

    Locks the deal, then two accounts. Posts `hold`; where the customer has too little the deal moves to
    WAITING_FOR_PAYMENT, or stays there, and `promote_waiting_deals` comes back to it. Repeated on a confirmed deal: the
    deal, nothing written.
    """
    deal = await _locked(work, number, by)
    LIFECYCLE.may(deal, "confirm", by)
    try:
        await work.post(deal, postings.hold(deal))
    except InsufficientFunds:  # the ledger said no and wrote nothing: the unit goes on
        if deal.status is LIFECYCLE.moves["wait"].target:
            raise AlreadyThere(deal) from None
        return await work.move(deal, "wait")
    return await _confirmed(work, deal, "confirm")


@step(refuses=(NotFound,))
async def promote(work: Unit, number: int, *, by: Viewer) -> bool:
    """Confirm a deal that waited for money, if it fits what there is now. [spec/deals §7.2]

    Whoever promotes several goes through them from the oldest on, waiting for each: so the older comes first, however many
    do so at once. False: it does not fit, or somebody was quicker.
    """
    deal = await work.lock(Deal, sql("r.id = {}", number), visible_to=TRUE)
    if not LIFECYCLE.leads(deal, "promote"):
        return False
    try:
        await work.post(deal, postings.hold(deal))
    except InsufficientFunds:
        return False
    await _confirmed(work, deal, "promote")
    return True


async def _confirmed(work: Unit, deal: Deal, move: str) -> Deal:
    deal.confirmed_at = now()
    return await work.move(deal, move)


@operation(answers=DealRecord, refuses=(NotFound, NotAllowed, IllegalMove, VersionConflict))
async def deny(work: Unit, number: int, *, by: Viewer, request: Request | None = None) -> Deal:
    """The performer does not want it. Nothing was held. [spec/deals §2]"""
    deal = await _locked(work, number, by)
    return await _ended(work, deal, LIFECYCLE.may(deal, "deny", by))


@operation(answers=DealRecord, refuses=(NotFound, NotAllowed, IllegalMove, VersionConflict))
async def cancel(work: Unit, number: int, *, by: Viewer, request: Request | None = None) -> Deal:
    """The customer withdraws it before it was confirmed. Nothing was held. [spec/deals §2]"""
    deal = await _locked(work, number, by)
    return await _ended(work, deal, LIFECYCLE.may(deal, "cancel", by))


@operation(answers=DealRecord, refuses=(NotFound, NotAllowed, IllegalMove, DealHasOpenDispute, VersionConflict))
async def close(work: Unit, number: int, *, by: Viewer, request: Request | None = None) -> Deal:
    """The customer, or an operator, is content: the performer gets the price less the fee. [spec/deals §3 row 13]

    Locks the deal, then its escrow and the performer's account. Posts `release`.
    """
    deal = await _locked(work, number, by)
    move = LIFECYCLE.may(deal, "close", by)
    await work.post(deal, postings.release(deal))
    return await _ended(work, deal, move)


@operation(
    answers=DealRecord,
    refuses=(NotFound, NotAllowed, IllegalMove, DealDisputeAlreadyCreated, InvalidInput, VersionConflict),
)
async def open_dispute(
    work: Unit, number: int, title: str, description: str, *, by: Viewer, request: Request | None = None
) -> Deal:
    """A side of a confirmed deal disputes it, once for ever: only an operator ends it then. [spec/deals §3 row 10]"""
    deal = await _locked(work, number, by)
    LIFECYCLE.may(deal, "open_dispute", by)
    if problems := [*text("title", title, TITLE_MAX), *text("description", description, DESCRIPTION_MAX)]:
        raise InvalidInput(*problems)
    dispute = DealDispute(
        deal_id=deal.id, opened_by=by.person, title=title, description=description, created_at=await work.moment()
    )
    await work.attach(dispute)
    deal.dispute_status = DisputeStatus.OPEN
    return await work.record(deal, "open_dispute", title=title)


@operation(
    answers=DealRecord,
    refuses=(
        NotFound,
        NotAllowed,
        IllegalMove,
        DealDisputeAlreadyClosed,
        InvalidAmount,
        InvalidInput,
        VersionConflict,
    ),
)
async def close_dispute(
    work: Unit,
    number: int,
    resolution: Resolution,
    performer: Decimal | None = None,
    comment: str | None = None,
    *,
    by: Viewer,
    request: Request | None = None,
) -> Deal:
    """An operator decides a dispute: the escrow goes to the performer, back, or to both. [spec/deals §3 rows 11, 12]

    `performer` is his part of a split in the deal's currency, more than nothing and less than the price. Posts `release`,
    `give_back` or `split`.
    Repeated as it was decided: the deal, nothing written; in another way: DEAL_DISPUTE_ALREADY_CLOSED. A deal that
    nobody disputed, whatever its status: DEAL_DISPUTE_DOES_NOT_EXIST.
    """
    deal = await _locked(work, number, by)
    dispute = await DealDispute.get_or_none(deal_id=deal.id)
    if by.has(OPERATOR) and dispute and dispute.resolution:
        decided = Money(dispute.performer_minor or 0, deal.currency).amount
        same = dispute.resolution is resolution and performer in (None, decided)
        raise AlreadyThere(deal) if same else DealDisputeAlreadyClosed
    move = LIFECYCLE.may(deal, CLOSINGS[resolution], by)
    if problems := [] if comment is None else text("comment", comment, COMMENT_MAX):
        raise InvalidInput(*problems)
    share = _share(deal, resolution, performer)
    if dispute is None:
        raise AssertionError("a deal that was disputed has its dispute")
    await work.post(deal, postings.decided(deal, resolution, share))
    dispute.resolution, dispute.resolved_by = resolution, by.subject
    dispute.comment = comment or ""
    dispute.performer_minor, dispute.closed_at = share.minor, await work.moment()
    await work.amend(dispute)
    deal.dispute_status = DisputeStatus.CLOSED
    return await _ended(work, deal, move, resolution=resolution.value, performer_minor=share.minor)


def _share(deal: Deal, resolution: Resolution, performer: Decimal | None) -> Money:
    """What the performer gets of the price, before the fee."""
    if resolution is not Resolution.SPLIT:
        if performer is not None:
            raise InvalidInput(FieldProblem("performerAmount", "belongs to a split alone"))
        return deal.price if resolution is Resolution.PERFORMER else Money(0, deal.currency)
    if performer is None:
        raise InvalidInput(FieldProblem("performerAmount", "a split needs the performer's part"))
    share = Money.of(performer, deal.currency)
    if not 0 < share.minor < deal.price_minor:
        raise InvalidAmount(f"A split leaves something to both: more than nothing and less than {deal.price}.")
    return share


@step(refuses=(NotFound,))
async def expire(work: Unit, number: int, *, by: Viewer) -> bool:
    """The deadline has passed: what was not confirmed is cancelled; of what was, it is noted once. [spec/deals §7.3]

    No money moves by itself. False: somebody was quicker.
    """
    deal = await work.lock(Deal, sql("r.id = {}", number), visible_to=TRUE)
    if LIFECYCLE.leads(deal, "expire"):
        await _ended(work, deal, "expire")
        return True
    if deal.overdue or not LIFECYCLE.leads(deal, "close"):
        return False
    deal.overdue = True
    await work.record(deal, LIFECYCLE.may(deal, "note_overdue", by))
    return True


async def _ended(work: Unit, deal: Deal, move: str, **facts: object) -> Deal:
    deal.closed_at = now()
    return await work.move(deal, move, **facts)


async def _locked(work: Unit, number: int, by: Viewer) -> Deal:
    """Refuses DEAL_NOT_FOUND for a deal that is not there or in which the asker has no part."""
    return await work.lock(Deal, sql("r.id = {}", number), visible_to=visible_to(by), code=DEAL_NOT_FOUND)
