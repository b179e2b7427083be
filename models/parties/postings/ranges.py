"""Ranges of money, with or without their bounds. [spec/payouts §6.3]"""

from __future__ import annotations

from dataclasses import dataclass

from models.kernel.money import Money


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of a range; `inclusive` when the end itself belongs to it."""

    money: Money
    inclusive: bool


@dataclass(frozen=True, slots=True)
class CashRange:
    """All amounts between two bounds of one currency; a bound that is absent bounds nothing."""

    lower: Bound | None = None
    upper: Bound | None = None

    def __contains__(self, money: Money) -> bool:
        """Another currency than the bounds' is not within."""
        return _reaches(self.lower, money, 1) and _reaches(self.upper, money, -1)

    def too_little(self, money: Money) -> bool:
        """Whether more of it could be within."""
        return not _reaches(self.lower, money, 1)

    def __str__(self) -> str:
        ends = (
            (self.lower, "at least", "more than"),
            (self.upper, "at most", "less than"),
        )
        return (
            ", ".join(f"{with_ if b.inclusive else without} {b.money}" for b, with_, without in ends if b)
            or "any amount"
        )

    @property
    def currencies(self) -> frozenset[str]:
        """Those of the bounds; more than one can be meant by nobody."""
        return frozenset(bound.money.currency for bound in (self.lower, self.upper) if bound)

    @property
    def empty(self) -> bool:
        """Whether no amount can be within."""
        if self.lower is None or self.upper is None:
            return False
        lower, upper = self.lower, self.upper
        met = lower.money == upper.money and not (lower.inclusive and upper.inclusive)
        return met or upper.money < lower.money


def _reaches(bound: Bound | None, money: Money, direction: int) -> bool:
    """Whether `money` lies beyond the bound, upwards for 1 and downwards for -1."""
    if bound is None:
        return True
    if bound.money.currency != money.currency:
        return False
    beyond = (money.minor - bound.money.minor) * direction
    return beyond > 0 or (beyond == 0 and bound.inclusive)
