from __future__ import annotations

import copy
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.kernel.refusals import InvalidInput
from models.parties.lifecycle import ToolKind
from models.parties.postings import (
    Bound,
    CashRange,
    PayoutTerms,
    Posting,
    Terms,
    TimedTerms,
    read_predicate,
    read_terms,
    read_timed,
    written_predicate,
    written_terms,
    written_timed,
)
from models.parties.postings import predicates as p
from models.parties.postings import volumes as v
from models.parties.postings.accounts import AccountType
from models.parties.postings.selectors import Decision, Decisions, Value
from tests.parties.worlds import cash, documents, moves, predicates, rub

SETTLEMENT, PAYOUT = "merchant_settlement", "merchant_payout"


def fees(volume=None, **more):
    """A document with one posting."""
    posting = moves(SETTLEMENT, PAYOUT, {"share": {"parts": "1/1"}} if volume is None else volume, **more)
    return {"payouts": {"fees": {"value": [posting]}}}


def limit(cash_range):
    return {"payouts": {"cash_limit": {"value": cash_range}}}


def problems(read, document):
    with pytest.raises(InvalidInput) as refused:
        read(document)
    return [(field.path, field.message) for field in refused.value.fields]


# --- what is read -----------------------------------------------------------------------------------------------------

PREDICATES = [
    (True, p.Constant(True)),
    (False, p.Constant(False)),
    ({"all_of": []}, p.AllOf(())),
    ({"any_of": [True, {"all_of": [False]}]}, p.AnyOf((p.Constant(True), p.AllOf((p.Constant(False),))))),
    ({"is_not": {"criterion": "x" * 64}}, p.IsNot(p.Criterion("x" * 64))),
    ({"category_is": 0}, p.CategoryIs(0)),
    ({"category_is": 2**31 - 1}, p.CategoryIs(2**31 - 1)),
    ({"currency_is": "RUB"}, p.CurrencyIs("RUB")),
    ({"cost_in": {}}, p.CostIn(CashRange())),
    ({"cost_in": {"lower": {"inclusive": cash("10.00")}}}, p.CostIn(CashRange(Bound(rub(1000), True)))),
    (
        {"cost_in": {"lower": {"exclusive": cash("-0.01")}, "upper": {"exclusive": cash("20.50")}}},
        p.CostIn(CashRange(Bound(rub(-1), False), Bound(rub(2050), False))),
    ),
    ({"cost_is_multiple_of": cash("10.00")}, p.CostIsMultipleOf(rub(1000))),
    ({"party_is": {"party": "p"}}, p.PartyIs("p")),
    ({"party_is": {"party": "p", "shop": "лавка"}}, p.PartyIs("p", "лавка")),
    ({"payout_method_is": "wallet"}, p.PayoutMethodIs(ToolKind.WALLET)),
]


@pytest.mark.parametrize(("document", "predicate"), PREDICATES)
def test_predicates(document, predicate):
    assert read_predicate(document) == predicate
    assert written_predicate(predicate) == document


VOLUMES = [
    ({"fixed": cash("10.00")}, v.Fixed(rub(1000))),
    ({"share": {"parts": "3/4"}}, v.Share(3, 4)),
    ({"share": {"parts": "750/1000", "of": "surplus"}}, v.Share(750, 1000, "surplus")),
    ({"share": {"parts": "-3/-4", "rounding": "half_towards_zero"}}, v.Share(-3, -4, rounding=v.Rounding("half_towards_zero"))),
    ({"min_of": [{"fixed": cash("0.01")}]}, v.MinOf((v.Fixed(rub(1)),))),
    ({"max_of": [{"sum_of": [{"share": {"parts": "0/1"}}]}]}, v.MaxOf((v.SumOf((v.Share(0, 1),)),))),
]  # fmt: skip


@pytest.mark.parametrize(("document", "volume"), VOLUMES)
def test_volumes(document, volume):
    posting = Posting(AccountType.MERCHANT_SETTLEMENT, AccountType.MERCHANT_PAYOUT, volume)
    terms = Terms(PayoutTerms(fees=Value((posting,))))
    assert read_terms(fees(document)) == terms
    assert written_terms(terms) == fees(document)


