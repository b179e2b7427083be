"""Contracts and payout tools: under which terms a party works, and where its money goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Annotated, Any

import strawberry

from models.parties import operations as parties
from models.parties import reads
from models.parties.lifecycle import CONTRACTS, PAYOUT_TOOLS, ContractStatus, ToolKind
from schema.context import Info
from schema.events import Event, Told
from schema.inputs import Asked
from schema.node import Action, Node, global_id
from schema.refusals import (
    Busy,
    CurrencyNotSupported,
    IdempotencyKeyConflict,
    IllegalMove,
    InvalidInput,
    NotAllowed,
    NotFound,
    VersionConflict,
)
from schema.scalars import CurrencyCode
from schema.terms import KEY, VERSION, PaymentInstitution, TermSet

CONTRACT, TOOL = "Contract", "PayoutTool"

strawberry.enum(ContractStatus, description="Of a contract's life.")
strawberry.enum(ToolKind, name="PayoutToolKind", description="How a payout tool takes money. The list grows.")


@strawberry.type(description="Where money goes: what whoever sends it needs to know, by the kind of the tool.")
class PayoutDestination:
    kind: ToolKind = strawberry.field(description="Which of the following are there.")
    account: str | None = strawberry.field(description="The number of a Russian bank account.")
    bank_name: str | None = strawberry.field(description="Of either kind of bank account.")
    bank_post_account: str | None = strawberry.field(description="The correspondent account of a Russian bank.")
    bank_bik: str | None = strawberry.field(description="A Russian bank's BIK.")
    iban: str | None = strawberry.field(description="Of an international bank account.")
    number: str | None = strawberry.field(description="The number of an account that has no IBAN.")
    bic: str | None = strawberry.field(description="An international bank's BIC.")
    wallet_id: str | None = strawberry.field(description="Of a wallet.")

    @classmethod
    def of(cls, kind: ToolKind, details: Mapping[str, str]) -> PayoutDestination:
        names = [field.name for field in fields(cls) if field.name != "kind"]
        return cls(kind=kind, **{name: details.get(name) for name in names})


@strawberry.type(description="Where a shop's money can go.")
class PayoutTool(Node):
    payout_tool_id: str = strawberry.field(description="The plain id that inputs use; one of its contract.")
    kind: ToolKind = strawberry.field(description="How it takes money.")
    currency: CurrencyCode = strawberry.field(description="Which it takes.")
    destination: PayoutDestination = strawberry.field(description="Where it leads.")
    record: strawberry.Private[reads.ToolRecord]

    @strawberry.field(description="What could be done with it, and whether this viewer may do it now.")
    def allowed_actions(self, info: Info) -> list[Action]:
        return [Action.of(action) for action in PAYOUT_TOOLS.allowed(self.record, info.context.viewer)]

    @classmethod
    def of(cls, record: reads.ToolRecord) -> PayoutTool:
        return cls(
            id=global_id(TOOL, record.id),
            payout_tool_id=record.code,
            kind=record.kind,
            currency=CurrencyCode(record.currency),
            destination=PayoutDestination.of(record.kind, record.details),
            version=record.version,
            created_at=record.created_at,
            updated_at=record.updated_at,
            subject=record.subject,
            record=record,
        )


@strawberry.type(description="Something that happened to a payout tool.")
class PayoutToolEvent(Event):
    payout_tool: PayoutTool = strawberry.field(description="As it was right after.")

    @classmethod
    def carried(cls, told: Told) -> dict[str, Any]:
        return {"payout_tool": PayoutTool.of(reads.ToolRecord.of(told.event.snapshot))}


@strawberry.type(description="Other terms for a time; the last one in force says the last word.")
class ContractAdjustment:
    adjustment_id: str = strawberry.field(description="One of its contract.")
    valid_since: datetime | None = strawberry.field(description="From when; null: from when it was brought.")
    valid_until: datetime | None = strawberry.field(description="Until when, that moment not included; null: for ever.")
    created_at: datetime = strawberry.field(description="When it was brought.")
    terms_id: strawberry.Private[int]

    @strawberry.field(description="What it says; null unless you are staff.")
    async def terms(self, info: Info) -> TermSet | None:
        found = await info.context.load.term_set(self.terms_id)
        return TermSet.of(found) if found else None

    @classmethod
    def of(cls, record: reads.AdjustmentRecord) -> ContractAdjustment:
        return cls(
            adjustment_id=record.adjustment_id,
            valid_since=record.valid_since,
            valid_until=record.valid_until,
            created_at=record.created_at,
            terms_id=record.terms_id,
        )


@strawberry.type(description="Under which terms a party's shops work.")
class Contract(Node):
    contract_id: str = strawberry.field(description="The plain id that inputs use; one of its party.")
    status: ContractStatus = strawberry.field(description="Of the contract's life.")
    valid_since: datetime | None = strawberry.field(description="From when; null: always.")
    valid_until: datetime | None = strawberry.field(description="Until when, that moment not included; null: for ever.")
    adjustments: list[ContractAdjustment] = strawberry.field(description="The oldest first.")
    record: strawberry.Private[reads.ContractRecord]

    @strawberry.field(description="Whose system accounts take the fees; null unless you are staff.")
    async def payment_institution(self, info: Info) -> PaymentInstitution | None:
        found = await info.context.load.institution(self.record.institution_id)
        return PaymentInstitution.of(found) if found else None

    @strawberry.field(description="What it says; null unless you are staff.")
    async def terms(self, info: Info) -> TermSet | None:
        found = await info.context.load.term_set(self.record.terms_id)
        return TermSet.of(found) if found else None

    @strawberry.field(description="Where money can go, the oldest first.")
    async def payout_tools(self, info: Info) -> list[PayoutTool]:
        return [PayoutTool.of(tool) for tool in await info.context.load.tools_of(self.record.id)]

    @strawberry.field(description="What could be done with it, and whether this viewer may do it now.")
    def allowed_actions(self, info: Info) -> list[Action]:
        return [Action.of(action) for action in CONTRACTS.allowed(self.record, info.context.viewer)]

    @classmethod
    def of(cls, record: reads.ContractRecord) -> Contract:
        return cls(
            id=global_id(CONTRACT, record.id),
            contract_id=record.code,
            status=record.status,
            valid_since=record.valid_since,
            valid_until=record.valid_until,
            adjustments=[ContractAdjustment.of(one) for one in record.adjustments],
            version=record.version,
            created_at=record.created_at,
            updated_at=record.updated_at,
            subject=record.subject,
            record=record,
        )


@strawberry.type(description="Something that happened to a contract.")
class ContractEvent(Event):
    contract: Contract = strawberry.field(description="As it was right after; what is nested is as it is now.")

    @classmethod
    def carried(cls, told: Told) -> dict[str, Any]:
        return {"contract": Contract.of(reads.ContractRecord.of(told.event.snapshot))}


@strawberry.input(description="Other terms for a time.")
class ContractAdjustmentInput:
    adjustment_id: str = strawberry.field(description="1 to 64 characters; one that is known keeps its place in time.")
    term_set_id: str = strawberry.field(description="What it says.")
    valid_since: datetime | None = strawberry.field(default=None, description="Left out: from when it is brought.")
    valid_until: datetime | None = strawberry.field(default=None, description="Left out: for ever.")


@strawberry.input(description="A contract of a party.")
class UpsertContractInput(Asked):
    party_id: str = strawberry.field(description="Whose.")
    contract_id: str = strawberry.field(description="1 to 64 characters; a new one is a new contract.")
    payment_institution_id: str = strawberry.field(description="Whose system accounts take the fees.")
    term_set_id: str = strawberry.field(description="What it says.")
    valid_since: datetime | None = strawberry.field(default=None, description="From when; left out: always.")
    valid_until: datetime | None = strawberry.field(default=None, description="Until when; left out: for ever.")
    adjustments: list[ContractAdjustmentInput] = strawberry.field(
        default_factory=list, description="Every one of them, the oldest first."
    )
    terminated: bool = strawberry.field(default=False, description="End it, for ever.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def agreed(self) -> parties.Agreed:
        return parties.Agreed(
            self.payment_institution_id,
            self.term_set_id,
            self.valid_since,
            self.valid_until,
            [
                parties.Adjusted(one.adjustment_id, one.term_set_id, one.valid_since, one.valid_until)
                for one in self.adjustments
            ],
            self.terminated,
        )


@strawberry.input(description="A bank account in Russia.")
class RussianBankAccountInput:
    account: str = strawberry.field(description="20 digits.")
    bank_name: str = strawberry.field(description="1 to 200 characters.")
    bank_post_account: str = strawberry.field(description="20 digits.")
    bank_bik: str = strawberry.field(description="9 digits.")


@strawberry.input(description="A bank account elsewhere: by IBAN, or by number.")
class InternationalBankAccountInput:
    bank_name: str = strawberry.field(description="1 to 200 characters.")
    iban: str | None = strawberry.field(default=None, description="Without blanks.")
    number: str | None = strawberry.field(default=None, description="Where there is no IBAN.")
    bic: str | None = strawberry.field(default=None, description="8 or 11 characters.")


@strawberry.input(description="A wallet of the wallet system.")
class PayoutWalletInput:
    wallet_id: str = strawberry.field(description="As the wallet system knows it.")


@strawberry.input(description="An account at the payment institution itself: there is nothing to say of it.")
class PaymentInstitutionAccountInput:
    noted: bool = strawberry.field(default=True, description="Means nothing: an input needs a field.")


@strawberry.input(description="Where a payout tool leads: exactly one of these.", one_of=True)
class PayoutToolDetailsInput:
    russian_bank_account: RussianBankAccountInput | None = strawberry.field(
        default=strawberry.UNSET, description="A bank account in Russia."
    )
    international_bank_account: InternationalBankAccountInput | None = strawberry.field(
        default=strawberry.UNSET, description="A bank account elsewhere."
    )
    wallet: PayoutWalletInput | None = strawberry.field(default=strawberry.UNSET, description="A wallet.")
    payment_institution: PaymentInstitutionAccountInput | None = strawberry.field(
        default=strawberry.UNSET, description="An account at the payment institution itself."
    )

    def told(self) -> tuple[ToolKind, dict[str, str]]:
        """The kind of the tool, and what is said of where it leads."""
        for kind in ToolKind:
            given = getattr(self, kind.value)
            if given is not strawberry.UNSET and given is not None:
                said = {field.name: getattr(given, field.name) for field in fields(given)}
                return kind, {name: value for name, value in said.items() if isinstance(value, str)}
        raise AssertionError("one of them is given")


@strawberry.input(description="A payout tool of a contract.")
class UpsertPayoutToolInput(Asked):
    party_id: str = strawberry.field(description="Whose.")
    contract_id: str = strawberry.field(description="Of which contract.")
    payout_tool_id: str = strawberry.field(description="1 to 64 characters; a new one is a new tool.")
    currency: CurrencyCode = strawberry.field(description="Which it takes, for ever.")
    details: PayoutToolDetailsInput = strawberry.field(description="Where it leads.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


UpsertContractResult = Annotated[
    Contract | NotFound | NotAllowed | IllegalMove | InvalidInput | VersionConflict | Busy | IdempotencyKeyConflict,
    strawberry.union("UpsertContractResult"),
]
UpsertPayoutToolResult = Annotated[
    PayoutTool
    | NotFound
    | NotAllowed
    | IllegalMove
    | CurrencyNotSupported
    | InvalidInput
    | VersionConflict
    | Busy
    | IdempotencyKeyConflict,
    strawberry.union("UpsertPayoutToolResult"),
]
