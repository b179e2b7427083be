"""Deals, their disputes, and what a deal waits for."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any

import strawberry

from models.deals import reads
from models.deals.errors import DEAL_NOT_FOUND
from models.deals.lifecycle import LIFECYCLE, DealStatus, DisputeStatus, Resolution
from models.deals.operations import Offer
from models.kernel import money as kernel
from models.kernel.pages import Order
from models.kernel.refusals import NotFound as DealUnknown
from schema.context import Info
from schema.events import Event, Heartbeat, Lagged, Told
from schema.inputs import Asked
from schema.money import Money, MoneyInput
from schema.node import Action, Node, global_id, number_of
from schema.payments import Payment
from schema.people import Person, PersonRef
from schema.refusals import (
    Busy,
    CurrencyNotSupported,
    DealDisputeAlreadyClosed,
    DealDisputeAlreadyCreated,
    DealHasOpenDispute,
    IdempotencyKeyConflict,
    IllegalMove,
    InvalidAmount,
    InvalidInput,
    NotAllowed,
    NotFound,
    VersionConflict,
)
from schema.scalars import CurrencyCode

NOUN = "Deal"

strawberry.enum(DealStatus, description="Of a deal's life. The list grows: have a default.")
strawberry.enum(DisputeStatus, name="DealDisputeStatus", description="Of a deal's dispute.")
strawberry.enum(Resolution, name="DealDisputeResolution", description="In whose favour a deal's dispute is closed.")


@strawberry.enum(description="In which order deals are listed.")
class DealOrder(Enum):
    NEWEST = "newest"
    OLDEST = "oldest"
    CHANGED = "changed"


ORDERS: dict[DealOrder, Order] = {
    DealOrder.NEWEST: reads.NEWEST,
    DealOrder.OLDEST: reads.OLDEST,
    DealOrder.CHANGED: reads.CHANGED,
}


@strawberry.type(description="A side of a deal.")
class DealParty:
    number: int = strawberry.field(description="The person's number.")

    @strawberry.field(description="What the person is called.")
    async def name(self, info: Info) -> str | None:
        return await info.context.load.name(self.number)

    @strawberry.field(description="The person; null unless you may see him.")
    async def person(self, info: Info) -> Person | None:
        record = await info.context.load.person(self.number)
        return Person.of(record) if record else None


@strawberry.type(description="Why a deal is disputed, and how that ended.")
class DealDispute:
    status: DisputeStatus = strawberry.field(description="Of the dispute.")
    opened_by: DealParty = strawberry.field(description="The side that opened it.")
    title: str = strawberry.field(description="In one line.")
    description: str = strawberry.field(description="In the words of who opened it.")
    resolution: Resolution | None = strawberry.field(description="In whose favour it was closed.")
    performer_amount: Money | None = strawberry.field(
        description="What the performer got of the price, before the fee."
    )
    comment: str = strawberry.field(description="In the words of the operator who closed it; may be empty.")
    created_at: datetime = strawberry.field(description="When it was opened.")
    closed_at: datetime | None = strawberry.field(description="When it was closed.")

    @classmethod
    def of(cls, record: reads.DisputeRecord, currency: str) -> DealDispute:
        share = record.performer_minor
        return cls(
            status=record.status,
            opened_by=DealParty(number=record.opened_by),
            title=record.title,
            description=record.description,
            resolution=record.resolution,
            performer_amount=None if share is None else Money.of(kernel.Money(share, currency)),
            comment=record.comment,
            created_at=record.created_at,
            closed_at=record.closed_at,
        )


@strawberry.type(description="Why a deal waits.")
class DealWaiting:
    shortfall: Money = strawberry.field(
        description="What the customer's available balance lacks; zero when a worker is about to confirm the deal."
    )
    record: strawberry.Private[reads.DealRecord]

    @strawberry.field(description="The customer's payments in this currency that are under way and that you may see.")
    async def payments(self, info: Info) -> list[Payment]:
        deal = self.record
        return [Payment.of(one) for one in await info.context.load.paying(deal.customer_id, deal.price.currency)]


@strawberry.type(description="Escrow between a customer and a performer.")
class Deal(Node):
    number: int = strawberry.field(description="The plain number that inputs use.")
    title: str = strawberry.field(description="In one line.")
    description: str = strawberry.field(description="What is to be done.")
    status: DealStatus = strawberry.field(description="Of the deal's life.")
    price: Money = strawberry.field(description="What is held while the deal is confirmed.")
    fee: Money = strawberry.field(description="What is taken from the performer when the deal ends in his favour.")
    customer: DealParty = strawberry.field(description="Who pays.")
    performer: DealParty = strawberry.field(description="Who is paid.")
    chat_id: strawberry.ID = strawberry.field(description="Under which the sides may talk elsewhere.")
    deadline_at: datetime | None = strawberry.field(description="When it is cancelled unless it was confirmed.")
    overdue: bool = strawberry.field(description="Confirmed, and past its deadline.")
    has_open_dispute: bool = strawberry.field(description="Only an operator can end it now.")
    confirmed_at: datetime | None = strawberry.field(description="When the price was held.")
    closed_at: datetime | None = strawberry.field(description="When it ended.")
    record: strawberry.Private[reads.DealRecord]

    @strawberry.field(description="Its dispute as it stands now; null where there was none.")
    async def dispute(self, info: Info) -> DealDispute | None:
        if self.record.dispute_status is None:
            return None
        found = await info.context.load.dispute(self.record.id)
        return DealDispute.of(found, self.record.price.currency) if found else None

    @strawberry.field(description="Why it waits, now; null for a deal that does not.")
    async def waiting_for(self, info: Info) -> DealWaiting | None:
        if self.status is not DealStatus.WAITING_FOR_PAYMENT:
            return None
        missing = await info.context.load.shortfall(self.record.id)
        return DealWaiting(shortfall=Money.of(missing), record=self.record) if missing is not None else None

    @strawberry.field(description="What could be done with it, and whether this viewer may do it now.")
    def allowed_actions(self, info: Info) -> list[Action]:
        return [Action.of(action) for action in LIFECYCLE.allowed(self.record, info.context.viewer)]

    @classmethod
    def of(cls, record: reads.DealRecord) -> Deal:
        return cls(
            id=global_id(NOUN, record.id),
            number=record.id,
            title=record.title,
            description=record.description,
            status=record.status,
            price=Money.of(record.price),
            fee=Money.of(record.fee),
            customer=DealParty(number=record.customer_id),
            performer=DealParty(number=record.performer_id),
            chat_id=strawberry.ID(record.chat_id),
            deadline_at=record.deadline_at,
            overdue=record.overdue,
            has_open_dispute=record.dispute_status is DisputeStatus.OPEN,
            confirmed_at=record.confirmed_at,
            closed_at=record.closed_at,
            version=record.version,
            created_at=record.created_at,
            updated_at=record.updated_at,
            subject=record.subject,
            record=record,
        )


@strawberry.type(description="Something that happened to a deal or to its dispute.")
class DealEvent(Event):
    deal: Deal = strawberry.field(description="As the deal was right after; what is nested is as it is now.")

    @classmethod
    def carried(cls, told: Told) -> dict[str, Any]:
        return {"deal": Deal.of(reads.DealRecord.of(told.event.snapshot))}


DealFeedItem = Annotated[DealEvent | Heartbeat | Lagged, strawberry.union("DealFeedItem")]


@strawberry.input(description="Which deal is meant: by exactly one of these.", one_of=True)
class DealRef:
    id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="Its global id.")
    number: int | None = strawberry.field(default=strawberry.UNSET, description="Its number.")

    def find(self) -> int:
        """The deal's number. Refuses DEAL_NOT_FOUND for what is no id of a deal."""
        number = number_of(self.id, NOUN) if isinstance(self.id, str) else self.number
        if not isinstance(number, int):
            raise DealUnknown("deal", code=DEAL_NOT_FOUND)
        return number