def test_a_whole_document():
    document = {
        "payouts": {
            "fees": {
                "decisions": [
                    {
                        "if": {"payout_method_is": "wallet"},
                        "then": {
                            "value": [moves("system_subagent", "external_income", {"fixed": cash("1.00")}, details="x")]
                        },
                    },
                    {"if": True, "then": {"value": []}},
                ]
            },
            "cash_limit": {"value": {"upper": {"inclusive": cash("5.00")}}},
            "payout_methods": {"value": ["payment_institution", "wallet"]},
        }
    }
    posting = Posting(AccountType.SYSTEM_SUBAGENT, AccountType.EXTERNAL_INCOME, v.Fixed(rub(100)), "x")
    wallets = Decision(p.PayoutMethodIs(ToolKind.WALLET), Value((posting,)))
    terms = Terms(
        PayoutTerms(
            Decisions((wallets, Decision(p.Constant(True), Value(())))),
            Value(CashRange(upper=Bound(rub(500), True))),
            Value(frozenset({ToolKind.WALLET, ToolKind.PAYMENT_INSTITUTION})),
        )
    )
    assert read_terms(document) == terms
    assert written_terms(terms) == document


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ({"payouts": None}, {}),
        ({"payouts": {"fees": None}}, {"payouts": {}}),
        (fees({"fixed": cash("-00.5")}), fees({"fixed": cash("-0.50")})),
        (fees({"fixed": cash("-0")}), fees({"fixed": cash("0.00")})),
        (fees({"fixed": cash("5", "JPY")}), fees({"fixed": cash("5", "JPY")})),
        (fees({"share": {"parts": "03/-04", "of": None}}), fees({"share": {"parts": "3/-4"}})),
        (
            fees({"share": {"parts": "1/2", "of": "operation_amount", "rounding": "half_away_from_zero"}}),
            fees({"share": {"parts": "1/2"}}),
        ),
        (fees(details=""), fees()),
        (limit({"lower": None}), limit({})),
        (
            {"payouts": {"payout_methods": {"value": ["wallet", "russian_bank_account", "wallet"]}}},
            {"payouts": {"payout_methods": {"value": ["russian_bank_account", "wallet"]}}},
        ),
    ],
)
def test_there_is_one_way_to_write_the_same(given, normal):
    assert written_terms(read_terms(given)) == normal
    assert written_terms(read_terms(normal)) == normal


@given(documents)
def test_what_is_read_is_written_again(document):
    assert written_terms(read_terms(document)) == document


@given(predicates)
def test_what_a_predicate_says_is_written_again(document):
    assert written_predicate(read_predicate(document)) == document


# --- what is refused --------------------------------------------------------------------------------------------------

FIELD = "terms.payouts.fees.value.0"
CURRENCY = "must be a currency that is used here"
AMOUNT = 'must be a decimal number as text: "10.50"'
PARTS = 'must be two whole numbers of up to 18 digits: "3/4"'
TYPES = (
    "must be one of: merchant_settlement, merchant_guarantee, merchant_payout, system_settlement, system_subagent, "
    "provider_settlement, external_income, external_outcome"
)
KINDS = "must be one of: russian_bank_account, international_bank_account, wallet, payment_institution"
ONE_VOLUME = "must have one field of: fixed, share, min_of, max_of, sum_of"

