"""Terms written in JSON, in one form only: what `reading` reads back as the same terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from models.kernel.money import Money
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
    Predicate,
)
from models.parties.postings.ranges import Bound, CashRange
from models.parties.postings.selectors import Selector, Value
from models.parties.postings.terms import PayoutTerms, Posting, Terms, TimedTerms
from models.parties.postings.volumes import OPERATION_AMOUNT, Fixed, MaxOf, MinOf, Rounding, Share, SumOf, Volume

Json = dict[str, Any]


def written_terms(terms: Terms) -> Json:
    """What is not said is left out."""
    return _said(
        payouts=None if terms.payouts is None else _payouts(terms.payouts),
        currencies=None if terms.currencies is None else sorted(terms.currencies),
        categories=None if terms.categories is None else sorted(terms.categories),
    )


def written_predicate(predicate: Predicate) -> bool | Json:
    if isinstance(predicate, Constant):
        return predicate.value
    word, write = PREDICATES[type(predicate)]
    return {word: write(predicate)}


def written_timed(sets: Sequence[TimedTerms]) -> list[Json]:
    """Times in the zone in which they are kept."""
    return [
        _said(
            since=timed.since and timed.since.isoformat(),
            until=timed.until and timed.until.isoformat(),
            terms=written_terms(timed.terms),
        )
        for timed in sets
    ]


def _said(**fields: Any) -> Json:
    return {name: value for name, value in fields.items() if value is not None}


def _payouts(terms: PayoutTerms) -> Json:
    return _said(
        fees=terms.fees and _selector(terms.fees, _fees),
        cash_limit=terms.cash_limit and _selector(terms.cash_limit, _range),
        payout_methods=terms.payout_methods and _selector(terms.payout_methods, _methods),
    )


def _selector(selector: Selector[Any], write: Callable[[Any], Any]) -> Json:
    if isinstance(selector, Value):
        return {"value": write(selector.value)}
    decisions = selector.decisions
    return {"decisions": [{"if": written_predicate(d.condition), "then": _selector(d.then, write)} for d in decisions]}


def _fees(postings: tuple[Posting, ...]) -> list[Json]:
    return [
        _said(
            source=posting.source.value,
            destination=posting.destination.value,
            volume=_volume(posting.volume),
            details=posting.details or None,
        )
        for posting in postings
    ]


def _methods(kinds: frozenset[ToolKind]) -> list[str]:
    return sorted(kind.value for kind in kinds)


def _money(money: Money) -> Json:
    return {"amount": f"{money.amount:f}", "currency": money.currency}


def _range(cash: CashRange) -> Json:
    return _said(lower=cash.lower and _bound(cash.lower), upper=cash.upper and _bound(cash.upper))


def _bound(bound: Bound) -> Json:
    return {"inclusive" if bound.inclusive else "exclusive": _money(bound.money)}


def _volume(volume: Volume) -> Json:
    word, write = VOLUMES[type(volume)]
    return {word: write(volume)}


def _volumes(product: MinOf | MaxOf | SumOf) -> list[Json]:
    return [_volume(member) for member in product.members]


def _share(share: Share) -> Json:
    """What is meant when nothing is said is left out, so that nothing grows by being read and written."""
    rounding = None if share.rounding is Rounding.HALF_AWAY_FROM_ZERO else share.rounding.value
    of = None if share.of == OPERATION_AMOUNT else share.of
    return _said(parts=f"{share.p}/{share.q}", of=of, rounding=rounding)


def _predicates(members: tuple[Predicate, ...]) -> list[bool | Json]:
    return [written_predicate(member) for member in members]


VOLUMES: Mapping[type[Volume], tuple[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        Fixed: ("fixed", lambda volume: _money(volume.cash)),
        Share: ("share", _share),
        MinOf: ("min_of", _volumes),
        MaxOf: ("max_of", _volumes),
        SumOf: ("sum_of", _volumes),
    }
)
PREDICATES: Mapping[type[Predicate], tuple[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        AllOf: ("all_of", lambda predicate: _predicates(predicate.members)),
        AnyOf: ("any_of", lambda predicate: _predicates(predicate.members)),
        IsNot: ("is_not", lambda predicate: written_predicate(predicate.member)),
        Criterion: ("criterion", lambda predicate: predicate.name),
        CategoryIs: ("category_is", lambda predicate: predicate.category),
        CurrencyIs: ("currency_is", lambda predicate: predicate.currency),
        CostIn: ("cost_in", lambda predicate: _range(predicate.range)),
        CostIsMultipleOf: ("cost_is_multiple_of", lambda predicate: _money(predicate.money)),
        PartyIs: ("party_is", lambda predicate: _said(party=predicate.party, shop=predicate.shop)),
        PayoutMethodIs: ("payout_method_is", lambda predicate: predicate.method.value),
    }
)
