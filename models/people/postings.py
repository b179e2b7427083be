"""Which accounts people have, and what moves on them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

from models.kernel.money import Money
from models.ledger.chart import Account, Line, Policy, Side, adjustments
from models.ledger.transfers import Movement, Transfer
from models.people.tables import Person, owner

AVAILABLE = Line(
    "person.available",
    "person:{}:available",
    Side.LIABILITY,
    Policy.FLOORED,
    "What a person can spend: we owe it to him.",
    announced=True,
)
ADJUSTMENT = "adjustment"


def available(person: int, currency: str) -> Account:
    return AVAILABLE.account(person, currency, owner=owner(person))


def adjust(person: Person, money: Money, reason: str) -> list[Transfer]:
    """An operator's correction: given out of the house's adjustments, or taken back into them."""
    house, his = adjustments(money.currency), available(person.id, money.currency)
    source, target = (house, his) if money.minor > 0 else (his, house)
    key = f"adjust:{person.subject}:{person.version + 1}"
    return [Transfer(ADJUSTMENT, source, target, abs(money), key, note=reason)]


def worked() -> Iterator[Movement]:
    """What an adjustment posts, up and down."""
    person = cast(Person, SimpleNamespace(id=1, subject="person:1", version=0))
    for minor in (100, -100):
        yield "adjust", adjust(person, Money(minor, "EUR"), "an example")