WRONG_TERMS = [
    (None, [("terms", "must be an object")]),
    ([], [("terms", "must be an object")]),
    ({"payout": {}}, [("terms.payout", "is not known here")]),
    ({"currencies": ["XXX", 1]}, [(f"terms.currencies.{n}", "must be a currency that is used here") for n in (0, 1)]),
    ({"categories": [-1]}, [("terms.categories.0", f"must be a whole number from 0 to {2**31 - 1}")]),
    ({"payouts": []}, [("terms.payouts", "must be an object")]),
    ({"payouts": {"fee": {}}}, [("terms.payouts.fee", "is not known here")]),
    ({"payouts": {"fees": {}}}, [("terms.payouts.fees", "must have one field of: value, decisions")]),
    (
        {"payouts": {"fees": {"value": [], "decisions": []}}},
        [("terms.payouts.fees", "must have one field of: value, decisions")],
    ),
    ({"payouts": {"fees": {"values": []}}}, [("terms.payouts.fees", "must have one field of: value, decisions")]),
    ({"payouts": {"fees": {"value": None}}}, [("terms.payouts.fees.value", "must be a list")]),
    ({"payouts": {"fees": {"value": {}}}}, [("terms.payouts.fees.value", "must be a list")]),
    ({"payouts": {"fees": {"value": [1]}}}, [(FIELD, "must be an object")]),
    ({"payouts": {"fees": {"value": [{}] * 51}}}, [("terms.payouts.fees.value", "must have 0 to 50 items")]),
    (
        {"payouts": {"fees": {"value": [{"extra": 1}]}}},
        [
            (f"{FIELD}.extra", "is not known here"),
            (f"{FIELD}.source", "is missing"),
            (f"{FIELD}.destination", "is missing"),
            (f"{FIELD}.volume", "is missing"),
        ],
    ),
    ({"payouts": {"fees": {"decisions": {}}}}, [("terms.payouts.fees.decisions", "must be a list")]),
    ({"payouts": {"fees": {"decisions": [True]}}}, [("terms.payouts.fees.decisions.0", "must be an object")]),
    (
        {"payouts": {"fees": {"decisions": [{"if": True}]}}},
        [("terms.payouts.fees.decisions.0.then", "is missing")],
    ),
    (
        {"payouts": {"fees": {"decisions": [{"if": {"cost_in": 1}, "then": {"value": 1}}]}}},
        [
            ("terms.payouts.fees.decisions.0.if.cost_in", "must be an object"),
            ("terms.payouts.fees.decisions.0.then.value", "must be a list"),
        ],
    ),
    (
        {"payouts": {"fees": {"value": [moves("merchant", None, {})]}}},
        [(f"{FIELD}.source", TYPES), (f"{FIELD}.destination", TYPES), (f"{FIELD}.volume", ONE_VOLUME)],
    ),
    (fees(details="x" * 501), [(f"{FIELD}.details", "must have 0 to 500 characters")]),
    (fees(details=5), [(f"{FIELD}.details", "must be a text")]),
    (fees(details="a\nb"), [(f"{FIELD}.details", "has characters that cannot be printed")]),
    (fees([]), [(f"{FIELD}.volume", "must be an object")]),
    (fees({"fixed": {}}), [(f"{FIELD}.volume.fixed.amount", "is missing"), (f"{FIELD}.volume.fixed.currency", "is missing")]),
    (fees({"fixed": "10 RUB"}), [(f"{FIELD}.volume.fixed", "must be an object")]),
    (fees({"fixed": cash("1", "XXX")}), [(f"{FIELD}.volume.fixed.currency", CURRENCY)]),
    (fees({"fixed": cash("1", [])}), [(f"{FIELD}.volume.fixed.currency", CURRENCY)]),
    (fees({"fixed": cash("1.001")}), [(f"{FIELD}.volume.fixed.amount", "RUB has 2 decimals; 1.001 has more.")]),
    (fees({"fixed": cash("1.000")}), [(f"{FIELD}.volume.fixed.amount", "RUB has 2 decimals; 1.000 has more.")]),
    (
        fees({"fixed": cash("10000000000000.01")}),
        [(f"{FIELD}.volume.fixed.amount", "10000000000000.01 RUB is more than can be moved at once.")],
    ),
    *(
        (fees({"fixed": cash(amount)}), [(f"{FIELD}.volume.fixed.amount", AMOUNT)])
        for amount in (10, None, "", "1.", ".5", "+1", "1e3", "NaN", " 1", "1\n", "\uff11", "1_000", "0x1", "1" * 31)
    ),
    (fees({"share": {}}), [(f"{FIELD}.volume.share.parts", "is missing")]),
    *(
        (fees({"share": {"parts": parts}}), [(f"{FIELD}.volume.share.parts", PARTS)])
        for parts in (1, None, "", "3", "3/", "/4", "3/4/5", "3 / 4", "0.5/1", "+3/4", "3/4\n", f"{10**18}/1", f"1/{10**18}")
    ),
    *(
        (fees({"share": {"parts": parts}}), [(f"{FIELD}.volume.share.parts", "nothing can be divided by zero")])
        for parts in ("1/0", "1/-0", "0/000")
    ),
    (fees({"share": {"parts": "1/2", "of": ""}}), [(f"{FIELD}.volume.share.of", "must have 1 to 64 characters")]),
    (
        fees({"share": {"parts": "1/2", "rounding": "half_even"}}),
        [(f"{FIELD}.volume.share.rounding", "must be one of: half_away_from_zero, half_towards_zero")],
    ),
    *(
        (fees({word: []}), [(f"{FIELD}.volume.{word}", "must have 1 to 500 items")])
        for word in ("min_of", "max_of", "sum_of")
    ),
    (fees({"sum_of": {}}), [(f"{FIELD}.volume.sum_of", "must be a list")]),
    (fees({"sum_of": [{"max_of": [{}]}]}), [(f"{FIELD}.volume.sum_of.0.max_of.0", ONE_VOLUME)]),
    (limit([]), [("terms.payouts.cash_limit.value", "must be an object")]),
    (limit({"from": {}}), [("terms.payouts.cash_limit.value.from", "is not known here")]),
    (
        limit({"lower": {"above": {}}}),
        [("terms.payouts.cash_limit.value.lower", "must have one field of: inclusive, exclusive")],
    ),
    (
        limit({"lower": {"inclusive": cash("1")}, "upper": {"inclusive": cash("2", "EUR")}}),
        [("terms.payouts.cash_limit.value", "must have both bounds in one currency")],
    ),
    (
        limit({"lower": {"inclusive": cash("1")}, "upper": {"exclusive": cash("1")}}),
        [("terms.payouts.cash_limit.value", "must leave something between its bounds")],
    ),
    ({"payouts": {"payout_methods": {"value": "wallet"}}}, [("terms.payouts.payout_methods.value", "must be a list")]),
    ({"payouts": {"payout_methods": {"value": ["wallet", "cash"]}}}, [("terms.payouts.payout_methods.value.1", KINDS)]),
    ({"payouts": {"payout_methods": {"value": [{}]}}}, [("terms.payouts.payout_methods.value.0", KINDS)]),
]  # fmt: skip


