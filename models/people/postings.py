"""Which accounts people have, and what moves on them. Pure."""

from __future__ import annotations

from models.kernel.money import Money
from models.ledger.chart import Account, Line, Policy, Side, adjustments
from models.ledger.transfers import Transfer
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
