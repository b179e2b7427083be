"""Pledges as clients see them."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from models.pledges.lifecycle import PledgeStatus
from models.pledges.reads import PledgeRecord

from schema.context import Info
from schema.events import Event, Told
from schema.inputs import Asked
from schema.money import Money, MoneyInput
from schema.node import Node, global_id
from schema.people import Person, PersonRef
from schema.refusals import (
    Busy,
    CurrencyNotSupported,
    IdempotencyKeyConflict,
    IllegalMove,
    InsufficientFunds,
    InvalidAmount,
    InvalidInput,
    NotAllowed,
    NotFound,
)

NOUN = "Pledge"
strawberry.enum(PledgeStatus, description="Of a pledge.")


@strawberry.type(description="Money set aside.")
class Pledge(Node):
    status: PledgeStatus = strawberry.field(description="Of the pledge.")
    amount: Money = strawberry.field(description="How much.")
    person_number: strawberry.Private[int]

    @strawberry.field(description="Whose it is.")
    async def person(self, info: Info) -> Person | None:
        record = await info.context.load.person(self.person_number)
        return Person.of(record) if record else None

    @classmethod
    def of(cls, record: PledgeRecord) -> Pledge:
        return cls(
            id=global_id(NOUN, record.id),
            status=record.status,
            amount=Money.of(record.amount),
            version=record.version,
            created_at=record.created_at,
            updated_at=record.updated_at,
            subject=record.subject,
            person_number=record.person_id,
        )


@strawberry.type(description="Something that happened to a pledge.")
class PledgeEvent(Event):
    pledge: Pledge = strawberry.field(description="As it was right after.")

    @classmethod
    def carried(cls, told: Told) -> dict[str, Any]:
        return {"pledge": Pledge.of(PledgeRecord.of(told.event.snapshot))}


@strawberry.input(description="A new pledge.")
class MakePledgeInput(Asked):
    person: PersonRef = strawberry.field(description="Whose money.")
    money: MoneyInput = strawberry.field(description="How much.")
    idempotency_key: str = strawberry.field(description="The same key again: the same pledge again.")


@strawberry.input(description="A pledge to keep.")
class KeepPledgeInput(Asked):
    pledge: strawberry.ID = strawberry.field(description="Which.")
    idempotency_key: str | None = strawberry.field(default=None, description="The same key again: the same answer.")


MakePledgeResult = Annotated[
    Pledge
    | NotFound
    | InvalidAmount
    | InvalidInput
    | CurrencyNotSupported
    | InsufficientFunds
    | Busy
    | IdempotencyKeyConflict,
    strawberry.union("MakePledgeResult"),
]
KeepPledgeResult = Annotated[
    Pledge | NotFound | NotAllowed | IllegalMove | InvalidInput | Busy | IdempotencyKeyConflict,
    strawberry.union("KeepPledgeResult"),
]