@strawberry.input(description="Which deals are meant: all that is given must be so.")
class DealFilter:
    customer: PersonRef | None = strawberry.field(default=None, description="Who pays.")
    performer: PersonRef | None = strawberry.field(default=None, description="Who is paid.")
    status: DealStatus | None = strawberry.field(default=None, description="Of the deal's life.")
    currency: CurrencyCode | None = strawberry.field(default=None, description="Of the price.")
    created_from: datetime | None = strawberry.field(default=None, description="Made at this moment or later.")
    created_to: datetime | None = strawberry.field(default=None, description="Made before this moment.")

    async def wanted(self) -> reads.Wanted:
        sides = [None if ref is None else await ref.meant() or 0 for ref in (self.customer, self.performer)]
        return reads.Wanted(sides[0], sides[1], self.status, self.currency, self.created_from, self.created_to)


KEY = "The same key again: the same answer again."
VERSION = "Refused when the deal has another version."


@strawberry.input(description="A deal that a customer offers to a performer.")
class CreateDealInput(Asked):
    customer: PersonRef = strawberry.field(description="Who pays: yourself, unless you are a service.")
    performer: PersonRef = strawberry.field(description="Who is paid; somebody else.")
    title: str = strawberry.field(description="In one line, 1 to 128 characters.")
    description: str = strawberry.field(description="What is to be done, 1 to 10,000 characters.")
    price: MoneyInput = strawberry.field(description="More than zero.")
    deadline_at: datetime | None = strawberry.field(
        default=None, description="When it is cancelled unless it was confirmed; in the future."
    )
    idempotency_key: str = strawberry.field(description="The same key again: the same deal again, made once.")

    async def offer(self) -> Offer:
        return Offer(
            await self.customer.meant(),
            await self.performer.meant(),
            self.title,
            self.description,
            self.price.amount,
            self.price.currency,
            self.deadline_at,
        )


