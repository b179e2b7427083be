"""What is asked about a disputed payment, and what comes back: the words that billing, providers and the support desk share.

Every call raises `Refused` for a definite no, with its code, or `Unsure` for all else, and nothing more.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

from gateways.receipts import Unsure
from models.kernel.money import Money

INVOICE_NOT_FOUND, PAYMENT_NOT_FOUND, TERMINAL_NOT_FOUND = (
    "invoice_not_found",
    "payment_not_found",
    "terminal_not_found",
)
ADJUSTMENT_PENDING = "adjustment_pending"
"""Billing works on another adjustment of the payment: later."""
UNEXPECTED = "unexpected"
INVALID_STATUS, INVALID_TARGET_STATUS = "invalid_payment_status", "invalid_payment_target_status"

# billing


@dataclass(frozen=True, slots=True)
class BilledPayment:
    """A payment as billing has it now. `status` is billing's own word, in lower case."""

    invoice: str
    payment: str
    party: str
    shop: str
    shop_name: str
    status: str
    cost: Money
    created_at: datetime
    changed_cost: Money | None = None
    captured_cost: Money | None = None
    provider: int | None = None
    terminal: int | None = None
    provider_trx: str | None = None
    trx_info: Mapping[str, str] = field(default_factory=dict, repr=False)
    payer_email: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where a provider's adapter is, and how it wants to be spoken to. `options` are merged: the terminal's win over the
    proxy's, those over the provider's. They hold secrets."""

    id: int
    provider: int
    url: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)


class AdjustmentKind(StrEnum):
    CASH_FLOW = "cash_flow"
    CAPTURED = "captured"


@dataclass(frozen=True, slots=True)
class BilledAdjustment:
    """An adjustment that billing knows of. `target_reason` is the reason on the status that a CAPTURED one leads to."""

    id: str
    kind: AdjustmentKind
    reason: str
    target_reason: str = ""
    amount: Money | None = None
    pending: bool = False
    """Whether billing still works on it."""


@dataclass(frozen=True, slots=True)
class AdjustmentOrder:
    """An adjustment to be made, once. `key` names it for ever; `amount` is the new one of a CASH_FLOW."""

    key: str
    invoice: str
    payment: str
    kind: AdjustmentKind
    reason: str
    amount: Money | None = None


class Billing(Protocol):
    async def payment(self, invoice: str, payment: str) -> BilledPayment:
        """`Refused`: INVOICE_NOT_FOUND, PAYMENT_NOT_FOUND."""
        ...

    async def risk_score(self, invoice: str, payment: str) -> str | None:
        """The last one that the invoice's events tell of the payment, read by pages of a hundred."""
        ...

    async def terminal(self, id: int) -> Terminal:
        """Remembered for a while. `Refused`: TERMINAL_NOT_FOUND."""
        ...

    async def adjustments(self, invoice: str, payment: str) -> Sequence[BilledAdjustment]:
        """All of the payment's. `Refused` as `payment`."""
        ...

    async def adjust(self, order: AdjustmentOrder) -> str:
        """Make it, and answer its id; the same key again makes nothing more. `Refused`: ADJUSTMENT_PENDING, INVALID_STATUS,
        INVALID_TARGET_STATUS, and as `payment`."""
        ...


# providers


@dataclass(frozen=True, slots=True)
class Transaction:
    """A payment as its provider knows it."""

    invoice: str
    payment: str
    provider_trx: str
    options: Mapping[str, str] = field(repr=False)
    trx_info: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A file that shows that the payer paid: from where it can be fetched for a while."""

    url: str = field(repr=False)
    mime_type: str


@dataclass(frozen=True, slots=True)
class DisputeOrder:
    """A dispute to be opened, once. `dispute_id` is ours and names it for ever."""

    dispute_id: str
    transaction: Transaction
    amount: Money
    reason: str | None
    evidence: Sequence[Evidence]
    payer_email: str | None = field(default=None, repr=False)
    risk_score: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """It has taken the dispute, under this id."""

    provider_dispute: str


@dataclass(frozen=True, slots=True)
class Declined:
    """It says that the payer did not pay, or that it cannot say."""

    code: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class AlreadyExists:
    """It has a dispute about this payment, and does not say which."""


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Not now."""


@dataclass(frozen=True, slots=True)
class StillPending:
    """It has not decided."""


