from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.kernel.money import EXPONENTS, MINOR_MAX, Money, exponent
from models.kernel.refusals import CurrencyNotSupported, InvalidAmount

currencies = st.sampled_from(sorted(EXPONENTS))
minors = st.integers(-MINOR_MAX, MINOR_MAX)


@given(minors, currencies)
def test_an_amount_survives_the_way_out_and_in(minor, currency):
    money = Money(minor, currency)
    assert Money.of(Decimal(f"{money.amount:f}"), currency) == money
    assert -money.amount.as_tuple().exponent == exponent(currency)


@given(minors, minors, currencies)
def test_sums_are_exact(one, other, currency):
    total = Money(one, currency) + Money(other, currency)
    assert (total - Money(other, currency), total.minor) == (Money(one, currency), one + other)
    assert Money.total([Money(one, currency), Money(other, currency)], currency) == total


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [("10.50", "EUR", 1050), ("10.5", "EUR", 1050), ("-3", "JPY", -3), ("0.000001", "USDT", 1), ("1.234", "KWD", 1234)],
)
def test_major_units_become_minor_ones(amount, currency, minor):
    assert Money.of(Decimal(amount), currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("0.001", "EUR"),
        ("10.500", "EUR"),
        ("0.5", "JPY"),
        ("9999999999999.999999999999999999", "EUR"),
        ("10000000000000.01", "EUR"),
        ("NaN", "EUR"),
    ],
)
def test_what_a_currency_cannot_count_is_refused(amount, currency):
    with pytest.raises(InvalidAmount):
        Money.of(Decimal(amount), currency)


def test_currencies_do_not_mix():
    with pytest.raises(ValueError, match="do not add up"):
        Money(1, "EUR") + Money(1, "USD")
    with pytest.raises(CurrencyNotSupported):
        Money.of(Decimal(1), "XXX")
    for amount in (0, -1):
        with pytest.raises(InvalidAmount):
            Money(amount, "EUR").positive()