@strawberry.input(description="A deal to confirm.")
class ConfirmDealInput(Asked):
    deal: DealRef = strawberry.field(description="Which.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="A deal to turn down.")
class DenyDealInput(Asked):
    deal: DealRef = strawberry.field(description="Which.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="A deal to withdraw.")
class CancelDealInput(Asked):
    deal: DealRef = strawberry.field(description="Which.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="A deal to close: the performer is paid.")
class CloseDealInput(Asked):
    deal: DealRef = strawberry.field(description="Which.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="A deal to dispute.")
class OpenDealDisputeInput(Asked):
    deal: DealRef = strawberry.field(description="Which.")
    title: str = strawberry.field(description="In one line, 1 to 128 characters.")
    description: str = strawberry.field(description="What is wrong, 1 to 10,000 characters.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="A dispute to decide.")
class CloseDealDisputeInput(Asked):
    deal: DealRef = strawberry.field(description="Which deal's.")
    in_favour_of: Resolution = strawberry.field(description="Who gets the price; by a split both get some of it.")
    performer_amount: Decimal | None = strawberry.field(
        default=None, description="The performer's part of a split, before the fee, in the deal's currency."
    )
    comment: str | None = strawberry.field(default=None, description="Why, 1 to 2,000 characters.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


CreateDealResult = Annotated[
    Deal | NotFound | NotAllowed | InvalidInput | InvalidAmount | CurrencyNotSupported | Busy | IdempotencyKeyConflict,
    strawberry.union("CreateDealResult"),
]
ConfirmDealResult = Annotated[
    Deal | NotFound | NotAllowed | IllegalMove | InvalidInput | VersionConflict | Busy | IdempotencyKeyConflict,
    strawberry.union("ConfirmDealResult"),
]
DenyDealResult = Annotated[
    Deal | NotFound | NotAllowed | IllegalMove | InvalidInput | VersionConflict | Busy | IdempotencyKeyConflict,
    strawberry.union("DenyDealResult"),
]
CancelDealResult = Annotated[
    Deal | NotFound | NotAllowed | IllegalMove | InvalidInput | VersionConflict | Busy | IdempotencyKeyConflict,
    strawberry.union("CancelDealResult"),
]
CloseDealResult = Annotated[
    Deal
    | NotFound
    | NotAllowed
    | IllegalMove
    | DealHasOpenDispute
    | InvalidInput
    | VersionConflict
    | Busy
    | IdempotencyKeyConflict,
    strawberry.union("CloseDealResult"),
]
OpenDealDisputeResult = Annotated[
    Deal
    | NotFound
    | NotAllowed
    | IllegalMove
    | DealDisputeAlreadyCreated
    | InvalidInput
    | VersionConflict
    | Busy
    | IdempotencyKeyConflict,
    strawberry.union("OpenDealDisputeResult"),
]
CloseDealDisputeResult = Annotated[
    Deal
    | NotFound
    | NotAllowed
    | IllegalMove
    | DealDisputeAlreadyClosed
    | InvalidAmount
    | InvalidInput
    | VersionConflict
    | Busy
    | IdempotencyKeyConflict,
    strawberry.union("CloseDealDisputeResult"),
]