@dataclass(frozen=True, slots=True)
class Upheld:
    """The payer did pay; `changed` where it was another amount."""

    changed: Money | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class PaymentChecked:
    """Whether the payment itself succeeded there; `changed` where it was another amount. `asked`: whether anybody could be."""

    success: bool
    changed: Money | None = None
    asked: bool = True


Created: TypeAlias = Accepted | Declined | AlreadyExists | RetryLater
Decided: TypeAlias = StillPending | Upheld | Declined


class Unexpected(Unsure):
    """It answered that something went wrong inside; `reason` are its own words, which are kept with the dispute alone: they may be
    about a payer, so they are in no log."""

    def __init__(self, system: str, operation: str, reason: str) -> None:
        super().__init__(system, operation, UNEXPECTED)
        self.reason = reason

    @property
    def logged(self) -> str:
        return UNEXPECTED


class Providers(Protocol):
    """The adapters of payment providers; `url` says whose. Each is one of `Terminal.url`'s doors."""

    async def open(self, url: str, order: DisputeOrder) -> Created:
        """Open a dispute; the same `dispute_id` again opens nothing more. May raise `Unexpected`."""
        ...

    async def check_dispute(self, url: str, dispute: str, transaction: Transaction, currency: str) -> Decided:
        """What became of the provider's own dispute `dispute`. May raise `Unexpected`."""
        ...

    async def check_payment(self, url: str, transaction: Transaction, currency: str) -> PaymentChecked:
        """Whether the payment itself succeeded. May raise `Unexpected`."""
        ...

    async def missing(self, url: str) -> bool:
        """Whether a plain GET there answers 404: the adapter has no such door."""
        ...


async def no_such_door(providers: Providers, url: str, error: Unsure) -> bool:
    """Whether an adapter failed because it has no such door at all: it is asked plainly."""
    odd = isinstance(error, Unexpected) or error.reason == "status 404"
    return odd and await providers.missing(url)


async def confirmed(providers: Providers, url: str, transaction: Transaction, currency: str) -> PaymentChecked:
    """Whether the payment itself succeeded at its provider; one that has no such door does not say so, which is not a no."""
    try:
        return await providers.check_payment(url, transaction, currency)
    except Unsure as error:
        if not await no_such_door(providers, url, error):
            raise
    return PaymentChecked(success=False, asked=False)


# the support desk


class Support(Protocol):
    """Where humans look after disputes whose provider has no door for them."""

    async def open(self, order: DisputeOrder) -> Created:
        """Hand a dispute over; the same `dispute_id` again hands over nothing more."""
        ...

    async def tell(self, key: str, card: Mapping[str, Any]) -> None:
        """What a dispute has come to; `key` names the message for ever."""
        ...


# merchants


@dataclass(frozen=True, slots=True)
class Told:
    """A message for a merchant's own server. `key` is the same each time it is tried."""

    url: str = field(repr=False)
    party: str
    key: str
    body: Mapping[str, Any]


class Receivers(Protocol):
    """Merchants' own servers, at addresses that merchants gave: public ones, over https."""

    async def post(self, message: Told) -> int:
        """Say it, signed; answers the 2xx. `Refused` for any other status (code `status_<n>`) and for an address that is
        not one that is asked (code `address_not_allowed`), `Unsure` for all else."""
        ...


# files


OURS = "disputes"
"""Where attachments are in the storage: what else there is, is no business of ours."""


class Storage(Protocol):
    """Where attachments are kept, by keys that we make up."""

    async def put(self, key: str, data: bytes, mime_type: str) -> None:
        """Raises `Unsure`; nothing that was put is changed."""
        ...

    async def present(self, keys: Sequence[str]) -> frozenset[str]:
        """Which of them are there. Raises `Unsure`."""
        ...

    async def link(self, key: str, seconds: int) -> str:
        """An address from which it can be fetched for that long, by whoever has the address."""
        ...

    async def remove(self, keys: Sequence[str]) -> None:
        """Those that are not there are no matter. Raises `Unsure`."""
        ...

    async def older(self, seconds: int, limit: int, after: str | None = None) -> Sequence[str]:
        """Keys of ours, in order, from behind `after` on, of what was put longer ago than that. Raises `Unsure`."""
        ...

    def pages(self, seconds: int, limit: int, begin: str) -> AsyncGenerator[Sequence[str], None]:
        """All that `older` tells, once, so many at a time, from behind `begin` on and round to it. Raises `Unsure`."""
        ...
