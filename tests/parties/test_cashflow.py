from __future__ import annotations

from dataclasses import replace

import pytest

from models.kernel.money import MINOR_MAX, Money
from models.kernel.refusals import InvalidAmount
from models.parties.errors import ConfigurationError, OperationNotPermitted
from models.parties.lifecycle import ToolKind
from models.parties.postings import (
    AccountType,
    Bound,
    CashRange,
    FinalPosting,
    PayoutTerms,
    Posting,
    Split,
    Terms,
    Variables,
    classified,
    computed,
    finalised,
    limit,
    methods,
    payout_terms,
    read_predicate,
    read_terms,
    spent,
    system_account,
)
from models.parties.postings.cashflow import CLASSES, PostingClass
from models.parties.postings.volumes import Fixed, Share
from tests.parties.worlds import (
    ACCOUNTS,
    KNOWN,
    NOTHING,
    PAYOUT,
    SETTLEMENT,
    SYSTEM,
    A,
    cash,
    moves,
    rub,
    with_fees,
)

UNDETERMINED = "cannot be reduced: undetermined by what is known of the payout"
PAID = [moves("merchant_settlement", "merchant_payout", {"share": {"parts": "1/1"}})]
FREE = []


def flow(selector, variables=KNOWN, criteria=None, accounts=ACCOUNTS, minor=1_000):
    return computed(with_fees(selector), variables, criteria or {}, accounts, rub(minor))


def refusal_of(selector, **more):
    with pytest.raises(ConfigurationError) as refused:
        flow(selector, **more)
    return refused.value.path, refused.value.reason


def final(source, destination, minor):
    """A posting whose accounts do not matter."""
    return FinalPosting(source, destination, SETTLEMENT, PAYOUT, rub(minor), "")


# --- from terms to postings -------------------------------------------------------------------------------------------


def test_three_quarters_and_a_quarter_of_ten_thousand():
    fees = [
        moves("merchant_settlement", "merchant_payout", {"share": {"parts": "750/1000"}}, details="paid"),
        moves("merchant_settlement", "system_settlement", {"share": {"parts": "250/1000"}}),
    ]
    assert flow({"value": fees}, minor=10_000) == (
        FinalPosting(A.MERCHANT_SETTLEMENT, A.MERCHANT_PAYOUT, SETTLEMENT, PAYOUT, rub(7_500), "paid"),
        FinalPosting(A.MERCHANT_SETTLEMENT, A.SYSTEM_SETTLEMENT, SETTLEMENT, SYSTEM, rub(2_500), ""),
    )


BY_METHOD = {
    "decisions": [
        {"if": {"payout_method_is": "wallet"}, "then": {"value": FREE}},
        {"if": True, "then": {"value": PAID}},
    ]
}


@pytest.mark.parametrize(("method", "postings"), [(ToolKind.RUSSIAN_BANK_ACCOUNT, 1), (ToolKind.WALLET, 0)])
def test_16_given_one_decision_for_wallets_and_one_for_all_then_a_bank_account_gets_the_second(method, postings):
    assert len(flow(BY_METHOD, replace(KNOWN, payout_method=method))) == postings


def test_17_given_a_first_decision_on_what_is_missing_then_a_configuration_error_and_not_the_second():
    assert refusal_of(BY_METHOD, variables=replace(KNOWN, payout_method=None)) == (
        "payouts.fees.decisions.0.if",
        UNDETERMINED,
    )


def test_18_given_terms_without_payouts_then_operation_not_permitted():
    with pytest.raises(OperationNotPermitted):
        payout_terms(read_terms({}))
    assert payout_terms(Terms(PayoutTerms())) == PayoutTerms()


@pytest.mark.parametrize("kind", ["provider_settlement", "external_income", "external_outcome"])
@pytest.mark.parametrize("side", ["source", "destination"])
def test_20_given_a_posting_to_a_providers_or_an_external_account_then_a_configuration_error(kind, side):
    wrong = {**PAID[0], side: kind}
    assert refusal_of({"value": [PAID[0], wrong]}) == (
        f"payouts.fees.value.1.{side}",
        f"a payout in RUB has no account {kind}",
    )


