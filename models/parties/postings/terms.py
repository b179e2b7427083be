"""Terms as they are used: what payouts cost and may be, since when, and how contracts inherit them. [spec/payouts §6.2]"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from models.parties.errors import ConfigurationError
from models.parties.lifecycle import ToolKind
from models.parties.postings.accounts import AccountType
from models.parties.postings.ranges import CashRange
from models.parties.postings.selectors import Selector
from models.parties.postings.volumes import Volume


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of fees: from where to where, how much, and a word for people."""

    source: AccountType
    destination: AccountType
    volume: Volume
    details: str = ""


@dataclass(frozen=True, slots=True)
class PayoutTerms:
    """What is said of payouts; None is not said."""

    fees: Selector[tuple[Posting, ...]] | None = None
    cash_limit: Selector[CashRange] | None = None
    payout_methods: Selector[frozenset[ToolKind]] | None = None

    def over(self, earlier: PayoutTerms) -> PayoutTerms:
        """What is said here replaces what was said earlier; a selector is replaced whole, never merged."""
        return PayoutTerms(
            fees=self.fees or earlier.fees,
            cash_limit=self.cash_limit or earlier.cash_limit,
            payout_methods=self.payout_methods or earlier.payout_methods,
        )


@dataclass(frozen=True, slots=True)
class Terms:
    """A whole document of terms. Without `payouts` there are none to be had.

    `currencies` and `categories` are those of shops that may work under them; None is not said: any.
    """

    payouts: PayoutTerms | None = None
    currencies: frozenset[str] | None = None
    categories: frozenset[int] | None = None

    def over(self, earlier: Terms) -> Terms:
        payouts = self.payouts or earlier.payouts
        if self.payouts is not None and earlier.payouts is not None:
            payouts = self.payouts.over(earlier.payouts)
        return Terms(
            payouts,
            earlier.currencies if self.currencies is None else self.currencies,
            earlier.categories if self.categories is None else self.categories,
        )


@dataclass(frozen=True, slots=True)
class TimedTerms:
    """Terms that hold from `since`, inclusive, to `until`, exclusive; None is always."""

    terms: Terms
    since: datetime | None = None
    until: datetime | None = None

    def active(self, at: datetime) -> bool:
        return _within(self.since, at, self.until)


Chain = Sequence[Sequence[TimedTerms]]
"""The timed sets of each node of a hierarchy, from its root to the node that is meant."""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What is changed for one contract, from `valid_since`, or else from its making, to `valid_until`."""

    created_at: datetime
    chain: Chain
    valid_since: datetime | None = None
    valid_until: datetime | None = None

    def active(self, at: datetime) -> bool:
        return _within(self.valid_since or self.created_at, at, self.valid_until)


def merged(chain: Chain, adjustments: Sequence[Adjustment], at: datetime) -> Terms:
    """The contract's terms at a moment: its hierarchy's, then each active adjustment's, given from oldest to newest.

    An adjustment without an active set changes nothing. Raises ConfigurationError when the contract's own hierarchy has none.
    """
    terms = _inherited(chain, at)
    if terms is None:
        raise ConfigurationError("terms", f"no set of terms is active at {at.isoformat()}")
    for adjustment in adjustments:
        if adjustment.active(at):
            terms = (_inherited(adjustment.chain, at) or Terms()).over(terms)
    return terms


def _inherited(chain: Chain, at: datetime) -> Terms | None:
    """Parents first, each node laid over them; None when no node has an active set."""
    found: Terms | None = None
    for sets in chain:
        own = _active(sets, at)
        if own is not None:
            found = own if found is None else own.over(found)
    return found


def _active(sets: Sequence[TimedTerms], at: datetime) -> Terms | None:
    """The last one in the order of the list, whenever it begins."""
    return next((timed.terms for timed in reversed(sets) if timed.active(at)), None)


def _within(since: datetime | None, at: datetime, until: datetime | None) -> bool:
    return (since is None or since <= at) and (until is None or at < until)