@pytest.mark.parametrize(("document", "told"), WRONG_TERMS, ids=repr)
def test_wrong_terms(document, told):
    assert problems(read_terms, document) == told


ONE_PREDICATE = (
    "must have one field of: all_of, any_of, is_not, criterion, category_is, currency_is, cost_in, cost_is_multiple_of, "
    "party_is, payout_method_is"
)
NAME = "must have 1 to 64 characters"
UNPRINTABLE = "has characters that cannot be printed"
WHOLE = "must be a whole number from 0 to 2147483647"
WRONG_PREDICATES = [
    *((wrong, "", "must be true, false or an object") for wrong in (None, 1, 0, "true", [], 1.5)),
    ({}, "", ONE_PREDICATE),
    ({"all_of": [], "any_of": []}, "", ONE_PREDICATE),
    ({"contract_is": "x"}, "", ONE_PREDICATE),
    ({"all_of": True}, ".all_of", "must be a list"),
    ({"any_of": [True, {"all_of": [1]}]}, ".any_of.1.all_of.0", "must be true, false or an object"),
    ({"is_not": None}, ".is_not", "must be true, false or an object"),
    ({"criterion": ""}, ".criterion", NAME),
    ({"criterion": "x" * 65}, ".criterion", NAME),
    ({"criterion": 1}, ".criterion", "must be a text"),
    ({"criterion": "a\0"}, ".criterion", UNPRINTABLE),
    ({"criterion": "\ud800"}, ".criterion", UNPRINTABLE),
    *(({"category_is": wrong}, ".category_is", WHOLE) for wrong in (True, -1, 2**31, "1", 1.0, None)),
    ({"currency_is": "rub"}, ".currency_is", CURRENCY),
    ({"cost_in": None}, ".cost_in", "must be an object"),
    ({"cost_in": {"upper": {"inclusive": cash("x")}}}, ".cost_in.upper.inclusive.amount", AMOUNT),
    (
        {"cost_in": {"lower": {"inclusive": cash("2")}, "upper": {"inclusive": cash("1")}}},
        ".cost_in",
        "must leave something between its bounds",
    ),
    ({"cost_is_multiple_of": cash("0")}, ".cost_is_multiple_of.amount", "must be above zero"),
    ({"cost_is_multiple_of": cash("-1")}, ".cost_is_multiple_of.amount", "must be above zero"),
    ({"party_is": "p"}, ".party_is", "must be an object"),
    ({"party_is": {"shop": "s"}}, ".party_is.party", "is missing"),
    ({"party_is": {"party": "p", "shop": ""}}, ".party_is.shop", NAME),
    ({"party_is": {"party": None}}, ".party_is.party", "must be a text"),
    ({"payout_method_is": "cash"}, ".payout_method_is", KINDS),
    ({"payout_method_is": []}, ".payout_method_is", KINDS),
]