def test_a_currency_without_a_system_account_is_a_mistake():
    fees = {"value": [moves("merchant_settlement", "system_settlement", {"fixed": cash("1")})]}
    accounts = {kind: account for kind, account in ACCOUNTS.items() if kind is not A.SYSTEM_SETTLEMENT}
    assert refusal_of(fees, accounts=accounts) == (
        "payouts.fees.value.0.destination",
        "a payout in RUB has no account system_settlement",
    )


def test_fees_that_are_not_said_are_a_mistake():
    with pytest.raises(ConfigurationError) as refused:
        computed(PayoutTerms(), KNOWN, {}, ACCOUNTS, rub(1))
    assert (refused.value.path, refused.value.reason) == ("payouts.fees", "is not said")


def test_criteria_are_asked():
    selector = {"decisions": [{"if": {"criterion": "ours"}, "then": {"value": PAID}}]}
    assert len(flow(selector, criteria={"ours": read_predicate({"party_is": {"party": "p", "shop": "s"}})})) == 1
    assert refusal_of(selector) == ("payouts.fees.decisions.0.if.criterion", "there is no criterion ours")


@pytest.mark.parametrize(
    ("volume", "minor", "path", "reason"),
    [
        ({"fixed": cash("1", "EUR")}, 1, "", "EUR cannot move from an account in RUB to one in RUB"),
        ({"fixed": cash("-0.01")}, 1, "", "-0.01 RUB is below zero"),
        ({"share": {"parts": "-1/1"}}, 1, "", "-0.01 RUB is below zero"),
        ({"share": {"parts": "1/2", "of": "surplus"}}, 1, ".share.of", "payouts know no surplus"),
        ({"max_of": [{"fixed": cash("1", "EUR")}, {"share": {"parts": "1/1"}}]}, 1, ".max_of", "mixes EUR and RUB"),
    ],
)
def test_a_volume_that_cannot_be(volume, minor, path, reason):
    selector = {"decisions": [{"if": True, "then": {"value": [{**PAID[0], "volume": volume}]}}]}
    where = f"payouts.fees.decisions.0.then.value.0.volume{path}"
    assert refusal_of(selector, minor=minor) == (where, reason)


def test_nothing_moves_to_itself():
    wrong = moves("merchant_payout", "merchant_payout", {"fixed": cash("1")})
    assert refusal_of({"value": [wrong]}) == ("payouts.fees.value.0", "merchant_payout cannot move to itself")


def test_accounts_of_two_currencies_are_a_mistake():
    euros = {**ACCOUNTS, A.SYSTEM_SETTLEMENT: system_account(A.SYSTEM_SETTLEMENT, 1, "EUR")}
    posting = Posting(A.MERCHANT_SETTLEMENT, A.SYSTEM_SETTLEMENT, Share(1, 1))
    with pytest.raises(ConfigurationError) as refused:
        finalised([posting], rub(1), euros)
    assert refused.value.path == "payouts.fees.0.volume"
    assert refused.value.reason == "RUB cannot move from an account in RUB to one in EUR"


def test_a_posting_of_zero_is_kept():
    assert [posting.amount for posting in flow({"value": [{**PAID[0], "volume": {"fixed": cash("0")}}]})] == [rub(0)]
    assert [posting.amount for posting in flow({"value": PAID}, minor=0)] == [rub(0)]


def test_what_can_be_moved_at_once_and_no_more():
    posting = Posting(A.MERCHANT_SETTLEMENT, A.MERCHANT_PAYOUT, Fixed(rub(MINOR_MAX)))
    assert [p.amount for p in finalised([posting], rub(1), ACCOUNTS)] == [rub(MINOR_MAX)]
    with pytest.raises(InvalidAmount) as refused:
        finalised([replace(posting, volume=Share(MINOR_MAX + 1, 1))], rub(1), ACCOUNTS)
    assert str(refused.value) == "10000000000000.01 RUB is more than can be moved at once."


def test_postings_need_not_add_up():
    fees = [{**PAID[0], "volume": {"share": {"parts": "1/2"}}}, {**PAID[0], "volume": {"share": {"parts": "1/2"}}}]
    assert spent(flow({"value": fees}, minor=3), "RUB") == rub(4)


# --- the other two selectors ------------------------------------------------------------------------------------------


def said(**payouts):
    return read_terms({"payouts": payouts}).payouts


