"""What a payout would be: its cash flow, what the merchant gets and what it costs. Pure. [spec/payouts §3.1, §6]"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from models.kernel.money import Money
from models.kernel.refusals import FieldProblem, InvalidInput, NotFound, Refusal
from models.ledger.errors import InsufficientFunds
from models.parties.errors import PAYOUT_TOOL_NOT_FOUND, ConfigurationError
from models.parties.lifecycle import Standing
from models.parties.postings import (
    FinalPosting,
    PayoutTerms,
    Variables,
    classified,
    computed,
    limit,
    methods,
    payout_terms,
    spent,
)
from models.parties.reads import CheckedOut, ToolRecord
from models.payouts.errors import (
    PARTY_BLOCKED,
    PARTY_SUSPENDED,
    PAYOUT_TOOL_CURRENCY_MISMATCH,
    PAYOUT_TOOL_REQUIRED,
    SHOP_CURRENCY_MISMATCH,
    SHOP_SUSPENDED,
    CashLimitExceeded,
    ContractNotActive,
    NotOperating,
    PayoutMethodNotAllowed,
)


@dataclass(frozen=True, slots=True)
class Quote:
    """What a payout of `requested` to `tool` comes to."""

    requested: Money
    amount: Money
    fee: Money
    tool: ToolRecord
    postings: tuple[FinalPosting, ...]

    @property
    def spent(self) -> Money:
        """What leaves the shop's settlement account."""
        return spent(self.postings, self.requested.currency)


def something(money: Money) -> None:
    """Refuses INSUFFICIENT_FUNDS for nothing, or less: the first thing that is asked of a payout. [spec/payouts §3.1.1]"""
    if money.minor <= 0:
        raise InsufficientFunds(available=Money(0, money.currency), required=Money(1, money.currency))


def quote(state: CheckedOut, requested: Money, tool_code: str | None, at: datetime, *, strict: bool) -> Quote:
    """What a payout would be, by the state of the shop and the terms at a moment.

    `strict` also asks whether party, shop and contract work at all, and for the tool's currency and the terms' limits. Refuses,
    in this order: PAYOUT_TOOL_REQUIRED, SHOP_CURRENCY_MISMATCH, PAYOUT_TOOL_NOT_FOUND, each strict check's own refusal,
    OPERATION_NOT_PERMITTED, CONFIGURATION_ERROR, INVALID_AMOUNT, INSUFFICIENT_FUNDS where the fees leave nothing, and
    CONFIGURATION_ERROR where others pay for all of it.
    """
    tool = _tool(state, requested, tool_code)
    if strict and (no := next(_not_operating(state, tool, at), None)):
        raise no
    terms = payout_terms(state.terms(at))
    known = Variables(state.party.code, state.shop.code, state.shop.category, requested.currency, requested, tool.kind)
    if strict:
        _within_terms(terms, known, state, requested, tool)
    postings = computed(terms, known, state.criteria, state.accounts, requested)
    split = classified(postings, requested.currency)
    if split.amount.minor <= 0:
        raise InsufficientFunds(available=requested, required=requested - split.amount + Money(1, requested.currency))
    quoted = Quote(requested, split.amount, split.fee, tool, postings)
    if quoted.spent.minor <= 0:
        raise ConfigurationError("payouts.fees", "a payout takes nothing from the settlement")
    return quoted


def _tool(state: CheckedOut, requested: Money, code: str | None) -> ToolRecord:
    tool = state.tool(code)
    if code is None and tool is None:
        missing = f"shop {state.shop.code} of party {state.party.code} has no payout tool of its own: name one"
        raise InvalidInput(FieldProblem("payoutToolId", missing), code=PAYOUT_TOOL_REQUIRED)
    if requested.currency != state.shop.currency:
        wrong = FieldProblem("money.currency", f"must be {state.shop.currency}, the shop's")
        raise InvalidInput(wrong, code=SHOP_CURRENCY_MISMATCH)
    if tool is None:
        raise NotFound("payout tool", code=PAYOUT_TOOL_NOT_FOUND)
    return tool


def _not_operating(state: CheckedOut, tool: ToolRecord, at: datetime) -> Iterator[Refusal]:
    party, shop = state.party, state.shop
    if party.status is Standing.BLOCKED:
        yield NotOperating("The party is blocked.", code=PARTY_BLOCKED)
    if party.suspended:
        yield NotOperating("The party is suspended.", code=PARTY_SUSPENDED)
    if shop.status is Standing.BLOCKED:
        yield NotOperating("The shop is blocked.")
    if shop.suspended:
        yield NotOperating("The shop is suspended.", code=SHOP_SUSPENDED)
    if not state.contract.active(at):
        yield ContractNotActive()
    if tool.currency != shop.currency:
        wrong = FieldProblem("payoutToolId", f"takes {tool.currency}, the shop has {shop.currency}")
        yield InvalidInput(wrong, code=PAYOUT_TOOL_CURRENCY_MISMATCH)


def _within_terms(terms: PayoutTerms, known: Variables, state: CheckedOut, requested: Money, tool: ToolRecord) -> None:
    allowed = methods(terms, known, state.criteria)
    if allowed is not None and tool.kind not in allowed:
        raise PayoutMethodNotAllowed(tool.kind.value, [kind.value for kind in allowed])
    within = limit(terms, known, state.criteria)
    if within is not None and requested not in within:
        raise CashLimitExceeded(str(within), requested, too_little=within.too_little(requested))


def largest(state: CheckedOut, available: Money, at: datetime, *, strict: bool) -> Quote | None:
    """The most that can be paid out of `available` to the shop's own tool, fees on top included; None: not even the smallest
    amount. Found by halving, for what leaves a settlement grows with what is asked for, and a limit has at most two ends.
    Refuses what `quote` would of an amount that is looked at, beside too little and too much."""
    best: Quote | None = None
    low, high = 1, available.minor
    while low <= high:
        middle = high if best is None and high == available.minor else (low + high) // 2
        try:
            found = quote(state, Money(middle, available.currency), None, at, strict=strict)
        except InsufficientFunds:
            low = middle + 1
            continue
        except CashLimitExceeded as no:
            low, high = (middle + 1, high) if no.too_little else (low, middle - 1)
            continue
        if found.spent.minor > available.minor:
            high = middle - 1
        else:
            best, low = found, middle + 1
    return best