@pytest.mark.parametrize(("document", "path", "message"), WRONG_PREDICATES, ids=repr)
def test_wrong_predicates(document, path, message):
    assert problems(read_predicate, document) == [(f"predicate{path}", message)]
    within = {"payouts": {"fees": {"decisions": [{"if": document, "then": {"value": []}}]}}}
    assert problems(read_terms, within) == [(f"terms.payouts.fees.decisions.0.if{path}", message)]


def test_all_problems_are_told_at_once_up_to_twenty():
    assert problems(read_predicate, {"all_of": [1] * 30}) == [
        (f"predicate.all_of.{place}", "must be true, false or an object") for place in range(20)
    ]
    many = {f"extra{number}": 1 for number in range(30)}
    assert problems(read_terms, many) == [(f"terms.extra{number}", "is not known here") for number in range(20)]


@pytest.mark.parametrize(("key", "shown"), [("x" * 100, "x" * 64), ("a\0b", r"a\x00b"), ("\ud800", r"\ud800")])
def test_a_strange_field_is_named_so_that_it_can_be_printed(key, shown):
    assert problems(read_terms, {key: 1}) == [(f"terms.{shown}", "is not known here")]


def negations(number):
    document = True
    for _ in range(number):
        document = {"is_not": document}
    return document


def test_twenty_levels_and_no_more():
    assert read_predicate(negations(19)) == read_predicate(written_predicate(read_predicate(negations(19))))
    assert problems(read_predicate, negations(20)) == [("predicate", "is nested deeper than 20")]
    assert problems(read_terms, negations(5_000)) == [("terms", "is nested deeper than 20")]


def test_five_hundred_parts_and_no_more():
    assert read_predicate({"all_of": [True] * 498}) == p.AllOf((p.Constant(True),) * 498)
    assert problems(read_predicate, {"all_of": [True] * 499}) == [("predicate", "has more than 500 parts")]


def test_fifty_postings_fit():
    document = {"payouts": {"fees": {"value": [fees(details="x")["payouts"]["fees"]["value"][0]] * 50}}}
    assert len(read_terms(document).payouts.fees.value) == 50


# --- timed sets -------------------------------------------------------------------------------------------------------


