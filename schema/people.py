"""People, their balances and corrections."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import strawberry

from models.kernel.refusals import NotFound as PersonUnknown
from models.people import reads
from models.people.errors import PERSON_NOT_FOUND
from models.people.lifecycle import LIFECYCLE, PersonStatus
from models.people.tables import IdentityKind
from models.wiring import CORRECTION_KINDS
from schema.context import Info
from schema.enums import enum_of
from schema.events import Event, Heartbeat, Lagged, Told
from schema.inputs import Asked
from schema.ledger import LedgerAccount
from schema.money import Money, MoneyInput
from schema.node import Action, Node, global_id, number_of
from schema.refusals import (
    Busy,
    CurrencyNotSupported,
    IdempotencyKeyConflict,
    InsufficientFunds,
    InvalidAmount,
    InvalidInput,
    NotAllowed,
    NotFound,
    VersionConflict,
)
from schema.scalars import CurrencyCode

NOUN = "Person"

strawberry.enum(PersonStatus, description="Of a person's life.")
strawberry.enum(IdentityKind, description="Who knows a person under an identity.")
if TYPE_CHECKING:
    CorrectionKind: TypeAlias = Any
else:
    CorrectionKind = enum_of(
        "CorrectionKind",
        {kind.upper().replace(".", "_"): kind for kind in CORRECTION_KINDS},
        "Why a balance was corrected. The list grows: have a default.",
    )


@strawberry.type(description="A name under which another system knows a person.")
class Identity:
    kind: IdentityKind = strawberry.field(description="Who knows the person so.")
    value: str = strawberry.field(description="The name there.")


@strawberry.type(description="What a person has in one currency.")
class Balance:
    currency: CurrencyCode = strawberry.field(description="Of all amounts here.")
    available: Money = strawberry.field(description="What the person can spend.")
    held: Money = strawberry.field(description="What is set aside for what the person has agreed to.")
    version: int = strawberry.field(description="Grows by one with each change; 0 where nothing ever happened.")
    account_id: strawberry.Private[int | None]

    @strawberry.field(description="The account in the ledger; null where nothing ever happened.")
    async def account(self, info: Info) -> LedgerAccount | None:
        record = await info.context.load.account(self.account_id) if self.account_id else None
        return LedgerAccount.of(record) if record else None

    @classmethod
    def of(cls, record: reads.BalanceRecord) -> Balance:
        return cls(
            currency=CurrencyCode(record.available.currency),
            available=Money.of(record.available),
            held=Money.of(record.held),
            version=record.version,
            account_id=record.account_id,
        )


@strawberry.type(
    description="A movement of money seen from a person's side: what came is positive, what went negative."
)
class Correction:
    id: strawberry.ID = strawberry.field(description="Opaque.")
    kind: CorrectionKind = strawberry.field(description="Why.")
    amount: Money = strawberry.field(description="Signed.")
    subject: str = strawberry.field(description='What it was for: "deal:7".')
    reason: str = strawberry.field(description="In words, where somebody gave them.")
    at: datetime = strawberry.field(description="When the books were changed.")

    @classmethod
    def of(cls, record: reads.CorrectionRecord) -> Correction:
        return cls(
            id=global_id("Correction", record.id),
            kind=CorrectionKind(record.kind),
            amount=Money.of(record.money),
            subject=record.subject,
            reason=record.note,
            at=record.at,
        )


@strawberry.type(description="Somebody who has a balance.")
class Person(Node):
    number: int = strawberry.field(description="The plain number that claims and inputs use.")
    name: str = strawberry.field(description="As the system that brought the person calls him.")
    status: PersonStatus = strawberry.field(description="Of the person's life.")
    record: strawberry.Private[reads.PersonRecord]

    @strawberry.field(description="The names under which other systems know the person.")
    async def identities(self, info: Info) -> list[Identity]:
        return [Identity(kind=i.kind, value=i.value) for i in await info.context.load.identities(self.number)]

    @strawberry.field(description="Every currency, zero where nothing happened.")
    async def balances(self, info: Info) -> list[Balance]:
        return [Balance.of(balance) for balance in await info.context.load.balances(self.number)]

    @strawberry.field(description="What could be done with the person, and whether this viewer may do it now.")
    def allowed_actions(self, info: Info) -> list[Action]:
        return [Action.of(action) for action in LIFECYCLE.allowed(self.record, info.context.viewer)]

    @classmethod
    def of(cls, record: reads.PersonRecord) -> Person:
        return cls(
            id=global_id(NOUN, record.id),
            number=record.id,
            name=record.name,
            status=record.status,
            version=record.version,
            created_at=record.created_at,
            updated_at=record.updated_at,
            subject=record.subject,
            record=record,
        )


@strawberry.type(description="Something that happened to a person.")
class PersonEvent(Event):
    person: Person | None = strawberry.field(
        description="As the person was right after, never null here; what is nested is as it is now."
    )

    @classmethod
    def carried(cls, told: Told) -> dict[str, Any]:
        return {"person": Person.of(reads.PersonRecord.of(told.event.snapshot))}


@strawberry.type(description="A change of what a person can spend in one currency.")
class BalanceEvent(Event):
    currency: CurrencyCode = strawberry.field(description="Of all amounts here; `version` counts per currency.")
    available: Money = strawberry.field(description="What the person could spend right after.")
    change: Money = strawberry.field(description="By how much that differs from before; zero in a snapshot.")
    number: strawberry.Private[int]

    @strawberry.field(description="Whose balance; as the person is now.")
    async def person(self, info: Info) -> Person | None:
        record = await info.context.load.person(self.number)
        return Person.of(record) if record else None

    @classmethod
    def carried(cls, told: Told) -> dict[str, Any]:
        change = reads.BalanceChange.of(told.event)
        return {
            "currency": CurrencyCode(change.available.currency),
            "available": Money.of(change.available),
            "change": Money.of(change.change),
            "number": change.person_id,
        }


@strawberry.input(description="Which person is meant: by exactly one of these.", one_of=True)
class PersonRef:
    id: strawberry.ID | None = strawberry.UNSET
    number: int | None = strawberry.UNSET
    external_id: str | None = strawberry.UNSET

    async def find(self, info: Info) -> int:
        """The person's number. Refuses PERSON_NOT_FOUND for what is no id, unknown or not for this viewer."""
        if isinstance(self.external_id, str):
            return await reads.number_of(info.context.viewer, IdentityKind.EXTERNAL, self.external_id)
        if (number := self._said()) is None:
            raise PersonUnknown("person", code=PERSON_NOT_FOUND)
        return number

    async def meant(self) -> int | None:
        """The number of whoever is meant, whether the asker may see him or not: for naming the other side of something.
        None where that is nobody; a number may still be nobody's."""
        if isinstance(self.external_id, str):
            return await reads.known_as(IdentityKind.EXTERNAL, self.external_id)
        return self._said()

    def _said(self) -> int | None:
        number = number_of(self.id, NOUN) if isinstance(self.id, str) else self.number
        return number if isinstance(number, int) else None


