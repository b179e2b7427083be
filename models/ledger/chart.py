"""The chart of accounts: what kinds of account there are and what holds for each. Floors come from here alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """Which side an account of this kind normally stands on; assets and expenses are shown negated."""

    ASSET = "asset"
    EXPENSE = "expense"
    LIABILITY = "liability"
    INCOME = "income"
    EQUITY = "equity"

    @property
    def sign(self) -> int:
        return -1 if self in (Side.ASSET, Side.EXPENSE) else 1


class Policy(StrEnum):
    """How an account is guarded.

    FLOORED: locked; own less what is pending out never goes below zero. OPEN: locked; may go below zero.
    HOT: never locked and never part of a funds check; its changes queue up and are folded. House accounts only.
    """

    FLOORED = "floored"
    OPEN = "open"
    HOT = "hot"


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of account. `name` makes the account's name from the item it belongs to: "person:{}:available"."""

    kind: str
    name: str
    side: Side
    policy: Policy
    about: str
    announced: bool = False
    """Each change is an event that the account's owner may see."""
    held: bool = False
    """What stands here is shown to its owner as held."""
    ends_at_zero: bool = False
    """Must stand at zero once its item has ended; the noun's audit says when that is."""

    def account(self, item: object, currency: str, *, owner: str) -> Account:
        return Account(self, self.name.format(item), owner, currency)


@dataclass(frozen=True, slots=True)
class Account:
    """Which account is meant; it is born with its first posting."""

    line: Line
    name: str
    owner: str
    currency: str


HOUSE = "house"
ADJUSTMENTS_LINE = Line(
    "house.adjustments",
    "house:adjustments",
    Side.EXPENSE,
    Policy.HOT,
    "Corrections made by operators; what they cost us.",
)
LINES: tuple[Line, ...] = (ADJUSTMENTS_LINE,)


def adjustments(currency: str) -> Account:
    return ADJUSTMENTS_LINE.account(HOUSE, currency, owner=HOUSE)
