"""Payouts: a merchant's money on its way out, every fee explained, each step shown."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated, Any

import strawberry

from models.kernel.pages import Order
from models.kernel.refusals import NotFound as Unknown
from models.parties.lifecycle import ToolKind
from models.payouts import operations as payouts
from models.payouts import reads
from models.payouts.errors import PAYOUT_NOT_FOUND
from models.payouts.lifecycle import PAYOUTS, DeliveryStatus, PayoutStatus
from schema.cashflow import CashFlowPosting
from schema.context import Info
from schema.contracts import PayoutDestination, PayoutTool
from schema.deliveries import Delivery
from schema.events import Event, Heartbeat, Lagged, Told
from schema.inputs import Asked
from schema.money import Money, MoneyInput
from schema.node import Action, Node, global_id, number_of
from schema.parties import Party, Shop
from schema.refusals import (
    Busy,
    CashLimitExceeded,
    ConfigurationError,
    ContractNotActive,
    CurrencyNotSupported,
    DeliveryNotOpen,
    DeliveryStarted,
    IdempotencyKeyConflict,
    IllegalMove,
    InsufficientFunds,
    InvalidAmount,
    InvalidInput,
    InvalidPostings,
    NotAllowed,
    NotFound,
    NotOperating,
    OperationNotPermitted,
    PayoutAlreadyExists,
    PayoutMethodNotAllowed,
    VersionConflict,
)
from schema.scalars import CurrencyCode

NOUN = "Payout"

strawberry.enum(PayoutStatus, description="Of a payout's life. The list grows: have a default.")


@strawberry.enum(description="In which order payouts are listed.")
class PayoutOrder(Enum):
    NEWEST = "newest"
    OLDEST = "oldest"
    CHANGED = "changed"


ORDERS: dict[PayoutOrder, Order] = {
    PayoutOrder.NEWEST: reads.NEWEST,
    PayoutOrder.OLDEST: reads.OLDEST,
    PayoutOrder.CHANGED: reads.CHANGED,
}


@strawberry.type(description="A merchant's money that leaves the system.")
class Payout(Node):
    payout_id: str = strawberry.field(description="The plain id that everybody knows it by.")
    party_id: str = strawberry.field(description="Whose money it is.")
    shop_id: str = strawberry.field(description="Out of which shop.")
    payout_tool_id: str = strawberry.field(description="Where it goes, as its contract calls it.")
    status: PayoutStatus = strawberry.field(description="Of the payout's life.")
    sequence: int = strawberry.field(description="How often its status has changed; 0 when it was created.")
    requested: Money = strawberry.field(description="What was asked for.")
    amount: Money = strawberry.field(description="What the merchant gets.")
    fee: Money = strawberry.field(description="What is taken of it.")
    cash_flow: list[CashFlowPosting] = strawberry.field(description="All that moves with it, in order.")
    destination: PayoutDestination = strawberry.field(
        description="Where its tool led when it was created: it goes there."
    )
    cancel_details: str | None = strawberry.field(description="Why it was cancelled.")
    failure: str | None = strawberry.field(description="Why it failed, as whoever was to deliver it said.")
    delivery_status: DeliveryStatus | None = strawberry.field(
        description="Of its delivery; null where it has none: before it is confirmed, and where people deliver it."
    )
    needs_attention: bool = strawberry.field(description="Its delivery does not get on: a human has to look.")
    slot: datetime | None = strawberry.field(description="The moment of the shop's schedule that it was made for.")
    record: strawberry.Private[reads.PayoutRecord]

    @strawberry.field(description="Whose money it is, as it is now.")
    async def party(self, info: Info) -> Party | None:
        found = await info.context.load.party(self.record.party_code)
        return Party.of(found) if found else None

    @strawberry.field(description="Out of which shop, as it is now.")
    async def shop(self, info: Info) -> Shop | None:
        found = await info.context.load.shop(self.record.shop_id)
        return Shop.of(found) if found else None

    @strawberry.field(description="The payout tool, as it is now.")
    async def payout_tool(self, info: Info) -> PayoutTool | None:
        found = await info.context.load.payout_tool(self.record.tool_id)
        return PayoutTool.of(found) if found else None

    @strawberry.field(description="How its delivery stands now; null where there is none.")
    async def delivery(self, info: Info) -> Delivery | None:
        found = await info.context.load.delivery_of(self.record.id)
        return Delivery.of(found, whole=info.context.viewer.reads_everything) if found else None

    @strawberry.field(
        description="What could be done with it, and whether this viewer may do it now. `cancelPayout` does both "
        "`cancel` and `revert`."
    )
    def allowed_actions(self, info: Info) -> list[Action]:
        return [Action.of(action) for action in PAYOUTS.allowed(self.record, info.context.viewer)]

    @classmethod
    def of(cls, record: reads.PayoutRecord) -> Payout:
        return cls(
            id=global_id(NOUN, record.id),
            payout_id=record.payout_id,
            party_id=record.party_code,
            shop_id=record.shop_code,
            payout_tool_id=record.tool_code,
            status=record.status,
            sequence=record.sequence,
            requested=Money.of(record.requested),
            amount=Money.of(record.amount),
            fee=Money.of(record.fee),
            cash_flow=[_posting(one) for one in record.cash_flow],
            destination=PayoutDestination.of(record.tool_kind, record.destination),
            cancel_details=record.cancel_details,
            failure=record.failure,
            delivery_status=record.delivery_status,
            needs_attention=record.needs_attention,
            slot=record.slot,
            version=record.version,
            created_at=record.created_at,
            updated_at=record.updated_at,
            subject=record.subject,
            record=record,
        )


def _posting(one: reads.PostingRecord) -> CashFlowPosting:
    source, target = (one.source_type, one.source_id), (one.destination_type, one.destination_id)
    return CashFlowPosting.of(source, target, one.amount, one.details)


@strawberry.type(description="Something that happened to a payout, or to its delivery.")
class PayoutEvent(Event):
    payout: Payout = strawberry.field(description="As it was right after; what is nested is as it is now.")

    @classmethod
    def carried(cls, told: Told) -> dict[str, Any]:
        return {"payout": Payout.of(reads.PayoutRecord.of(told.event.snapshot))}


PayoutFeedItem = Annotated[PayoutEvent | Heartbeat | Lagged, strawberry.union("PayoutFeedItem")]


# inputs


@strawberry.input(description="Which payout is meant: by exactly one of these.", one_of=True)
class PayoutRef:
    id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="Its global id.")
    payout_id: str | None = strawberry.field(default=strawberry.UNSET, description="Its plain id.")

    def find(self) -> int | str:
        """The payout's number, or its plain id. Refuses PAYOUT_NOT_FOUND for what is no id of a payout."""
        found = number_of(self.id, NOUN) if isinstance(self.id, str) else self.payout_id
        if not isinstance(found, int | str):
            raise Unknown("payout", code=PAYOUT_NOT_FOUND)
        return found


