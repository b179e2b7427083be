"""Terms as they are written in JSON, read. Whatever is wrong is INVALID_INPUT with its path; nothing else is raised.

What is well formed but no payout can use (an account or a constant that payouts do not have, a criterion that does not exist)
can be read: it shows when a payout needs it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import TypeVar

from models.kernel.money import EXPONENTS, Money
from models.kernel.refusals import InvalidAmount
from models.parties.lifecycle import ToolKind
from models.parties.postings.accounts import AccountType
from models.parties.postings.documents import Node
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
    Predicate,
)
from models.parties.postings.ranges import Bound, CashRange
from models.parties.postings.selectors import Decision, Decisions, Selector, Value
from models.parties.postings.terms import PayoutTerms, Posting, Terms, TimedTerms
from models.parties.postings.volumes import Fixed, MaxOf, MinOf, Rounding, Share, SumOf, Volume

POSTINGS_MAX, SETS_MAX = 50, 50
DETAILS_MAX = 500  # what a posting of the ledger takes as a description
CATEGORY_MAX = 2**31 - 1
AMOUNT = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
PARTS = re.compile(r"(-?[0-9]{1,18})/(-?[0-9]{1,18})")

T = TypeVar("T")


def read_terms(document: object, path: str = "terms") -> Terms:
    """One document of terms."""
    return _terms(Node.opened(document, path))


def read_predicate(document: object, path: str = "predicate") -> Predicate:
    """One predicate alone, as criteria are."""
    return _predicate(Node.opened(document, path))


def read_timed(sets: object, path: str = "sets") -> tuple[TimedTerms, ...]:
    """Timed sets in their order; each document is bounded by itself."""
    return Node(sets, path).each(_timed, most=SETS_MAX)


def _timed(node: Node) -> TimedTerms:
    read = node.fields({"terms": lambda inner: read_terms(inner.value, inner.path)}, {"since": _time, "until": _time})
    timed = TimedTerms(**read)
    if timed.since and timed.until and timed.until <= timed.since:
        raise node.inner("until").wrong("must be later than since")
    return timed


def _time(node: Node) -> datetime:
    try:
        time = datetime.fromisoformat(node.text(64))
        if time.tzinfo is not None:
            return time.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise node.wrong("must be an ISO 8601 time with its zone")


def _terms(node: Node) -> Terms:
    readers = {
        "payouts": _payouts,
        "currencies": lambda inner: frozenset(inner.each(_currency)),
        "categories": lambda inner: frozenset(inner.each(lambda one: one.whole(CATEGORY_MAX))),
    }
    return Terms(**node.fields({}, readers))


def _payouts(node: Node) -> PayoutTerms:
    readers = {
        "fees": lambda inner: _selector(inner, _fees),
        "cash_limit": lambda inner: _selector(inner, _range),
        "payout_methods": lambda inner: _selector(inner, _methods),
    }
    return PayoutTerms(**node.fields({}, readers))


def _selector(node: Node, read: Callable[[Node], T]) -> Selector[T]:
    def decision(inner: Node) -> Decision[T]:
        parts = inner.fields({"if": _predicate, "then": lambda then: _selector(then, read)})
        return Decision(parts["if"], parts["then"])

    kinds: Mapping[str, Callable[[Node], Selector[T]]] = {
        "value": lambda inner: Value(read(inner)),
        "decisions": lambda inner: Decisions(inner.each(decision)),
    }
    return node.one_of(kinds)


def _fees(node: Node) -> tuple[Posting, ...]:
    return node.each(_posting, most=POSTINGS_MAX)


def _posting(node: Node) -> Posting:
    return Posting(
        **node.fields(
            {"source": _account_type, "destination": _account_type, "volume": _volume},
            {"details": lambda inner: inner.text(DETAILS_MAX)},
        )
    )


def _account_type(node: Node) -> AccountType:
    return node.word(AccountType)


def _methods(node: Node) -> frozenset[ToolKind]:
    return frozenset(node.each(_method))


def _method(node: Node) -> ToolKind:
    return node.word(ToolKind)


def _currency(node: Node) -> str:
    if not isinstance(node.value, str) or node.value not in EXPONENTS:
        raise node.wrong("must be a currency that is used here")
    return node.value


def _money(node: Node) -> Money:
    """In major units, with no more decimals than the currency has."""
    read = node.fields({"amount": _amount, "currency": _currency})
    try:
        return Money.of(read["amount"], read["currency"])
    except InvalidAmount as refused:
        raise node.inner("amount").wrong(str(refused)) from None


def _amount(node: Node) -> Decimal:
    if not isinstance(node.value, str) or not AMOUNT.fullmatch(node.value):
        raise node.wrong('must be a decimal number as text: "10.50"')
    return Decimal(node.value)


def _step(node: Node) -> Money:
    money = _money(node)
    if money.minor <= 0:
        raise node.inner("amount").wrong("must be above zero")
    return money


def _range(node: Node) -> CashRange:
    cash = CashRange(**node.fields({}, {"lower": _bound, "upper": _bound}))
    if len(cash.currencies) > 1:
        raise node.wrong("must have both bounds in one currency")
    if cash.empty:
        raise node.wrong("must leave something between its bounds")
    return cash


def _bound(node: Node) -> Bound:
    return node.one_of(
        {"inclusive": lambda inner: Bound(_money(inner), True), "exclusive": lambda inner: Bound(_money(inner), False)}
    )


def _volume(node: Node) -> Volume:
    return node.one_of(VOLUMES)


def _volumes(node: Node) -> tuple[Volume, ...]:
    return node.each(_volume, least=1)


def _share(node: Node) -> Share:
    read = node.fields({"parts": _parts}, {"of": Node.name, "rounding": lambda inner: inner.word(Rounding)})
    numerator, denominator = read.pop("parts")
    return Share(numerator, denominator, **read)


def _parts(node: Node) -> tuple[int, int]:
    match = PARTS.fullmatch(node.value) if isinstance(node.value, str) else None
    if match is None:
        raise node.wrong('must be two whole numbers of up to 18 digits: "3/4"')
    if int(match[2]) == 0:
        raise node.wrong("nothing can be divided by zero")
    return int(match[1]), int(match[2])


def _predicate(node: Node) -> Predicate:
    if isinstance(node.value, bool):
        return Constant(node.value)
    if not isinstance(node.value, dict):
        raise node.wrong("must be true, false or an object")
    return node.one_of(PREDICATES)


def _predicates(node: Node) -> tuple[Predicate, ...]:
    return node.each(_predicate)


VOLUMES: Mapping[str, Callable[[Node], Volume]] = MappingProxyType(
    {
        "fixed": lambda node: Fixed(_money(node)),
        "share": _share,
        "min_of": lambda node: MinOf(_volumes(node)),
        "max_of": lambda node: MaxOf(_volumes(node)),
        "sum_of": lambda node: SumOf(_volumes(node)),
    }
)
PREDICATES: Mapping[str, Callable[[Node], Predicate]] = MappingProxyType(
    {
        "all_of": lambda node: AllOf(_predicates(node)),
        "any_of": lambda node: AnyOf(_predicates(node)),
        "is_not": lambda node: IsNot(_predicate(node)),
        "criterion": lambda node: Criterion(node.name()),
        "category_is": lambda node: CategoryIs(node.whole(CATEGORY_MAX)),
        "currency_is": lambda node: CurrencyIs(_currency(node)),
        "cost_in": lambda node: CostIn(_range(node)),
        "cost_is_multiple_of": lambda node: CostIsMultipleOf(_step(node)),
        "party_is": lambda node: PartyIs(**node.fields({"party": Node.name}, {"shop": Node.name})),
        "payout_method_is": lambda node: PayoutMethodIs(_method(node)),
    }
)
