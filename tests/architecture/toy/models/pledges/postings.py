"""Which accounts each move of a pledge touches. Pure."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

from models.pledges.tables import Pledge

from models.kernel.money import Money
from models.ledger.chart import Account, Line, Policy, Side
from models.ledger.transfers import Movement, Transfer
from models.people.postings import available
from models.people.tables import owner

PLEDGED = Line(
    "pledge", "pledge:{}", Side.LIABILITY, Policy.FLOORED, "What one pledge holds.", held=True, ends_at_zero=True
)
HOLD, RELEASE = "pledge.hold", "pledge.release"


def pledged(pledge: Pledge) -> Account:
    return PLEDGED.account(pledge.id, pledge.currency, owner=owner(pledge.person_id))


def hold(pledge: Pledge) -> list[Transfer]:
    his = available(pledge.person_id, pledge.currency)
    return [Transfer(HOLD, his, pledged(pledge), pledge.amount, f"hold:pledge:{pledge.id}")]


def release(pledge: Pledge) -> list[Transfer]:
    his = available(pledge.person_id, pledge.currency)
    return [Transfer(RELEASE, pledged(pledge), his, pledge.amount, f"end:pledge:{pledge.id}")]


def worked() -> Iterator[Movement]:
    pledge = cast(Pledge, SimpleNamespace(id=7, person_id=1, currency="EUR", amount=Money(100, "EUR")))
    yield "open", hold(pledge)
    yield "keep", release(pledge)