@strawberry.input(description="Which payouts are meant: all that is given must be so.")
class PayoutFilter:
    party_id: str | None = strawberry.field(default=None, description="Whose.")
    shop_id: str | None = strawberry.field(default=None, description="Out of which shop.")
    payout_ids: list[str] | None = strawberry.field(default=None, description="Those of these plain ids.")
    status: PayoutStatus | None = strawberry.field(default=None, description="Of the payout's life.")
    delivery_status: DeliveryStatus | None = strawberry.field(default=None, description="Of its delivery.")
    payout_tool_kind: ToolKind | None = strawberry.field(default=None, description="How its tool takes money.")
    currency: CurrencyCode | None = strawberry.field(default=None, description="Of all its amounts.")
    amount_from: MoneyInput | None = strawberry.field(default=None, description="The merchant gets this or more.")
    amount_to: MoneyInput | None = strawberry.field(default=None, description="The merchant gets less than this.")
    needs_attention: bool | None = strawberry.field(default=None, description="Whether a human has to look.")
    created_from: datetime | None = strawberry.field(default=None, description="Created at this moment or later.")
    created_to: datetime | None = strawberry.field(default=None, description="Created before this moment.")

    def wanted(self) -> reads.Wanted:
        """Refuses INVALID_AMOUNT, CURRENCY_NOT_SUPPORTED."""
        return reads.Wanted(
            self.party_id,
            self.shop_id,
            self.status,
            self.delivery_status,
            self.payout_tool_kind,
            self.currency,
            self.payout_ids,
            self.amount_from.money() if self.amount_from else None,
            self.amount_to.money() if self.amount_to else None,
            self.needs_attention,
            self.created_from,
            self.created_to,
        )


