from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given as random
from hypothesis import strategies as st

from models.kernel.money import Money
from models.parties.errors import ConfigurationError
from models.parties.lifecycle import ToolKind
from models.parties.postings.predicates import (
    AllOf,
    AnyOf,
    CategoryIs,
    Constant,
    CostIn,
    CostIsMultipleOf,
    Criterion,
    CurrencyIs,
    IsNot,
    PartyIs,
    PayoutMethodIs,
    Variables,
)
from models.parties.postings.ranges import Bound, CashRange
from tests.parties.worlds import KNOWN, NOTHING, given, rub

T, F, U = Constant(True), Constant(False), CategoryIs(1)
"""True, false, and undetermined where nothing is known."""


def truth(predicate, variables=NOTHING, criteria=None):
    return predicate.truth(given(variables, criteria), "if")


@pytest.mark.parametrize(("predicate", "outcome"), [(T, True), (F, False), (U, None)])
def test_the_three_values(predicate, outcome):
    assert truth(predicate) is outcome


@pytest.mark.parametrize(("predicate", "outcome"), [(T, False), (F, True), (U, None)])
def test_is_not(predicate, outcome):
    assert truth(IsNot(predicate)) is outcome


ALL_OF = [
    ((), True), ((T,), True), ((F,), False), ((U,), None),
    ((T, T), True), ((T, F), False), ((T, U), None),
    ((F, T), False), ((F, F), False), ((F, U), False),
    ((U, T), None), ((U, F), False), ((U, U), None),
]  # fmt: skip
ANY_OF = [
    ((), False), ((T,), True), ((F,), False), ((U,), None),
    ((T, T), True), ((T, F), True), ((T, U), True),
    ((F, T), True), ((F, F), False), ((F, U), None),
    ((U, T), True), ((U, F), None), ((U, U), None),
]  # fmt: skip


@pytest.mark.parametrize(("members", "outcome"), ALL_OF)
def test_all_of(members, outcome):
    assert truth(AllOf(members)) is outcome


@pytest.mark.parametrize(("members", "outcome"), ANY_OF)
def test_any_of(members, outcome):
    assert truth(AnyOf(members)) is outcome


TEN_TO_TWENTY = CashRange(Bound(rub(1000), True), Bound(rub(2000), False))
CONDITIONS = [
    (CategoryIs(1), {"category": 1}, True),
    (CategoryIs(1), {"category": 2}, False),
    (CategoryIs(1), {"category": None}, None),
    (CategoryIs(0), {"category": 0}, True),
    (CurrencyIs("RUB"), {"currency": "RUB"}, True),
    (CurrencyIs("RUB"), {"currency": "EUR"}, False),
    (CurrencyIs("RUB"), {"currency": None}, None),
    (CostIn(TEN_TO_TWENTY), {"cost": rub(1500)}, True),
    (CostIn(TEN_TO_TWENTY), {"cost": rub(2000)}, False),
    (CostIn(TEN_TO_TWENTY), {"cost": Money(1500, "EUR")}, False),
    (CostIn(TEN_TO_TWENTY), {"cost": None}, None),
    (CostIsMultipleOf(rub(100)), {"cost": rub(300)}, True),
    (CostIsMultipleOf(rub(100)), {"cost": rub(0)}, True),
    (CostIsMultipleOf(rub(100)), {"cost": rub(350)}, False),
    (CostIsMultipleOf(rub(100)), {"cost": Money(300, "EUR")}, False),
    (CostIsMultipleOf(rub(100)), {"cost": None}, None),
    (PartyIs("p"), {"party": "p", "shop": None}, True),
    (PartyIs("p"), {"party": "q"}, False),
    (PartyIs("p"), {"party": None}, None),
    (PartyIs("p", "s"), {"party": "p", "shop": "s"}, True),
    (PartyIs("p", "s"), {"party": "p", "shop": "t"}, False),
    (PartyIs("p", "s"), {"party": "p", "shop": None}, None),
    (PartyIs("p", "s"), {"party": "q", "shop": None}, False),
    (PartyIs("p", "s"), {"party": None, "shop": "t"}, None),
    (PayoutMethodIs(ToolKind.WALLET), {"payout_method": ToolKind.WALLET}, True),
    (PayoutMethodIs(ToolKind.WALLET), {"payout_method": ToolKind.RUSSIAN_BANK_ACCOUNT}, False),
    (PayoutMethodIs(ToolKind.WALLET), {"payout_method": None}, None),
]


@pytest.mark.parametrize(("condition", "known", "outcome"), CONDITIONS)
def test_conditions(condition, known, outcome):
    assert truth(condition, replace(KNOWN, **known)) is outcome


