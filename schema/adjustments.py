"""What disputes make billing do, and what providers tell of payments: the operators' side of disputes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from models.disputes import reads
from models.disputes.lifecycle import ADJUSTMENTS, CALLBACKS, AdjustmentStatus, CallbackStatus
from schema.context import Info
from schema.events import Event, Told
from schema.money import Money
from schema.node import Action, Node, global_id

ADJUSTMENT, CALLBACK = "Adjustment", "PaymentCallback"

strawberry.enum(AdjustmentStatus, description="Of an adjustment.")
strawberry.enum(CallbackStatus, name="PaymentCallbackStatus", description="What came of a provider's word.")


@strawberry.type(description="What makes billing put a payment right, once: first its amount, then its status.")
class Adjustment(Node):
    adjustment_id: str = strawberry.field(description="By which billing knows what it ordered.")
    invoice_id: str = strawberry.field(description="Whose payment.")
    payment_id: str = strawberry.field(description="Which payment of it.")
    status: AdjustmentStatus = strawberry.field(description="Of the job.")
    amount: Money = strawberry.field(description="What the payment was for.")
    changed_amount: Money | None = strawberry.field(description="What the payer paid, where it is another amount.")
    error: str | None = strawberry.field(description="Why it failed.")
    cash_flow_sent_at: datetime | None = strawberry.field(description="When billing was told of the amount.")
    captured_sent_at: datetime | None = strawberry.field(description="When billing was told that it is paid.")
    next_check_at: datetime | None = strawberry.field(description="When it is looked at; null in events.")
    last_error: str | None = strawberry.field(description="Why it was put off; null in events.")
    record: strawberry.Private[reads.AdjustmentRecord]

    @strawberry.field(description="What could be done with it, and whether this viewer may do it now.")
    def allowed_actions(self, info: Info) -> list[Action]:
        return [Action.of(action) for action in ADJUSTMENTS.allowed(self.record, info.context.viewer)]

    @classmethod
    def of(cls, record: reads.AdjustmentRecord) -> Adjustment:
        return cls(
            id=global_id(ADJUSTMENT, record.id),
            adjustment_id=str(record.adjustment_id),
            invoice_id=record.invoice_id,
            payment_id=record.payment_id,
            status=record.status,
            amount=Money.of(record.amount),
            changed_amount=Money.of(record.changed) if record.changed else None,
            error=record.error,
            cash_flow_sent_at=record.cash_flow_sent_at,
            captured_sent_at=record.captured_sent_at,
            next_check_at=record.next_check_at,
            last_error=record.last_error,
            version=record.version,
            created_at=record.created_at,
            updated_at=record.updated_at,
            subject=record.subject,
            record=record,
        )


@strawberry.type(description="Something that happened to an adjustment.")
class AdjustmentEvent(Event):
    adjustment: Adjustment = strawberry.field(description="As it was right after.")

    @classmethod
    def carried(cls, told: Told) -> dict[str, Any]:
        return {"adjustment": Adjustment.of(reads.AdjustmentRecord.of(told.event.snapshot))}


@strawberry.type(description="A provider's word that a payment succeeded after all; a worker asks whether it is so.")
class PaymentCallback(Node):
    invoice_id: str = strawberry.field(description="Whose payment.")
    payment_id: str = strawberry.field(description="Which payment of it.")
    status: CallbackStatus = strawberry.field(description="What came of it.")
    detail: str | None = strawberry.field(description="Why it came to that.")
    record: strawberry.Private[reads.CallbackRecord]

    @strawberry.field(description="What could be done with it, and whether this viewer may do it now.")
    def allowed_actions(self, info: Info) -> list[Action]:
        return [Action.of(action) for action in CALLBACKS.allowed(self.record, info.context.viewer)]

    @classmethod
    def of(cls, record: reads.CallbackRecord) -> PaymentCallback:
        return cls(
            id=global_id(CALLBACK, record.id),
            invoice_id=record.invoice_id,
            payment_id=record.payment_id,
            status=record.status,
            detail=record.detail,
            version=record.version,
            created_at=record.created_at,
            updated_at=record.updated_at,
            subject=record.subject,
            record=record,
        )


@strawberry.type(description="Something that happened to a provider's word about a payment.")
class PaymentCallbackEvent(Event):
    payment_callback: PaymentCallback = strawberry.field(description="As it was right after.")

    @classmethod
    def carried(cls, told: Told) -> dict[str, Any]:
        return {"payment_callback": PaymentCallback.of(reads.CallbackRecord.of(told.event.snapshot))}
