"""How much a posting moves: exact rationals, rounded once per share. [spec/payouts §6.5]"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from models.kernel.money import Money
from models.parties.errors import ConfigurationError

OPERATION_AMOUNT = "operation_amount"
"""The amount that was asked for: the only constant that payouts have."""


class Rounding(StrEnum):
    """Where a half goes; negative values mirror positive ones."""

    HALF_AWAY_FROM_ZERO = "half_away_from_zero"
    HALF_TOWARDS_ZERO = "half_towards_zero"


def rounded(exact: Fraction, rounding: Rounding) -> int:
    """The nearest whole number. Python's own `round` would send halves to the even one."""
    whole, rest = divmod(abs(exact.numerator), exact.denominator)
    half = 2 * rest - exact.denominator
    if half > 0 or (half == 0 and rounding is Rounding.HALF_AWAY_FROM_ZERO):
        whole += 1
    return whole if exact > 0 else -whole


class Volume(ABC):
    """An amount that the terms fix, or make of the amounts that are known."""

    @abstractmethod
    def money(self, constants: Mapping[str, Money], path: str) -> Money:
        """`path` says where the volume is written. Raises ConfigurationError for what cannot be worked out."""


@dataclass(frozen=True, slots=True)
class Fixed(Volume):
    cash: Money

    def money(self, constants: Mapping[str, Money], path: str) -> Money:
        return self.cash


@dataclass(frozen=True, slots=True)
class Share(Volume):
    """`p`/`q` of a constant, to whole minor units; a negative `q` turns the sign."""

    p: int
    q: int
    of: str = OPERATION_AMOUNT
    rounding: Rounding = Rounding.HALF_AWAY_FROM_ZERO

    def money(self, constants: Mapping[str, Money], path: str) -> Money:
        """Raises ConfigurationError for a constant that the operation does not have, and for parts of zero."""
        if self.of not in constants:
            raise ConfigurationError(f"{path}.share.of", f"payouts know no {self.of}")
        if self.q == 0:
            raise ConfigurationError(f"{path}.share.parts", "nothing can be divided by zero")
        whole = constants[self.of]
        return Money(rounded(Fraction(whole.minor * self.p, self.q), self.rounding), whole.currency)


@dataclass(frozen=True, slots=True)
class MinOf(Volume):
    members: tuple[Volume, ...]

    def money(self, constants: Mapping[str, Money], path: str) -> Money:
        return min(_members(self.members, constants, f"{path}.min_of"))


@dataclass(frozen=True, slots=True)
class MaxOf(Volume):
    members: tuple[Volume, ...]

    def money(self, constants: Mapping[str, Money], path: str) -> Money:
        return max(_members(self.members, constants, f"{path}.max_of"))


@dataclass(frozen=True, slots=True)
class SumOf(Volume):
    members: tuple[Volume, ...]

    def money(self, constants: Mapping[str, Money], path: str) -> Money:
        amounts = _members(self.members, constants, f"{path}.sum_of")
        return Money.total(amounts, amounts[0].currency)


def _members(members: tuple[Volume, ...], constants: Mapping[str, Money], path: str) -> list[Money]:
    """At least one amount, all of one currency."""
    amounts = [member.money(constants, f"{path}.{place}") for place, member in enumerate(members)]
    if not amounts:
        raise ConfigurationError(path, "needs at least one volume")
    currencies = sorted({amount.currency for amount in amounts})
    if len(currencies) > 1:
        raise ConfigurationError(path, f"mixes {' and '.join(currencies)}")
    return amounts
