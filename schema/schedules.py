"""Payout schedules: when a shop's money is paid out by itself."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import strawberry

from models.payouts import operations as payouts
from models.payouts import reads
from models.payouts.lifecycle import SCHEDULES, RunOutcome, ScheduleStatus
from schema.context import Info
from schema.events import Event, Told
from schema.inputs import Asked
from schema.money import Money, MoneyInput
from schema.node import Action, Node, global_id
from schema.parties import Shop
from schema.refusals import (
    Busy,
    CurrencyNotSupported,
    IdempotencyKeyConflict,
    IllegalMove,
    InvalidAmount,
    InvalidInput,
    NotAllowed,
    NotFound,
    RefusalCode,
    VersionConflict,
)

NOUN = "PayoutSchedule"
KEY = "The same key again: the same answer again."

strawberry.enum(ScheduleStatus, name="PayoutScheduleStatus", description="Whether a schedule runs.")
strawberry.enum(RunOutcome, name="PayoutScheduleOutcome", description="What a run of a schedule came to.")


@strawberry.type(description="What a run of a schedule came to.")
class PayoutScheduleRun:
    slot: datetime = strawberry.field(description="The moment of the schedule.")
    outcome: RunOutcome = strawberry.field(description="Whether a payout was made.")
    payout_id: str | None = strawberry.field(description="The payout; null where none was made.")
    refusal: RefusalCode | None = strawberry.field(description="Why none was made, where something refused it.")

    @classmethod
    def of(cls, record: reads.ScheduleRecord) -> PayoutScheduleRun | None:
        if record.last_slot is None or record.last_outcome is None:
            return None
        return cls(
            slot=record.last_slot,
            outcome=record.last_outcome,
            payout_id=record.last_payout,
            refusal=getattr(RefusalCode, record.last_refusal) if record.last_refusal else None,
        )


@strawberry.type(description="When a shop is paid out by itself: all that its settlement has, if it is enough.")
class PayoutSchedule(Node):
    party_id: str = strawberry.field(description="Whose.")
    shop_id: str = strawberry.field(description="Out of which shop.")
    cron: str = strawberry.field(description="Minute, hour, day, month, weekday.")
    time_zone: str = strawberry.field(description="In which the fields are read.")
    least: Money = strawberry.field(description="What is less waits for the next run.")
    auto_confirm: bool = strawberry.field(description="Whether its payouts are confirmed at once.")
    status: ScheduleStatus = strawberry.field(description="Whether it runs.")
    next_at: datetime | None = strawberry.field(
        description="Its next moment, or the one being run; null while it is off."
    )
    last_run: PayoutScheduleRun | None = strawberry.field(description="Null before the first.")
    needs_attention: bool = strawberry.field(
        description="It is refused, or fails, again and again: a human has to look."
    )
    record: strawberry.Private[reads.ScheduleRecord]

    @strawberry.field(description="Out of which shop, as it is now.")
    async def shop(self, info: Info) -> Shop | None:
        found = await info.context.load.shop(self.record.shop_id)
        return Shop.of(found) if found else None

    @strawberry.field(description="What could be done with it, and whether this viewer may do it now.")
    def allowed_actions(self, info: Info) -> list[Action]:
        return [Action.of(action) for action in SCHEDULES.allowed(self.record, info.context.viewer)]

    @classmethod
    def of(cls, record: reads.ScheduleRecord) -> PayoutSchedule:
        return cls(
            id=global_id(NOUN, record.id),
            party_id=record.party_code,
            shop_id=record.shop_code,
            cron=record.cron,
            time_zone=record.time_zone,
            least=Money.of(record.least),
            auto_confirm=record.auto_confirm,
            status=record.status,
            next_at=record.next_at,
            last_run=PayoutScheduleRun.of(record),
            needs_attention=record.needs_attention,
            version=record.version,
            created_at=record.created_at,
            updated_at=record.updated_at,
            subject=record.subject,
            record=record,
        )


@strawberry.type(description="Something that happened to a payout schedule: it was changed, or has run.")
class PayoutScheduleEvent(Event):
    payout_schedule: PayoutSchedule = strawberry.field(description="As it was right after.")

    @classmethod
    def carried(cls, told: Told) -> dict[str, Any]:
        return {"payout_schedule": PayoutSchedule.of(reads.ScheduleRecord.of(told.event.snapshot))}


@strawberry.input(description="Which schedules are meant: all that is given must be so.")
class PayoutScheduleFilter:
    party_id: str | None = strawberry.field(default=None, description="Whose.")
    needs_attention: bool | None = strawberry.field(default=None, description="Whether a human has to look.")


@strawberry.input(description="When a shop is to be paid out by itself.")
class SetPayoutScheduleInput(Asked):
    party_id: str = strawberry.field(description="Whose.")
    shop_id: str = strawberry.field(description="Out of which shop.")
    cron: str = strawberry.field(description='Five fields: "0 6 * * 1-5" is six in the morning on weekdays.')
    least: MoneyInput = strawberry.field(description="What is less waits for the next run; above zero.")
    time_zone: str = strawberry.field(default="UTC", description='Of the IANA database: "Europe/Berlin".')
    auto_confirm: bool = strawberry.field(default=False, description="Whether its payouts are confirmed at once.")
    enabled: bool = strawberry.field(default=True, description="Whether it runs.")
    expected_version: int | None = strawberry.field(
        default=None, description="Refused when the schedule has another version."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def planned(self) -> payouts.Planned:
        """Refuses INVALID_AMOUNT, CURRENCY_NOT_SUPPORTED."""
        return payouts.Planned(self.cron, self.time_zone, self.least.money(), self.auto_confirm, self.enabled)


SetPayoutScheduleResult = Annotated[
    PayoutSchedule
    | NotFound
    | NotAllowed
    | IllegalMove
    | InvalidAmount
    | CurrencyNotSupported
    | InvalidInput
    | VersionConflict
    | Busy
    | IdempotencyKeyConflict,
    strawberry.union("SetPayoutScheduleResult"),
]
