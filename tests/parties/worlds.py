"""What these tests have in common: the accounts of one shop, and documents of terms made at random."""

from __future__ import annotations

from hypothesis import strategies as st

from models.kernel.money import MINOR_MAX, Money
from models.parties.lifecycle import ToolKind
from models.parties.postings import AccountType, read_terms, shop_account, system_account
from models.parties.postings.predicates import Circumstances, Variables

A = AccountType
SETTLEMENT = shop_account(A.MERCHANT_SETTLEMENT, "p", "s", "RUB")
GUARANTEE = shop_account(A.MERCHANT_GUARANTEE, "p", "s", "RUB")
PAYOUT = shop_account(A.MERCHANT_PAYOUT, "p", "s", "RUB")
SYSTEM = system_account(A.SYSTEM_SETTLEMENT, 1, "RUB")
SUBAGENT = system_account(A.SYSTEM_SUBAGENT, 1, "RUB")
ACCOUNTS = {
    A.MERCHANT_SETTLEMENT: SETTLEMENT,
    A.MERCHANT_GUARANTEE: GUARANTEE,
    A.MERCHANT_PAYOUT: PAYOUT,
    A.SYSTEM_SETTLEMENT: SYSTEM,
    A.SYSTEM_SUBAGENT: SUBAGENT,
}
KNOWN = Variables("p", "s", 1, "RUB", Money(1_000, "RUB"), ToolKind.WALLET)
NOTHING = Variables()


def given(variables=KNOWN, criteria=None):
    return Circumstances(variables, criteria or {})


def rub(minor):
    return Money(minor, "RUB")


def cash(amount, currency="RUB"):
    return {"amount": amount, "currency": currency}


def moves(source, destination, volume, **more):
    return {"source": source, "destination": destination, "volume": volume, **more}


def with_fees(selector):
    """Terms of payouts with these fees."""
    return read_terms({"payouts": {"fees": selector}}).payouts


# --- documents in their written form ----------------------------------------------------------------------------------

names = st.text("aZ09 -_./лъ漢", min_size=1, max_size=8)
currencies = st.sampled_from(["RUB", "USDT", "JPY", "KWD"])


@st.composite
def moneys(draw, currency=None, least=-MINOR_MAX):
    money = Money(draw(st.integers(least, MINOR_MAX)), currency or draw(currencies))
    return cash(f"{money.amount:f}", money.currency)


@st.composite
def ranges(draw):
    currency, words = draw(currencies), ("inclusive", "exclusive")
    low, high = sorted(draw(st.lists(st.integers(-MINOR_MAX, MINOR_MAX), min_size=2, max_size=2, unique=True)))
    ends = {}
    for name, minor in (("lower", low), ("upper", high)):
        if draw(st.booleans()):
            ends[name] = {draw(st.sampled_from(words)): cash(f"{Money(minor, currency).amount:f}", currency)}
    return ends


methods = st.sampled_from([kind.value for kind in ToolKind])
parties = st.fixed_dictionaries({"party": names}, optional={"shop": names})
leaves = st.one_of(
    st.booleans(),
    names.map(lambda name: {"criterion": name}),
    st.integers(0, 2**31 - 1).map(lambda number: {"category_is": number}),
    currencies.map(lambda currency: {"currency_is": currency}),
    ranges().map(lambda cash: {"cost_in": cash}),
    moneys(least=1).map(lambda money: {"cost_is_multiple_of": money}),
    parties.map(lambda party: {"party_is": party}),
    methods.map(lambda method: {"payout_method_is": method}),
)
predicates = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda members: {"all_of": members}),
        st.lists(inner, max_size=3).map(lambda members: {"any_of": members}),
        inner.map(lambda member: {"is_not": member}),
    ),
    max_leaves=3,
)
whole = st.integers(-(10**18) + 1, 10**18 - 1)
shares = st.fixed_dictionaries(
    {"parts": st.builds("{}/{}".format, whole, whole.filter(bool))},
    optional={"of": st.just("surplus"), "rounding": st.just("half_towards_zero")},
)
volumes = st.recursive(
    st.one_of(moneys().map(lambda money: {"fixed": money}), shares.map(lambda share: {"share": share})),
    lambda inner: st.builds(
        lambda word, members: {word: members},
        st.sampled_from(["min_of", "max_of", "sum_of"]),
        st.lists(inner, min_size=1, max_size=2),
    ),
    max_leaves=3,
)
account_types = st.sampled_from([kind.value for kind in AccountType])
postings = st.fixed_dictionaries(
    {"source": account_types, "destination": account_types, "volume": volumes}, optional={"details": names}
)


def selectors(values):
    return st.recursive(
        values.map(lambda value: {"value": value}),
        lambda inner: st.lists(st.fixed_dictionaries({"if": predicates, "then": inner}), max_size=2).map(
            lambda decisions: {"decisions": decisions}
        ),
        max_leaves=2,
    )


documents = st.fixed_dictionaries(
    {},
    optional={
        "currencies": st.sets(st.sampled_from(["EUR", "JPY", "RUB"])).map(sorted),
        "categories": st.sets(st.integers(0, 2**31 - 1), max_size=3).map(sorted),
        "payouts": st.fixed_dictionaries(
            {},
            optional={
                "fees": selectors(st.lists(postings, max_size=2)),
                "cash_limit": selectors(ranges()),
                "payout_methods": selectors(st.sets(methods).map(sorted)),
            },
        ),
    },
)