def test_timed_sets():
    sets = [
        {"terms": {}},
        {"since": "2026-03-01T15:00:00+03:00", "terms": {"payouts": {}}},
        {"since": None, "until": "2026-03-01T12:00:00.000001Z", "terms": {}},
    ]
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    read = read_timed(sets)
    assert read == (
        TimedTerms(Terms()),
        TimedTerms(Terms(PayoutTerms()), since=noon),
        TimedTerms(Terms(), until=noon.replace(microsecond=1)),
    )
    assert written_timed(read) == [
        {"terms": {}},
        {"since": "2026-03-01T12:00:00+00:00", "terms": {"payouts": {}}},
        {"until": "2026-03-01T12:00:00.000001+00:00", "terms": {}},
    ]
    assert read_timed(written_timed(read)) == read


TIME = "must be an ISO 8601 time with its zone"
NOON = "2026-03-01T12:00:00Z"
WRONG_SETS = [
    ({}, "sets", "must be a list"),
    ([{"terms": {}}] * 51, "sets", "must have 0 to 50 items"),
    ([{}], "sets.0.terms", "is missing"),
    ([{"terms": {}, "from": NOON}], "sets.0.from", "is not known here"),
    ([{"terms": None}], "sets.0.terms", "must be an object"),
    ([{"terms": {}}, {"terms": fees({})}], "sets.1.terms.payouts.fees.value.0.volume", ONE_VOLUME),
    ([{"terms": negations(20)}], "sets.0.terms", "is nested deeper than 20"),
    ([{"terms": {}, "since": 1}], "sets.0.since", "must be a text"),
    ([{"terms": {}, "since": "x" * 65}], "sets.0.since", "must have 0 to 64 characters"),
    *(
        ([{"terms": {}, "until": wrong}], "sets.0.until", TIME)
        for wrong in ("", "noon", "2026-03-01", "2026-03-01T12:00:00", "2026-02-30T12:00:00Z", "0001-01-01T00:00:00+01:00")
    ),
    ([{"terms": {}, "since": NOON, "until": NOON}], "sets.0.until", "must be later than since"),
    ([{"terms": {}, "since": NOON, "until": "2026-03-01T12:00:00+01:00"}], "sets.0.until", "must be later than since"),
]  # fmt: skip


@pytest.mark.parametrize(("sets", "path", "message"), WRONG_SETS, ids=lambda value: repr(value)[:60])
def test_wrong_timed_sets(sets, path, message):
    assert problems(read_timed, sets) == [(path, message)]


def test_only_the_problem_paths_differ_where_terms_are_read():
    with pytest.raises(InvalidInput) as refused:
        read_terms({"x": 1}, "input.terms")
    assert [field.path for field in refused.value.fields] == ["input.terms.x"]
    with pytest.raises(InvalidInput) as refused:
        read_predicate(1, "input.predicate")
    assert [field.path for field in refused.value.fields] == ["input.predicate"]
    with pytest.raises(InvalidInput) as refused:
        read_timed([1], "input.sets")
    assert [field.path for field in refused.value.fields] == ["input.sets.0"]


# --- nothing but INVALID_INPUT is ever raised -------------------------------------------------------------------------

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.characters()
anything = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.characters(), inner))


def answered(read, document):
    """Whether it was read; raises what is no INVALID_INPUT."""
    try:
        read(document)
    except InvalidInput:
        return False
    return True


@given(anything)
def test_anything_is_answered(document):
    for read in (read_terms, read_predicate, read_timed):
        answered(read, document)
        answered(read, [document])


def places(document, path=()):
    yield path
    if isinstance(document, dict | list):
        for key, inner in document.items() if isinstance(document, dict) else enumerate(document):
            yield from places(inner, (*path, key))


def replaced(document, path, value):
    if not path:
        return value
    whole = copy.deepcopy(document)
    inner = whole
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return whole


@given(documents, anything, st.data())
def test_a_document_with_anything_in_one_place_is_answered(document, value, data):
    assume(document)
    broken = replaced(document, data.draw(st.sampled_from(list(places(document)))), value)
    if answered(read_terms, broken):
        normal = written_terms(read_terms(broken))
        assert written_terms(read_terms(normal)) == normal