KEY = "The same key again: the same answer again."
VERSION = "Refused when the payout has another version."


@strawberry.input(description="Money to be paid out of a shop.")
class CreatePayoutInput(Asked):
    party_id: str = strawberry.field(description="Whose.")
    shop_id: str = strawberry.field(description="Out of which shop.")
    money: MoneyInput = strawberry.field(
        description="How much leaves the settlement, less what comes on top by the terms."
    )
    idempotency_key: str = strawberry.field(description="The same key again: the same payout again, made once.")
    payout_id: str | None = strawberry.field(
        default=None, description="1 to 50 characters that no payout has; left out: one is made up."
    )
    payout_tool_id: str | None = strawberry.field(default=None, description="Left out: the shop's own.")

    def asked(self) -> payouts.Asked:
        """Refuses INVALID_AMOUNT, CURRENCY_NOT_SUPPORTED."""
        return payouts.Asked(self.party_id, self.shop_id, self.money.money(), self.payout_id, self.payout_tool_id)


@strawberry.input(description="A payout to confirm.")
class ConfirmPayoutInput(Asked):
    payout: PayoutRef = strawberry.field(description="Which.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="A payout to take back.")
class CancelPayoutInput(Asked):
    payout: PayoutRef = strawberry.field(description="Which.")
    details: str = strawberry.field(description="Why, 1 to 500 characters.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="A payout whose delivery a worker is to look at now.")
class RecheckDeliveryInput(Asked):
    payout: PayoutRef = strawberry.field(description="Which.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="What became of a delivery of which nobody here knows, heard elsewhere.")
class ResolveDeliveryInput(Asked):
    payout: PayoutRef = strawberry.field(description="Which.")
    arrived: bool = strawberry.field(
        description="Whether it arrived; if not, the payout fails and its money comes back."
    )
    word: str = strawberry.field(description="Its reference there, or why it did not arrive, 1 to 128 characters.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


CreatePayoutResult = Annotated[
    Payout
    | NotFound
    | NotAllowed
    | PayoutAlreadyExists
    | InsufficientFunds
    | NotOperating
    | ContractNotActive
    | CashLimitExceeded
    | PayoutMethodNotAllowed
    | OperationNotPermitted
    | ConfigurationError
    | InvalidPostings
    | CurrencyNotSupported
    | InvalidAmount
    | InvalidInput
    | Busy
    | IdempotencyKeyConflict,
    strawberry.union("CreatePayoutResult"),
]
ConfirmPayoutResult = Annotated[
    Payout | NotFound | NotAllowed | IllegalMove | InvalidInput | VersionConflict | Busy | IdempotencyKeyConflict,
    strawberry.union("ConfirmPayoutResult"),
]
CancelPayoutResult = Annotated[
    Payout
    | NotFound
    | NotAllowed
    | IllegalMove
    | DeliveryStarted
    | InvalidInput
    | VersionConflict
    | Busy
    | IdempotencyKeyConflict,
    strawberry.union("CancelPayoutResult"),
]
RecheckDeliveryResult = Annotated[
    Payout
    | NotFound
    | NotAllowed
    | IllegalMove
    | DeliveryNotOpen
    | InvalidInput
    | VersionConflict
    | Busy
    | IdempotencyKeyConflict,
    strawberry.union("RecheckDeliveryResult"),
]
ResolveDeliveryResult = Annotated[
    Payout
    | NotFound
    | NotAllowed
    | IllegalMove
    | DeliveryNotOpen
    | InvalidInput
    | VersionConflict
    | Busy
    | IdempotencyKeyConflict,
    strawberry.union("ResolveDeliveryResult"),
]
