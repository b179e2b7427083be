"""Money is a whole number of minor units of one currency. No floats, no bare numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from models.kernel.refusals import CurrencyNotSupported, InvalidAmount

MINOR_MAX = 10**15  # what one transfer may move; far from the 2**62 at which an account is full
EXPONENTS = MappingProxyType(
    {
        "AED": 2, "AMD": 2, "AUD": 2, "AZN": 2, "BHD": 3, "BRL": 2, "BYN": 2, "CAD": 2, "CHF": 2, "CLP": 0,
        "CNY": 2, "CZK": 2, "DKK": 2, "EUR": 2, "GBP": 2, "GEL": 2, "HKD": 2, "HUF": 2, "IDR": 2, "ILS": 2,
        "INR": 2, "ISK": 0, "JOD": 3, "JPY": 0, "KGS": 2, "KRW": 0, "KWD": 3, "KZT": 2, "MDL": 2, "MXN": 2,
        "NOK": 2, "NZD": 2, "OMR": 3, "PLN": 2, "RON": 2, "RSD": 2, "RUB": 2, "SEK": 2, "SGD": 2, "THB": 2,
        "TND": 3, "TRY": 2, "UAH": 2, "USD": 2, "UZS": 2, "VND": 0, "ZAR": 2,
        "TRX": 6, "USDT": 6,
    }
)  # fmt: skip
"""Decimals by currency: ISO 4217's, and those of the tokens that Saldo moves."""


def exponent(currency: str) -> int:
    """How many decimals `currency` has. Raises CurrencyNotSupported."""
    try:
        return EXPONENTS[currency]
    except KeyError:
        raise CurrencyNotSupported(currency[:12], sorted(EXPONENTS)) from None


@dataclass(frozen=True, slots=True)
class Money:
    """`minor` units of `currency`: Money(1050, "EUR") is 10.50 EUR, Money(1050, "JPY") is 1050 JPY."""

    minor: int
    currency: str

    @classmethod
    def of(cls, amount: Decimal, currency: str) -> Money:
        """An amount in major units. Raises InvalidAmount for digits that the currency does not have, or too many."""
        decimals = exponent(currency)
        sign, digits, power = amount.as_tuple()
        if not isinstance(power, int) or power < -decimals:
            raise InvalidAmount(f"{currency} has {decimals} decimals; {amount:f} has more.")
        minor = int("".join(map(str, digits))) * 10 ** (decimals + power) * (-1 if sign else 1)
        if abs(minor) > MINOR_MAX:
            raise InvalidAmount(f"{amount:f} {currency} is more than can be moved at once.")
        return cls(minor, currency)

    @classmethod
    def total(cls, amounts: Iterable[Money], currency: str) -> Money:
        return sum(amounts, cls(0, currency))

    @property
    def amount(self) -> Decimal:
        """In major units, with all the decimals of the currency."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def positive(self) -> Money:
        """Itself. Raises InvalidAmount unless above zero."""
        if self.minor <= 0:
            raise InvalidAmount(f"The amount must be above zero, not {self}.")
        return self

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other).minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other).minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __abs__(self) -> Money:
        return Money(abs(self.minor), self.currency)

    def __bool__(self) -> bool:
        return self.minor != 0

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other).minor

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"

    def _same(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add up")
        return other
