"""Which accounts deals have, and what moves on them. Pure. [spec/deals §4]"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

from models.deals.lifecycle import CLOSINGS, Resolution
from models.deals.tables import Deal
from models.kernel.money import Money
from models.ledger.chart import HOUSE, Account, Line, Policy, Side
from models.ledger.transfers import Movement, Transfer
from models.people.postings import available
from models.people.tables import owner

ESCROW = Line(
    "deal.escrow",
    "deal:{}:escrow",
    Side.LIABILITY,
    Policy.FLOORED,
    "The price of one deal, between its confirmation and its end.",
    held=True,
    ends_at_zero=True,
)
FEES = Line("revenue.deal_fee", "revenue:deal_fee", Side.INCOME, Policy.HOT, "What deals bring us.")
HOLD, RELEASE, FEE = "deal.hold", "deal.release", "deal.fee"
TO_PERFORMER, TO_CUSTOMER = "dispute.performer", "dispute.customer"
SPLIT_PERFORMER, SPLIT_CUSTOMER = "dispute.split_performer", "dispute.split_customer"
CORRECTIONS = (HOLD, RELEASE, TO_PERFORMER, TO_CUSTOMER, SPLIT_PERFORMER, SPLIT_CUSTOMER)


def escrow(deal: Deal) -> Account:
    """Belongs to the customer until the deal ends."""
    return ESCROW.account(deal.id, deal.currency, owner=owner(deal.customer_id))


def hold(deal: Deal) -> list[Transfer]:
    """Confirmed: the price leaves what the customer has available and waits in the deal's own escrow."""
    return [Transfer(HOLD, _of(deal.customer_id, deal), escrow(deal), deal.price, f"hold:deal:{deal.id}")]


def release(deal: Deal, kind: str = RELEASE) -> list[Transfer]:
    """Ended for the performer: he gets the price less the fee. The escrow stands at zero."""
    return _to_performer(deal, deal.price, kind)


def give_back(deal: Deal) -> list[Transfer]:
    """Ended for the customer: the whole price comes back. The escrow stands at zero."""
    return [Transfer(TO_CUSTOMER, escrow(deal), _of(deal.customer_id, deal), deal.price, _end(deal))]


def split(deal: Deal, performer: Money) -> list[Transfer]:
    """Ended by a split: `performer` for him, less his part of the fee; the rest comes back. The escrow stands at zero."""
    rest = deal.price - performer
    back = Transfer(SPLIT_CUSTOMER, escrow(deal), _of(deal.customer_id, deal), rest, f"back:deal:{deal.id}")
    return [*_to_performer(deal, performer, SPLIT_PERFORMER), back]


def decided(deal: Deal, resolution: Resolution, performer: Money) -> list[Transfer]:
    """What an operator's word moves; `performer` is the performer's share."""
    match resolution:
        case Resolution.PERFORMER:
            return release(deal, TO_PERFORMER)
        case Resolution.CUSTOMER:
            return give_back(deal)
        case Resolution.SPLIT:
            return split(deal, performer)


def worked() -> Iterator[Movement]:
    """What each move posts, of a deal of 100.00 with a fee of 2.50, split in halves."""
    price, fee = Money(10_000, "EUR"), Money(250, "EUR")
    sample = SimpleNamespace(
        id=7, customer_id=1, performer_id=2, currency="EUR", price=price, price_minor=10_000, fee=fee, fee_minor=250
    )
    deal = cast(Deal, sample)
    yield "confirm", hold(deal)
    yield "promote", hold(deal)
    yield "close", release(deal)
    for resolution, move in CLOSINGS.items():
        yield move, decided(deal, resolution, Money(5_000, "EUR"))


def _to_performer(deal: Deal, share: Money, kind: str) -> list[Transfer]:
    """The fee is taken in proportion to what the performer gets, rounded down."""
    fee = Money(deal.fee_minor * share.minor // deal.price_minor, deal.currency)
    paid = Transfer(kind, escrow(deal), _of(deal.performer_id, deal), share - fee, _end(deal))
    house = FEES.account(HOUSE, deal.currency, owner=HOUSE)
    return [paid, *([Transfer(FEE, escrow(deal), house, fee, f"fee:deal:{deal.id}")] if fee else [])]


def _end(deal: Deal) -> str:
    """One key for every way to end: money leaves the escrow once."""
    return f"end:deal:{deal.id}"


def _of(person: int, deal: Deal) -> Account:
    return available(person, deal.currency)
