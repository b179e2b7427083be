from __future__ import annotations

from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.kernel.money import Money
from models.parties.errors import ConfigurationError
from models.parties.postings.volumes import Fixed, MaxOf, MinOf, Rounding, Share, SumOf, rounded
from tests.parties.worlds import rub

AWAY, TOWARDS = Rounding.HALF_AWAY_FROM_ZERO, Rounding.HALF_TOWARDS_ZERO


def worked_out(volume, minor=1_000):
    return volume.money({"operation_amount": rub(minor)}, "volume")


def test_14_given_a_half_of_three_then_two_or_towards_zero_one():
    assert worked_out(Share(1, 2), 3) == rub(2)
    assert worked_out(Share(1, 2, rounding=TOWARDS), 3) == rub(1)


@pytest.mark.parametrize(("amount", "outcome"), [(1_000, 50), (5_000, 50), (10_000, 100)])
def test_15_given_the_greater_of_a_fixed_fifty_and_one_percent_then_fifty_until_it_is_less(amount, outcome):
    assert worked_out(MaxOf((Fixed(rub(50)), Share(1, 100))), amount) == rub(outcome)


@pytest.mark.parametrize(
    ("p", "q", "away", "towards"),
    [
        (3, 2, 2, 1), (7, 5, 1, 1), (5, 3, 2, 2), (1, 2, 1, 0), (5, 2, 3, 2), (0, 7, 0, 0), (4, 2, 2, 2),
        (-3, 2, -2, -1), (-7, 5, -1, -1), (-5, 3, -2, -2), (-1, 2, -1, 0), (3, -2, -2, -1), (-3, -2, 2, 1),
    ],
)  # fmt: skip
def test_where_halves_go(p, q, away, towards):
    assert (worked_out(Share(p, q), 1), worked_out(Share(p, q, rounding=TOWARDS), 1)) == (rub(away), rub(towards))


parts = st.integers(-(10**18) + 1, 10**18 - 1)
rationals = st.one_of(
    st.builds(Fraction, parts, parts.filter(bool)),
    st.builds(Fraction, st.integers(-99, 99), st.integers(1, 9)),
    st.builds(lambda whole: whole + Fraction(1, 2), parts),
)


@given(rationals, st.sampled_from([(AWAY, ROUND_HALF_UP), (TOWARDS, ROUND_HALF_DOWN)]))
def test_rounding_agrees_with_the_library_of_decimals(exact, modes):
    """Of a rational only its whole part, and on which side of the half the rest lies, tell where it goes."""
    ours, theirs = modes
    whole, rest = divmod(abs(exact), 1)
    side = Decimal("0.5") + (Decimal(rest > Fraction(1, 2)) - Decimal(rest < Fraction(1, 2))) / 4
    with localcontext() as context:
        context.prec = 60
        size = int((Decimal(int(whole)) + (side if rest else 0)).to_integral_value(theirs))
    assert rounded(exact, ours) == (size if exact >= 0 else -size)


@given(rationals, st.sampled_from(Rounding))
def test_rounding_is_to_the_nearest_and_mirrors_below_zero(exact, rounding):
    assert abs(rounded(exact, rounding) - exact) <= Fraction(1, 2)
    assert rounded(-exact, rounding) == -rounded(exact, rounding)


@given(parts)
def test_halves_go_where_they_are_sent(number):
    half = Fraction(2 * number + 1, 2)
    assert abs(rounded(half, AWAY)) == abs(half) + Fraction(1, 2)
    assert abs(rounded(half, TOWARDS)) == abs(half) - Fraction(1, 2)


def test_each_share_is_rounded_by_itself():
    half = Share(1, 2)
    assert worked_out(SumOf((half, half)), 3) == rub(4)


@pytest.mark.parametrize(
    ("volume", "outcome"),
    [
        (Fixed(rub(-7)), -7),
        (MinOf((Fixed(rub(3)), Fixed(rub(-4)), Fixed(rub(5)))), -4),
        (MaxOf((Fixed(rub(3)), Fixed(rub(-4)), Fixed(rub(5)))), 5),
        (SumOf((Fixed(rub(3)), Fixed(rub(-4)), Fixed(rub(5)))), 4),
        (MinOf((Fixed(rub(3)),)), 3),
        (SumOf((MaxOf((Fixed(rub(1)), Share(1, 100))), MinOf((Fixed(rub(2)), Share(1, 2))))), 12),
    ],
)
def test_products(volume, outcome):
    assert worked_out(volume) == rub(outcome)


def test_a_fixed_amount_keeps_its_currency():
    assert worked_out(Fixed(Money(5, "EUR"))) == Money(5, "EUR")


def test_nothing_is_lost_in_large_shares():
    assert worked_out(Share(10**18 - 1, 10**18 - 2), 10**15) == rub(10**15)
    assert worked_out(Share(10**18 - 1, 1), 10**15) == rub(10**33 - 10**15)


EUROS = Fixed(Money(5, "EUR"))
WRONG = [
    (Share(1, 0), "volume.share.parts", "nothing can be divided by zero"),
    (Share(1, 2, of="surplus"), "volume.share.of", "payouts know no surplus"),
    (Share(1, 2, of="anything"), "volume.share.of", "payouts know no anything"),
    (MinOf(()), "volume.min_of", "needs at least one volume"),
    (MaxOf(()), "volume.max_of", "needs at least one volume"),
    (SumOf(()), "volume.sum_of", "needs at least one volume"),
    (MinOf((Fixed(rub(1)), EUROS)), "volume.min_of", "mixes EUR and RUB"),
    (MaxOf((Share(1, 2), EUROS)), "volume.max_of", "mixes EUR and RUB"),
    (SumOf((EUROS, Share(1, 2))), "volume.sum_of", "mixes EUR and RUB"),
    (SumOf((Fixed(rub(1)), MinOf(()))), "volume.sum_of.1.min_of", "needs at least one volume"),
    (MaxOf((SumOf((Share(1, 0),)),)), "volume.max_of.0.sum_of.0.share.parts", "nothing can be divided by zero"),
]


@pytest.mark.parametrize(("volume", "path", "reason"), WRONG)
def test_what_cannot_be_worked_out(volume, path, reason):
    with pytest.raises(ConfigurationError) as refused:
        worked_out(volume)
    assert (refused.value.path, refused.value.reason) == (path, reason)
