"""From the terms to the postings of one payout, and from these to what is paid and what it costs. Pure. [spec/payouts §6]"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from models.kernel.money import MINOR_MAX, Money
from models.kernel.refusals import InvalidAmount
from models.ledger.chart import Account
from models.parties.errors import ConfigurationError, OperationNotPermitted
from models.parties.lifecycle import ToolKind
from models.parties.postings.accounts import AccountType
from models.parties.postings.predicates import Circumstances, Predicate, Variables
from models.parties.postings.ranges import CashRange
from models.parties.postings.selectors import reduced
from models.parties.postings.terms import PayoutTerms, Posting, Terms
from models.parties.postings.volumes import OPERATION_AMOUNT

Accounts = Mapping[AccountType, Account]
Criteria = Mapping[str, Predicate]


@dataclass(frozen=True, slots=True)
class FinalPosting:
    """`amount`, zero or more, moves from one account to another."""

    source_type: AccountType
    destination_type: AccountType
    source: Account
    destination: Account
    amount: Money
    details: str


def payout_terms(terms: Terms) -> PayoutTerms:
    """Refuses OPERATION_NOT_PERMITTED where payouts are not spoken of."""
    if terms.payouts is None:
        raise OperationNotPermitted
    return terms.payouts


def computed(
    terms: PayoutTerms, variables: Variables, criteria: Criteria, accounts: Accounts, amount: Money
) -> tuple[FinalPosting, ...]:
    """The postings of a payout of `amount`. Refuses CONFIGURATION_ERROR and INVALID_AMOUNT, as `finalised` does."""
    if terms.fees is None:
        raise ConfigurationError("payouts.fees", "is not said")
    fees = reduced(terms.fees, Circumstances(variables, criteria), "payouts.fees")
    return finalised(fees.value, amount, accounts, fees.path)


def limit(terms: PayoutTerms, variables: Variables, criteria: Criteria) -> CashRange | None:
    """Within what an amount must lie; None is not said. Refuses CONFIGURATION_ERROR."""
    if terms.cash_limit is None:
        return None
    return reduced(terms.cash_limit, Circumstances(variables, criteria), "payouts.cash_limit").value


def methods(terms: PayoutTerms, variables: Variables, criteria: Criteria) -> frozenset[ToolKind] | None:
    """To which kinds of tool may be paid; None is not said. Refuses CONFIGURATION_ERROR."""
    if terms.payout_methods is None:
        return None
    return reduced(terms.payout_methods, Circumstances(variables, criteria), "payouts.payout_methods").value


def finalised(
    fees: Sequence[Posting], amount: Money, accounts: Accounts, path: str = "payouts.fees"
) -> tuple[FinalPosting, ...]:
    """Each posting with its accounts and its amount; those of zero are kept. They need not add up to `amount`.

    Refuses CONFIGURATION_ERROR for an account that is not among `accounts`, one account on both sides, another currency than
    the accounts', and a negative amount; INVALID_AMOUNT for more than can be moved at once.
    """
    return tuple(_final(posting, amount, accounts, f"{path}.{place}") for place, posting in enumerate(fees))


def _final(posting: Posting, amount: Money, accounts: Accounts, path: str) -> FinalPosting:
    source = _account(posting.source, amount, accounts, f"{path}.source")
    destination = _account(posting.destination, amount, accounts, f"{path}.destination")
    if source == destination:
        raise ConfigurationError(path, f"{posting.source} cannot move to itself")
    moved = posting.volume.money({OPERATION_AMOUNT: amount}, f"{path}.volume")
    if {source.currency, destination.currency} != {moved.currency}:
        between = f"from an account in {source.currency} to one in {destination.currency}"
        raise ConfigurationError(f"{path}.volume", f"{moved.currency} cannot move {between}")
    if moved.minor < 0:
        raise ConfigurationError(f"{path}.volume", f"{moved} is below zero")
    if moved.minor > MINOR_MAX:
        raise InvalidAmount(f"{moved} is more than can be moved at once.")
    return FinalPosting(posting.source, posting.destination, source, destination, moved, posting.details)


def _account(kind: AccountType, amount: Money, accounts: Accounts, path: str) -> Account:
    if kind not in accounts:
        raise ConfigurationError(path, f"a payout in {amount.currency} has no account {kind}")
    return accounts[kind]


class PostingClass(StrEnum):
    """What a posting is to the one who is paid. All others are held like these, and are no part of the two numbers."""

    PAYOUT_AMOUNT = "payout_amount"
    PAYOUT_FIXED_FEE = "payout_fixed_fee"
    FEE = "fee"
    RETURN_FEE = "return_fee"
    GUARANTEE_DEPOSIT = "guarantee_deposit"


A, C = AccountType, PostingClass
CLASSES: Mapping[tuple[AccountType, AccountType], PostingClass] = MappingProxyType(
    {
        (A.MERCHANT_SETTLEMENT, A.MERCHANT_PAYOUT): C.PAYOUT_AMOUNT,
        (A.MERCHANT_PAYOUT, A.SYSTEM_SETTLEMENT): C.PAYOUT_FIXED_FEE,
        (A.MERCHANT_PAYOUT, A.MERCHANT_SETTLEMENT): C.PAYOUT_FIXED_FEE,
        (A.MERCHANT_SETTLEMENT, A.SYSTEM_SETTLEMENT): C.FEE,
        (A.SYSTEM_SETTLEMENT, A.MERCHANT_SETTLEMENT): C.RETURN_FEE,
        (A.MERCHANT_SETTLEMENT, A.MERCHANT_GUARANTEE): C.GUARANTEE_DEPOSIT,
    }
)


@dataclass(frozen=True, slots=True)
class Split:
    """What is paid out and what that costs. `amount` may be zero or less: the caller refuses it."""

    amount: Money
    fee: Money


def classified(postings: Sequence[FinalPosting], currency: str) -> Split:
    """The two numbers that a payout reports, in `currency`, which is that of all the postings. [spec/payouts §6.6]"""
    fixed = _sum(postings, C.PAYOUT_FIXED_FEE, currency)
    return Split(_sum(postings, C.PAYOUT_AMOUNT, currency) - fixed, _sum(postings, C.FEE, currency) + fixed)


def spent(postings: Sequence[FinalPosting], currency: str) -> Money:
    """What leaves the merchant's settlement, less what comes back to it; below zero when more comes than leaves."""
    settlement = A.MERCHANT_SETTLEMENT
    out = Money.total((p.amount for p in postings if p.source_type is settlement), currency)
    back = Money.total((p.amount for p in postings if p.destination_type is settlement), currency)
    return out - back


def _sum(postings: Sequence[FinalPosting], kind: PostingClass, currency: str) -> Money:
    of_kind = (p.amount for p in postings if CLASSES.get((p.source_type, p.destination_type)) is kind)
    return Money.total(of_kind, currency)