@pytest.mark.parametrize("condition", dict.fromkeys(condition for condition, _, _ in CONDITIONS), ids=repr)
def test_a_condition_of_which_nothing_is_known_is_undetermined(condition):
    assert truth(condition, Variables()) is None


IN, OUT = (True, False)
BOUNDS = [
    (None, None, (IN, IN, IN)),
    (Bound(rub(10), True), None, (OUT, IN, IN)),
    (Bound(rub(10), False), None, (OUT, OUT, IN)),
    (None, Bound(rub(10), True), (IN, IN, OUT)),
    (None, Bound(rub(10), False), (IN, OUT, OUT)),
    (Bound(rub(10), True), Bound(rub(10), True), (OUT, IN, OUT)),
    (Bound(rub(9), False), Bound(rub(11), False), (OUT, IN, OUT)),
]


@pytest.mark.parametrize(("lower", "upper", "nine_ten_eleven"), BOUNDS)
def test_bounds(lower, upper, nine_ten_eleven):
    cash = CashRange(lower, upper)
    assert tuple(rub(minor) in cash for minor in (9, 10, 11)) == nine_ten_eleven
    assert (Money(10, "EUR") in cash) is (lower is upper is None)
    assert cash.empty is False


@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        (Bound(rub(11), True), Bound(rub(10), True)),
        (Bound(rub(10), True), Bound(rub(10), False)),
        (Bound(rub(10), False), Bound(rub(10), True)),
        (Bound(rub(10), False), Bound(rub(10), False)),
    ],
)
def test_nothing_is_between_such_bounds(lower, upper):
    assert CashRange(lower, upper).empty is True


# --- criteria ---------------------------------------------------------------------------------------------------------


def test_a_criterion_is_what_its_name_stands_for():
    criteria = {"cheap": CostIn(TEN_TO_TWENTY), "not_cheap": IsNot(Criterion("cheap")), "open": U}
    known = Variables(cost=rub(1500))
    assert truth(Criterion("cheap"), known, criteria) is True
    assert truth(Criterion("not_cheap"), known, criteria) is False
    assert truth(Criterion("open"), known, criteria) is None


def refusal_of(predicate, criteria):
    with pytest.raises(ConfigurationError) as refused:
        truth(predicate, NOTHING, criteria)
    return refused.value.path, refused.value.reason


def test_an_unknown_criterion_is_a_mistake_even_where_it_could_change_nothing():
    assert refusal_of(AnyOf((T, Criterion("x"))), {}) == ("if.any_of.1.criterion", "there is no criterion x")
    assert refusal_of(AllOf((F, IsNot(Criterion("x")))), {}) == (
        "if.all_of.1.is_not.criterion",
        "there is no criterion x",
    )
    assert refusal_of(Criterion("a"), {"a": Criterion("x")}) == ("criteria.a.criterion", "there is no criterion x")


def test_a_circle_of_criteria_is_a_mistake():
    circle = {"a": Criterion("b"), "b": AllOf((Criterion("c"),)), "c": Criterion("b")}
    told = ("criteria.c.criterion", "criteria go in a circle: a -> b -> c -> b")
    assert refusal_of(Criterion("a"), circle) == told
    assert refusal_of(Criterion("a"), {"a": Criterion("a")})[1] == "criteria go in a circle: a -> a"


def test_criteria_lie_eight_inside_each_other_and_no_more():
    chain = {str(number): Criterion(str(number + 1)) for number in range(8)} | {"8": T}
    assert truth(Criterion("1"), NOTHING, chain) is True
    assert refusal_of(Criterion("0"), chain) == (
        "criteria.7.criterion",
        "more than 8 criteria lie inside each other",
    )


def test_a_criterion_used_over_and_over_is_worked_out_once():
    """Unfolded, these would be 100**8 predicates."""
    criteria = {str(number): AllOf((Criterion(str(number + 1)),) * 100) for number in range(1, 8)} | {"8": U}
    assert truth(Criterion("1"), NOTHING, criteria) is None


def test_one_name_side_by_side_is_no_circle():
    assert truth(AllOf((Criterion("a"), Criterion("a"))), NOTHING, {"a": T}) is True
    criteria = {"a": T} | {str(number): Criterion("a") for number in range(20)}
    assert truth(AllOf(tuple(Criterion(name) for name in criteria)), NOTHING, criteria) is True


@random(st.lists(st.sampled_from([T, F, U]), max_size=5))
def test_what_is_not_all_is_any_of_the_opposites(members):
    opposites = AnyOf(tuple(IsNot(member) for member in members))
    assert truth(IsNot(AllOf(tuple(members)))) is truth(opposites)
