"""Deliveries: how a confirmed payout gets to where it goes."""

from __future__ import annotations

from datetime import datetime

import strawberry

from models.payouts import reads
from models.payouts.lifecycle import AttemptKind, AttemptState, DeliveryStatus
from schema.context import Info

strawberry.enum(DeliveryStatus, description="Of a delivery. UNKNOWN: no answer came, so it is being asked about.")
strawberry.enum(AttemptKind, name="DeliveryAttemptKind", description="What was asked of the outside system.")
strawberry.enum(AttemptState, name="DeliveryAttemptState", description="How it ended; ABSENT: it never came there.")


@strawberry.type(description="One call of the outside system.")
class DeliveryAttempt:
    number: int = strawberry.field(description="From 1.")
    kind: AttemptKind = strawberry.field(description="Whether it was sent, or asked about.")
    state: AttemptState = strawberry.field(description="How it ended.")
    detail: str = strawberry.field(description="The reference, the code of a no, or why nobody knows.")
    started_at: datetime = strawberry.field(description="Written before the call was made.")
    finished_at: datetime | None = strawberry.field(description="Null while it is on its way.")


@strawberry.type(description="How a confirmed payout gets to where it goes, now.")
class Delivery:
    status: DeliveryStatus = strawberry.field(description="Of the delivery.")
    reference: str | None = strawberry.field(description="What the outside system calls it, once it arrived.")
    failures: int = strawberry.field(description="In a row.")
    last_error: str | None = strawberry.field(
        description="Why the last attempt came to nothing; null unless you are staff."
    )
    next_check_at: datetime | None = strawberry.field(description="When a worker looks at it again.")
    updated_at: datetime = strawberry.field(description="When its status last changed.")
    number: strawberry.Private[int]

    @strawberry.field(description="What was asked of the outside system, the newest first; empty unless you are staff.")
    async def attempts(self, info: Info) -> list[DeliveryAttempt]:
        if not info.context.viewer.reads_everything:
            return []
        return [
            DeliveryAttempt(
                number=one.number,
                kind=one.kind,
                state=one.state,
                detail=one.detail,
                started_at=one.started_at,
                finished_at=one.finished_at,
            )
            for one in await info.context.load.attempts_of(self.number)
        ]

    @classmethod
    def of(cls, record: reads.DeliveryRecord, *, whole: bool) -> Delivery:
        return cls(
            status=record.status,
            reference=record.reference,
            failures=record.failures,
            last_error=record.last_error if whole else None,
            next_check_at=record.next_check_at,
            updated_at=record.updated_at,
            number=record.id,
        )