def test_the_limit_by_circumstances():
    cash_limit = {
        "decisions": [
            {"if": {"currency_is": "EUR"}, "then": {"value": {}}},
            {"if": True, "then": {"value": {"upper": {"exclusive": cash("5.00")}}}},
        ]
    }
    terms = said(cash_limit=cash_limit)
    assert limit(terms, KNOWN, {}) == CashRange(upper=Bound(rub(500), False))
    assert limit(terms, Variables(currency="EUR"), {}) == CashRange()
    assert limit(PayoutTerms(), KNOWN, {}) is None
    with pytest.raises(ConfigurationError) as refused:
        limit(terms, NOTHING, {})
    assert (refused.value.path, refused.value.reason) == ("payouts.cash_limit.decisions.0.if", UNDETERMINED)


def test_the_methods_by_circumstances():
    payout_methods = {
        "decisions": [
            {"if": {"category_is": 2}, "then": {"value": []}},
            {"if": {"criterion": "ours"}, "then": {"value": ["wallet"]}},
        ]
    }
    terms = said(payout_methods=payout_methods)
    criteria = {"ours": read_predicate({"party_is": {"party": "p"}})}
    assert methods(terms, KNOWN, criteria) == frozenset({ToolKind.WALLET})
    assert methods(terms, Variables(category=2), criteria) == frozenset()
    assert methods(PayoutTerms(), KNOWN, criteria) is None
    with pytest.raises(ConfigurationError) as refused:
        methods(terms, replace(KNOWN, party="q"), criteria)
    assert refused.value.path == "payouts.payout_methods"
    assert refused.value.reason == "cannot be reduced: no decision is true"


# --- from postings to the two numbers ---------------------------------------------------------------------------------


def test_of_five_and_one_and_one_four_are_paid_and_two_are_the_fee():
    postings = [
        final(A.MERCHANT_SETTLEMENT, A.MERCHANT_PAYOUT, 5),
        final(A.MERCHANT_PAYOUT, A.SYSTEM_SETTLEMENT, 1),
        final(A.MERCHANT_SETTLEMENT, A.SYSTEM_SETTLEMENT, 1),
    ]
    assert classified(postings, "RUB") == Split(amount=rub(4), fee=rub(2))
    assert spent(postings, "RUB") == rub(6)


TABLE = {
    (A.MERCHANT_SETTLEMENT, A.MERCHANT_PAYOUT): (PostingClass.PAYOUT_AMOUNT, 7, 0),
    (A.MERCHANT_PAYOUT, A.SYSTEM_SETTLEMENT): (PostingClass.PAYOUT_FIXED_FEE, -7, 7),
    (A.MERCHANT_PAYOUT, A.MERCHANT_SETTLEMENT): (PostingClass.PAYOUT_FIXED_FEE, -7, 7),
    (A.MERCHANT_SETTLEMENT, A.SYSTEM_SETTLEMENT): (PostingClass.FEE, 0, 7),
    (A.SYSTEM_SETTLEMENT, A.MERCHANT_SETTLEMENT): (PostingClass.RETURN_FEE, 0, 0),
    (A.MERCHANT_SETTLEMENT, A.MERCHANT_GUARANTEE): (PostingClass.GUARANTEE_DEPOSIT, 0, 0),
}


@pytest.mark.parametrize("destination", AccountType)
@pytest.mark.parametrize("source", AccountType)
def test_the_class_of_every_pair(source, destination):
    kind, amount, fee = TABLE.get((source, destination), (None, 0, 0))
    assert CLASSES.get((source, destination)) is kind
    assert classified([final(source, destination, 7)], "RUB") == Split(rub(amount), rub(fee))
    leaves = (source is A.MERCHANT_SETTLEMENT) - (destination is A.MERCHANT_SETTLEMENT)
    assert spent([final(source, destination, 7)], "RUB") == rub(7 * leaves)


def test_each_class_is_summed():
    postings = [final(*pair, minor) for pair in TABLE for minor in (10, 1)]
    assert classified(postings, "RUB") == Split(amount=rub(11 - 22), fee=rub(11 + 22))
    assert spent(postings, "RUB") == rub(3 * 11 - 2 * 11)


def test_without_postings_nothing_is_paid():
    assert classified((), "EUR") == Split(Money(0, "EUR"), Money(0, "EUR"))
    assert spent((), "EUR") == Money(0, "EUR")