@strawberry.input(description="A person as another system knows him.")
class UpsertPersonInput(Asked):
    external_id: str = strawberry.field(description="His id there, 1 to 64 characters.")
    name: str = strawberry.field(description="His name there, 1 to 64 characters.")
    expected_version: int | None = strawberry.field(
        default=None, description="Refused when the person has another version."
    )
    idempotency_key: str | None = strawberry.field(
        default=None, description="The same key again: the same answer again."
    )


@strawberry.input(description="A correction of a person's available balance.")
class AdjustBalanceInput(Asked):
    person: PersonRef = strawberry.field(description="Whose balance.")
    money: MoneyInput = strawberry.field(description="Positive to give, negative to take; not zero.")
    reason: str = strawberry.field(description="For the books, 1 to 500 characters.")
    expected_version: int | None = strawberry.field(
        default=None, description="Refused when the person has another version."
    )
    idempotency_key: str = strawberry.field(description="The same key again: the same answer again, done once.")


UpsertPersonResult = Annotated[
    Person | InvalidInput | NotAllowed | VersionConflict | Busy | IdempotencyKeyConflict,
    strawberry.union("UpsertPersonResult"),
]
AdjustBalanceResult = Annotated[
    Person
    | NotFound
    | NotAllowed
    | InvalidAmount
    | InvalidInput
    | CurrencyNotSupported
    | InsufficientFunds
    | VersionConflict
    | Busy
    | IdempotencyKeyConflict,
    strawberry.union("AdjustBalanceResult"),
]
BalanceFeedItem = Annotated[BalanceEvent | Heartbeat | Lagged, strawberry.union("BalanceFeedItem")]
