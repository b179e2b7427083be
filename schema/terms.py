"""Terms of contracts, and payment institutions: what an operator configures."""

from __future__ import annotations

from typing import Annotated, Any, cast

import strawberry
from strawberry.scalars import JSON

from models.parties import reads
from models.parties.lifecycle import INSTITUTIONS, TERM_SETS
from models.parties.postings import AccountType
from schema.context import Info
from schema.events import Event, Told
from schema.inputs import Asked
from schema.ledger import LedgerAccount
from schema.node import Action, Node, global_id
from schema.refusals import (
    Busy,
    CurrencyNotSupported,
    IdempotencyKeyConflict,
    InvalidInput,
    NotAllowed,
    NotFound,
    VersionConflict,
)
from schema.scalars import CurrencyCode

INSTITUTION, TERMS = "PaymentInstitution", "TermSet"
KEY = "The same key again: the same answer again."
VERSION = "Refused when it has another version."

strawberry.enum(
    AccountType, name="CashFlowAccountType", description="What terms call an account. The list grows: have a default."
)


@strawberry.type(description="A payment institution's accounts in one currency.")
class SystemAccounts:
    currency: CurrencyCode = strawberry.field(description="Of both.")
    ids: strawberry.Private[dict[str, int]]

    @strawberry.field(description="Where fees go.")
    async def settlement(self, info: Info) -> LedgerAccount | None:
        return await _account(info, self.ids.get(AccountType.SYSTEM_SETTLEMENT.value))

    @strawberry.field(description="What is set aside for a subagent; null where there is none.")
    async def subagent(self, info: Info) -> LedgerAccount | None:
        return await _account(info, self.ids.get(AccountType.SYSTEM_SUBAGENT.value))


async def _account(info: Info, id: int | None) -> LedgerAccount | None:
    record = await info.context.load.account(id) if id is not None else None
    return LedgerAccount.of(record) if record else None


@strawberry.type(description="Whose system accounts take the fees of a contract's shops.")
class PaymentInstitution(Node):
    payment_institution_id: str = strawberry.field(description="The plain id that inputs use.")
    name: str = strawberry.field(description="For people.")
    accounts: list[SystemAccounts] = strawberry.field(description="Its system accounts, currency by currency.")
    criteria: JSON = strawberry.field(description="Predicates that terms may name: name -> predicate.")
    record: strawberry.Private[reads.InstitutionRecord]

    @strawberry.field(description="What could be done with it, and whether this viewer may do it now.")
    def allowed_actions(self, info: Info) -> list[Action]:
        return [Action.of(action) for action in INSTITUTIONS.allowed(self.record, info.context.viewer)]

    @classmethod
    def of(cls, record: reads.InstitutionRecord) -> PaymentInstitution:
        return cls(
            id=global_id(INSTITUTION, record.id),
            payment_institution_id=record.code,
            name=record.name,
            accounts=[
                SystemAccounts(currency=CurrencyCode(currency), ids=dict(ids))
                for currency, ids in sorted(record.accounts.items())
            ],
            criteria=cast(JSON, dict(record.criteria)),
            version=record.version,
            created_at=record.created_at,
            updated_at=record.updated_at,
            subject=record.subject,
            record=record,
        )


@strawberry.type(description="Something that happened to a payment institution.")
class PaymentInstitutionEvent(Event):
    payment_institution: PaymentInstitution = strawberry.field(description="As it was right after.")

    @classmethod
    def carried(cls, told: Told) -> dict[str, Any]:
        return {"payment_institution": PaymentInstitution.of(reads.InstitutionRecord.of(told.event.snapshot))}


@strawberry.type(description="What contracts say, by times; what it leaves out its parent says.")
class TermSet(Node):
    term_set_id: str = strawberry.field(description="The plain id that inputs use.")
    name: str = strawberry.field(description="For people.")
    timed: JSON = strawberry.field(
        description="[{since, until, terms}] in the language of terms: the last one in its time holds."
    )
    record: strawberry.Private[reads.TermSetRecord]

    @strawberry.field(description="What says the rest; null for none.")
    async def parent(self, info: Info) -> TermSet | None:
        parent = self.record.parent_id
        found = await info.context.load.term_set(parent) if parent is not None else None
        return TermSet.of(found) if found else None

    @strawberry.field(description="What could be done with it, and whether this viewer may do it now.")
    def allowed_actions(self, info: Info) -> list[Action]:
        return [Action.of(action) for action in TERM_SETS.allowed(self.record, info.context.viewer)]

    @classmethod
    def of(cls, record: reads.TermSetRecord) -> TermSet:
        return cls(
            id=global_id(TERMS, record.id),
            term_set_id=record.code,
            name=record.name,
            timed=cast(JSON, list(record.timed)),
            version=record.version,
            created_at=record.created_at,
            updated_at=record.updated_at,
            subject=record.subject,
            record=record,
        )


@strawberry.type(description="Something that happened to a set of terms.")
class TermSetEvent(Event):
    term_set: TermSet = strawberry.field(description="As it was right after.")

    @classmethod
    def carried(cls, told: Told) -> dict[str, Any]:
        return {"term_set": TermSet.of(reads.TermSetRecord.of(told.event.snapshot))}


@strawberry.input(description="A payment institution's accounts in one currency.")
class SystemAccountsInput:
    currency: CurrencyCode = strawberry.field(description="One for settlement is opened in it.")
    subagent: bool = strawberry.field(default=False, description="Whether one for a subagent is opened, too.")


@strawberry.input(description="A payment institution, and what it has.")
class UpsertPaymentInstitutionInput(Asked):
    payment_institution_id: str = strawberry.field(description="1 to 64 characters; a new one is a new institution.")
    name: str = strawberry.field(description="For people, 1 to 128 characters.")
    accounts: list[SystemAccountsInput] = strawberry.field(description="What was opened once stays.")
    criteria: JSON = strawberry.field(
        default_factory=dict, description="Predicates that terms may name: name -> predicate."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="A set of terms.")
class UpsertTermSetInput(Asked):
    term_set_id: str = strawberry.field(description="1 to 64 characters; a new one is a new set.")
    name: str = strawberry.field(description="For people, 1 to 128 characters.")
    timed: JSON = strawberry.field(description="[{since, until, terms}] in the language of terms.")
    parent_id: str | None = strawberry.field(default=None, description="The set that says the rest.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


UpsertPaymentInstitutionResult = Annotated[
    PaymentInstitution
    | NotAllowed
    | CurrencyNotSupported
    | InvalidInput
    | VersionConflict
    | Busy
    | IdempotencyKeyConflict,
    strawberry.union("UpsertPaymentInstitutionResult"),
]
UpsertTermSetResult = Annotated[
    TermSet | NotFound | NotAllowed | InvalidInput | VersionConflict | Busy | IdempotencyKeyConflict,
    strawberry.union("UpsertTermSetResult"),
]
