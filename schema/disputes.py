"""Disputes: a payer's word against billing's, as merchants see them, and as whoever works on them does."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import strawberry

from models.disputes import reads
from models.disputes.errors import DISPUTE_NOT_FOUND
from models.disputes.lifecycle import DISPUTES, DisputeStatus, Mode, NotificationStatus, PublicStatus
from models.kernel.pages import Order
from models.kernel.refusals import NotAllowed as MayNot
from models.kernel.refusals import NotFound as Unknown
from models.kernel.viewer import Viewer
from schema.adjustments import Adjustment
from schema.context import Info
from schema.events import ActorClass, Event, Heartbeat, Lagged, Told
from schema.money import Money, MoneyInput
from schema.node import Action, Node, global_id, number_of
from schema.parties import Party
from schema.scalars import CurrencyCode

NOUN = "Dispute"

strawberry.enum(DisputeStatus, description="Of a dispute's life, as staff see it. The list grows: have a default.")
strawberry.enum(PublicStatus, name="DisputePublicStatus", description="Of a dispute's life, as its merchant sees it.")
strawberry.enum(Mode, name="DisputeMode", description="Who works on a dispute.")
strawberry.enum(NotificationStatus, name="DisputeNotificationStatus", description="Of a notification's way.")


@strawberry.enum(description="In which order disputes are listed.")
class DisputeOrder(Enum):
    NEWEST = "newest"
    OLDEST = "oldest"


ORDERS: dict[DisputeOrder, Order] = {DisputeOrder.NEWEST: reads.NEWEST, DisputeOrder.OLDEST: reads.OLDEST}


@strawberry.type(description="A file that shows that the payer paid.")
class DisputeAttachment:
    mime_type: str = strawberry.field(description="Its media type, as its bytes tell.")
    size_bytes: int = strawberry.field(description="How large it is.")
    sha256: str = strawberry.field(description="Of its bytes, in hex.")
    added_by: ActorClass = strawberry.field(description="What whoever added it was.")
    created_at: datetime = strawberry.field(description="When it was added.")
    record: strawberry.Private[reads.AttachmentRecord]

    @strawberry.field(
        description="From where it can be fetched for some minutes, by whoever has the address; null where files cannot be "
        "reached just now."
    )
    async def url(self, info: Info) -> str | None:
        return await info.context.link(self.record.key)

    @classmethod
    def of(cls, record: reads.AttachmentRecord) -> DisputeAttachment:
        return cls(
            mime_type=record.mime_type,
            size_bytes=record.size_bytes,
            sha256=record.sha256,
            added_by=ActorClass(record.added_by),
            created_at=record.created_at,
            record=record,
        )


@strawberry.type(description="Words about a dispute, for all who may see it.")
class DisputeComment:
    text: str = strawberry.field(description="What was said.")
    written_by: ActorClass = strawberry.field(description="What whoever said it was.")
    created_at: datetime = strawberry.field(description="When.")

    @classmethod
    def of(cls, record: reads.CommentRecord) -> DisputeComment:
        return cls(text=record.text, written_by=ActorClass(record.written_by), created_at=record.created_at)


@strawberry.type(description="What a merchant's own server is told once its dispute has ended, now.")
class DisputeNotification:
    url: str = strawberry.field(description="Where it is told.")
    status: NotificationStatus = strawberry.field(description="Of its way.")
    attempts_left: int = strawberry.field(description="How often it is tried yet.")
    next_attempt_at: datetime | None = strawberry.field(
        description="When; null while the dispute is open, and at the end."
    )
    delivered_at: datetime | None = strawberry.field(description="When it was taken.")
    last_error: str | None = strawberry.field(description="Why it was not taken when it was last tried.")

    @classmethod
    def of(cls, record: reads.NotificationRecord) -> DisputeNotification:
        return cls(
            url=record.url,
            status=record.status,
            attempts_left=record.attempts_left,
            next_attempt_at=record.next_check_at,
            delivered_at=record.delivered_at,
            last_error=record.last_error,
        )


STAFF = "Null to merchants."


@strawberry.type(description="A payer says that he paid, billing says that he did not: what becomes of that.")
class Dispute(Node):
    dispute_id: str = strawberry.field(description="The plain id that everybody knows it by.")
    invoice_id: str = strawberry.field(description="The invoice whose payment is disputed.")
    payment_id: str = strawberry.field(description="Which payment of the invoice.")
    party_id: str = strawberry.field(description="Whose.")
    shop_id: str = strawberry.field(description="Of which shop.")
    shop_name: str = strawberry.field(description="What the shop was called then.")
    public_status: PublicStatus = strawberry.field(description="Of the dispute's life.")
    public_reason: str | None = strawberry.field(description="The code of why it failed; for staff also of why not.")
    payment_amount: Money = strawberry.field(description="What the payment was for.")
    amount: Money = strawberry.field(description="What is disputed.")
    changed_amount: Money | None = strawberry.field(description="What it came to, where that is another amount.")
    reason: str | None = strawberry.field(description="What the merchant said.")
    status: DisputeStatus | None = strawberry.field(description=f"Of its life, in full. {STAFF}")
    status_since: datetime | None = strawberry.field(description=f"Since when it has that status. {STAFF}")
    mode: Mode | None = strawberry.field(description=f"Who works on it. {STAFF}")
    needs_attention: bool | None = strawberry.field(description=f"It waits for a human for too long. {STAFF}")
    provider_message: str | None = strawberry.field(description=f"In the provider's words. {STAFF}")
    technical_error: str | None = strawberry.field(description=f"What went wrong inside. {STAFF}")
    provider_id: int | None = strawberry.field(description=f"Who took the payment. {STAFF}")
    terminal_id: int | None = strawberry.field(description=f"By which of the provider's terminals. {STAFF}")
    provider_trx_id: str | None = strawberry.field(description=f"The provider's id of the payment. {STAFF}")
    provider_dispute_id: str | None = strawberry.field(description=f"The provider's id of its dispute. {STAFF}")
    risk_score: str | None = strawberry.field(description=f"The last one that billing gave the payment. {STAFF}")
    polling_before: datetime | None = strawberry.field(description=f"Until when its provider is asked. {STAFF}")
    record: strawberry.Private[reads.DisputeRecord]
    whole: strawberry.Private[bool]

    @strawberry.field(description="Whose it is, as it is now.")
    async def party(self, info: Info) -> Party | None:
        found = await info.context.load.party(self.record.party_code)
        return Party.of(found) if found else None

    @strawberry.field(description=f"When a worker looks at it next; null once it has ended. {STAFF}")
    async def next_check_at(self, info: Info) -> datetime | None:
        found = await info.context.load.dispute_now(self.record.id) if self.whole else None
        return found.next_check_at if found else None

    @strawberry.field(description=f"Why a worker could not do it when it last looked. {STAFF}")
    async def last_error(self, info: Info) -> str | None:
        found = await info.context.load.dispute_now(self.record.id) if self.whole else None
        return found.last_error if found else None

    @strawberry.field(description="Its files, the oldest first.")
    async def attachments(self, info: Info) -> list[DisputeAttachment]:
        return [DisputeAttachment.of(one) for one in await info.context.load.dispute_attachments(self.record.id)]

    @strawberry.field(description="What was said about it, the oldest first.")
    async def comments(self, info: Info) -> list[DisputeComment]:
        return [DisputeComment.of(one) for one in await info.context.load.dispute_comments(self.record.id)]

    @strawberry.field(description="How its merchant's server is told of its end; null where it is not to be.")
    async def notification(self, info: Info) -> DisputeNotification | None:
        found = await info.context.load.dispute_notification(self.record.id)
        return DisputeNotification.of(found) if found else None

    @strawberry.field(description=f"What makes billing put the payment right, now; null where there is none. {STAFF}")
    async def adjustment(self, info: Info) -> Adjustment | None:
        found = await info.context.load.dispute_adjustment(self.record.id) if self.whole else None
        return Adjustment.of(found) if found else None

    @strawberry.field(
        description="What could be done with it, and whether this viewer may do it now. `approveDisputes` does both "
        "`approve` and `settle`."
    )
    def allowed_actions(self, info: Info) -> list[Action]:
        return [Action.of(action) for action in DISPUTES.allowed(self.record, info.context.viewer)]

    @classmethod
    def of(cls, record: reads.DisputeRecord, *, whole: bool) -> Dispute:
        """As it is shown to those who read everything, or to its merchant."""
        public = record.public_status
        succeeded, failed = public is PublicStatus.SUCCEEDED, public is PublicStatus.FAILED
        changed = Money.of(record.changed) if record.changed and (whole or succeeded) else None
        return cls(
            id=global_id(NOUN, record.id),
            dispute_id=str(record.dispute_id),
            invoice_id=record.invoice_id,
            payment_id=record.payment_id,
            party_id=record.party_code,
            shop_id=record.shop_code,
            shop_name=record.shop_name,
            public_status=public,
            public_reason=record.public_reason if whole or failed else None,
            payment_amount=Money.of(record.cost),
            amount=Money.of(record.amount),
            changed_amount=changed,
            reason=record.reason,
            **_of_staff(record, whole),
            version=record.version,
            created_at=record.created_at,
            updated_at=record.updated_at,
            subject=record.subject,
            record=record,
            whole=whole,
        )


def _of_staff(record: reads.DisputeRecord, whole: bool) -> dict[str, Any]:
    shown = {
        "status": record.status,
        "status_since": record.status_since,
        "mode": record.mode,
        "needs_attention": record.needs_attention,
        "provider_message": record.provider_message,
        "technical_error": record.technical_error,
        "provider_id": record.provider_id,
        "terminal_id": record.terminal_id,
        "provider_trx_id": record.provider_trx,
        "provider_dispute_id": record.provider_dispute_id,
        "risk_score": record.risk_score,
        "polling_before": record.polling_before,
    }
    return shown if whole else dict.fromkeys(shown)


@strawberry.type(description="Something that happened to a dispute; a merchant is told of what he can see alone.")
class DisputeEvent(Event):
    dispute: Dispute = strawberry.field(description="As it was right after; what is nested is as it is now.")

    @classmethod
    def carried(cls, told: Told) -> dict[str, Any]:
        return {"dispute": Dispute.of(reads.DisputeRecord.of(told.event.snapshot), whole=told.whole)}


DisputeFeedItem = Annotated[DisputeEvent | Heartbeat | Lagged, strawberry.union("DisputeFeedItem")]


@strawberry.type(description="How many disputes have one status.")
class DisputeCount:
    public_status: PublicStatus = strawberry.field(description="As merchants see it.")
    status: DisputeStatus | None = strawberry.field(description=f"In full. {STAFF}")
    count: int = strawberry.field(description="How many there are.")
    needs_attention: int | None = strawberry.field(description=f"How many of them wait for too long. {STAFF}")

    @classmethod
    def all_of(cls, counted: list[reads.Counted], *, whole: bool) -> list[DisputeCount]:
        """By status; for a merchant those that look the same to him are one."""
        if whole:
            return [cls._of(one) for one in counted]
        sums = {public: sum(one.count for one in counted if one.public is public) for public in PublicStatus}
        return [
            cls(public_status=public, status=None, count=count, needs_attention=None)
            for public, count in sums.items()
            if count
        ]

    @classmethod
    def _of(cls, one: reads.Counted) -> DisputeCount:
        return cls(public_status=one.public, status=one.status, count=one.count, needs_attention=one.attention)


# which


@strawberry.input(description="A payment of an invoice; the newest dispute about it is meant.")
class PaymentOfInvoice:
    invoice_id: str = strawberry.field(description="The invoice.")
    payment_id: str = strawberry.field(description="The payment.")


@strawberry.input(description="Which dispute is meant: by exactly one of these.", one_of=True)
class DisputeRef:
    id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="Its global id.")
    dispute_id: str | None = strawberry.field(default=strawberry.UNSET, description="Its plain id.")
    payment: PaymentOfInvoice | None = strawberry.field(default=strawberry.UNSET, description="Its payment.")

    def find(self) -> reads.Meant:
        """Refuses DISPUTE_NOT_FOUND for what is no id of a dispute."""
        if isinstance(self.payment, PaymentOfInvoice):
            return reads.OfPayment(self.payment.invoice_id, self.payment.payment_id)
        found = number_of(self.id, NOUN) if isinstance(self.id, str) else _uuid(self.dispute_id)
        if found is None:
            raise Unknown("dispute", code=DISPUTE_NOT_FOUND)
        return found


def _uuid(given: object) -> UUID | None:
    try:
        return UUID(given) if isinstance(given, str) and len(given) == 36 else None
    except ValueError:
        return None


@strawberry.input(description="Which disputes are meant: all that is given must be so.")
class DisputeFilter:
    public_status: PublicStatus | None = strawberry.field(default=None, description="Of their lives.")
    status: DisputeStatus | None = strawberry.field(default=None, description="The same in full; not for merchants.")
    party_id: str | None = strawberry.field(default=None, description="Whose.")
    shop_id: str | None = strawberry.field(default=None, description="Of which shop.")
    provider_id: int | None = strawberry.field(default=None, description="Of which provider; not for merchants.")
    mode: Mode | None = strawberry.field(default=None, description="Who works on them; not for merchants.")
    currency: CurrencyCode | None = strawberry.field(default=None, description="Of all their amounts.")
    amount_from: MoneyInput | None = strawberry.field(default=None, description="As much as this is disputed, or more.")
    amount_to: MoneyInput | None = strawberry.field(default=None, description="Less than this is disputed.")
    invoice_id: str | None = strawberry.field(default=None, description="About payments of this invoice.")
    payment_id: str | None = strawberry.field(default=None, description="About payments of this id.")
    needs_attention: bool | None = strawberry.field(
        default=None, description="Whether they wait for too long; not for merchants."
    )
    created_from: datetime | None = strawberry.field(default=None, description="Created at this moment or later.")
    created_to: datetime | None = strawberry.field(default=None, description="Created before this moment.")
    search: str | None = strawberry.field(
        default=None,
        description="A whole id: the dispute's, the invoice's, or, for staff, the provider's of the payment or of its dispute.",
    )

    def wanted(self, viewer: Viewer) -> reads.Wanted:
        """Refuses INVALID_AMOUNT, CURRENCY_NOT_SUPPORTED; FORBIDDEN to merchants what they do not see."""
        inner = (self.status, self.provider_id, self.mode, self.needs_attention)
        if not viewer.reads_everything and any(one is not None for one in inner):
            raise MayNot("filter disputes by what you do not see:")
        return reads.Wanted(
            self.public_status,
            self.status,
            self.party_id,
            self.shop_id,
            self.provider_id,
            self.mode,
            self.currency,
            self.amount_from.money() if self.amount_from else None,
            self.amount_to.money() if self.amount_to else None,
            self.invoice_id,
            self.payment_id,
            self.needs_attention,
            self.created_from,
            self.created_to,
            self.search,
        )
