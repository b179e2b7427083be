"""Parties and shops: merchants, and where they earn money."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from models.kernel.refusals import NotFound as Unknown
from models.parties import operations as parties
from models.parties import reads
from models.parties.errors import PARTY_NOT_FOUND
from models.parties.lifecycle import PARTIES, SHOPS, Standing
from schema.context import Info
from schema.contracts import Contract, PayoutTool
from schema.events import Event, Told
from schema.inputs import Asked
from schema.ledger import LedgerAccount
from schema.money import MoneyInput
from schema.node import Action, Node, global_id, number_of
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
    VersionConflict,
)
from schema.scalars import CurrencyCode
from schema.terms import KEY, VERSION

PARTY, SHOP = "Party", "Shop"

strawberry.enum(Standing, name="PartyStatus", description="Of a party or a shop. The list grows: have a default.")


@strawberry.type(description="A merchant.")
class Party(Node):
    party_id: str = strawberry.field(description="The plain id that claims and inputs use.")
    name: str = strawberry.field(description="For people.")
    status: Standing = strawberry.field(description="Nothing is paid out of the shops of a blocked one.")
    suspended: bool = strawberry.field(description="The same, at its own wish.")
    reason: str | None = strawberry.field(description="Why it was blocked, or unblocked.")
    record: strawberry.Private[reads.PartyRecord]

    @strawberry.field(description="Those of its shops that you may see, the oldest first, up to a hundred.")
    async def shops(self, info: Info) -> list[Shop]:
        return [Shop.of(shop) for shop in await info.context.load.shops_of(self.record.id)]

    @strawberry.field(description="Its contracts, the oldest first.")
    async def contracts(self, info: Info) -> list[Contract]:
        return [Contract.of(contract) for contract in await info.context.load.contracts_of(self.record.id)]

    @strawberry.field(description="What could be done with it, and whether this viewer may do it now.")
    def allowed_actions(self, info: Info) -> list[Action]:
        return [Action.of(action) for action in PARTIES.allowed(self.record, info.context.viewer)]

    @classmethod
    def of(cls, record: reads.PartyRecord) -> Party:
        return cls(
            id=global_id(PARTY, record.id),
            party_id=record.code,
            name=record.name,
            status=record.status,
            suspended=record.suspended,
            reason=record.reason,
            version=record.version,
            created_at=record.created_at,
            updated_at=record.updated_at,
            subject=record.subject,
            record=record,
        )


@strawberry.type(description="Something that happened to a party.")
class PartyEvent(Event):
    party: Party = strawberry.field(description="As it was right after; what is nested is as it is now.")

    @classmethod
    def carried(cls, told: Told) -> dict[str, Any]:
        return {"party": Party.of(reads.PartyRecord.of(told.event.snapshot))}


@strawberry.type(description="A place where a party earns money, in one currency, on accounts of its own.")
class Shop(Node):
    shop_id: str = strawberry.field(description="The plain id that claims and inputs use; one of its party.")
    party_id: str = strawberry.field(description="Whose.")
    name: str = strawberry.field(description="For people.")
    location: str | None = strawberry.field(description="Where it is, as its party says.")
    category: int = strawberry.field(description="What it sells, as terms know it.")
    currency: CurrencyCode = strawberry.field(description="Of its accounts.")
    status: Standing = strawberry.field(description="Nothing is paid out of a blocked one.")
    suspended: bool = strawberry.field(description="The same, at its party's wish.")
    reason: str | None = strawberry.field(description="Why it was blocked, or unblocked.")
    record: strawberry.Private[reads.ShopRecord]

    @strawberry.field(description="Whose it is.")
    async def party(self, info: Info) -> Party | None:
        found = await info.context.load.party(self.record.party_code)
        return Party.of(found) if found else None

    @strawberry.field(description="Under which terms it works.")
    async def contract(self, info: Info) -> Contract | None:
        found = await info.context.load.contract(self.record.contract_id)
        return Contract.of(found) if found else None

    @strawberry.field(description="Where its money goes unless something else is said; null for none.")
    async def payout_tool(self, info: Info) -> PayoutTool | None:
        id = self.record.payout_tool_id
        found = await info.context.load.payout_tool(id) if id is not None else None
        return PayoutTool.of(found) if found else None

    @strawberry.field(description="What it has earned and can have paid out; never below zero.")
    async def settlement(self, info: Info) -> LedgerAccount | None:
        return await self._account(info, self.record.settlement_account)

    @strawberry.field(description="What is kept back as a guarantee.")
    async def guarantee(self, info: Info) -> LedgerAccount | None:
        return await self._account(info, self.record.guarantee_account)

    @strawberry.field(description="What was confirmed and has not arrived yet.")
    async def payout(self, info: Info) -> LedgerAccount | None:
        return await self._account(info, self.record.payout_account)

    @strawberry.field(description="What could be done with it, and whether this viewer may do it now.")
    def allowed_actions(self, info: Info) -> list[Action]:
        return [Action.of(action) for action in SHOPS.allowed(self.record, info.context.viewer)]

    @staticmethod
    async def _account(info: Info, id: int) -> LedgerAccount | None:
        record = await info.context.load.account(id)
        return LedgerAccount.of(record) if record else None

    @classmethod
    def of(cls, record: reads.ShopRecord) -> Shop:
        return cls(
            id=global_id(SHOP, record.id),
            shop_id=record.code,
            party_id=record.party_code,
            name=record.name,
            location=record.location,
            category=record.category,
            currency=CurrencyCode(record.currency),
            status=record.status,
            suspended=record.suspended,
            reason=record.reason,
            version=record.version,
            created_at=record.created_at,
            updated_at=record.updated_at,
            subject=record.subject,
            record=record,
        )


@strawberry.type(description="Something that happened to a shop.")
class ShopEvent(Event):
    shop: Shop = strawberry.field(description="As it was right after; what is nested is as it is now.")

    @classmethod
    def carried(cls, told: Told) -> dict[str, Any]:
        return {"shop": Shop.of(reads.ShopRecord.of(told.event.snapshot))}


@strawberry.input(description="Which parties are meant.")
class PartyFilter:
    blocked: bool | None = strawberry.field(default=None, description="Whether they are blocked.")


@strawberry.input(description="Which party is meant: by exactly one of these.", one_of=True)
class PartyRef:
    id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="Its global id.")
    party_id: str | None = strawberry.field(default=strawberry.UNSET, description="Its plain id.")

    def find(self) -> int | str:
        """The party's number, or its plain id. Refuses PARTY_NOT_FOUND for what is no id of a party."""
        found = number_of(self.id, PARTY) if isinstance(self.id, str) else self.party_id
        if not isinstance(found, int | str):
            raise Unknown("party", code=PARTY_NOT_FOUND)
        return found


@strawberry.input(description="A party.")
class UpsertPartyInput(Asked):
    party_id: str = strawberry.field(description="1 to 64 characters; a new one is a new party.")
    name: str = strawberry.field(description="For people, 1 to 128 characters.")
    suspended: bool = strawberry.field(default=False, description="At its own wish nothing is paid out.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="A party to block, or to unblock, and why.")
class BlockPartyInput(Asked):
    party_id: str = strawberry.field(description="Which.")
    reason: str = strawberry.field(description="1 to 500 characters.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="A shop to block, or to unblock, and why.")
class BlockShopInput(Asked):
    party_id: str = strawberry.field(description="Whose.")
    shop_id: str = strawberry.field(description="Which.")
    reason: str = strawberry.field(description="1 to 500 characters.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="A shop of a party.")
class UpsertShopInput(Asked):
    party_id: str = strawberry.field(description="Whose.")
    shop_id: str = strawberry.field(description="1 to 64 characters; a new one is a new shop, with its accounts.")
    name: str = strawberry.field(description="For people, 1 to 128 characters.")
    currency: CurrencyCode = strawberry.field(description="Of its accounts, for ever.")
    category: int = strawberry.field(description="What it sells, as terms know it.")
    contract_id: str = strawberry.field(description="One of its party.")
    payout_tool_id: str | None = strawberry.field(
        default=None, description="One of the contract, in the shop's currency."
    )
    location: str | None = strawberry.field(default=None, description="Where it is, 1 to 256 characters.")
    suspended: bool = strawberry.field(default=False, description="At its party's wish nothing is paid out.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def opened(self) -> parties.Opened:
        return parties.Opened(
            self.name,
            self.currency,
            self.category,
            self.contract_id,
            self.payout_tool_id,
            self.location,
            self.suspended,
        )


@strawberry.input(description="A correction of what a shop has earned.")
class AdjustShopBalanceInput(Asked):
    party_id: str = strawberry.field(description="Whose.")
    shop_id: str = strawberry.field(description="Which.")
    money: MoneyInput = strawberry.field(description="Up, or down where it is negative.")
    reason: str = strawberry.field(description="1 to 500 characters.")
    idempotency_key: str = strawberry.field(description="The same key again: the same answer, and no money moves.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


UpsertPartyResult = Annotated[
    Party | NotAllowed | InvalidInput | VersionConflict | Busy | IdempotencyKeyConflict,
    strawberry.union("UpsertPartyResult"),
]
BlockPartyResult = Annotated[
    Party | NotFound | NotAllowed | IllegalMove | InvalidInput | VersionConflict | Busy | IdempotencyKeyConflict,
    strawberry.union("BlockPartyResult"),
]
UnblockPartyResult = Annotated[
    Party | NotFound | NotAllowed | IllegalMove | InvalidInput | VersionConflict | Busy | IdempotencyKeyConflict,
    strawberry.union("UnblockPartyResult"),
]
UpsertShopResult = Annotated[
    Shop
    | NotFound
    | NotAllowed
    | CurrencyNotSupported
    | InvalidInput
    | VersionConflict
    | Busy
    | IdempotencyKeyConflict,
    strawberry.union("UpsertShopResult"),
]
BlockShopResult = Annotated[
    Shop | NotFound | NotAllowed | IllegalMove | InvalidInput | VersionConflict | Busy | IdempotencyKeyConflict,
    strawberry.union("BlockShopResult"),
]
UnblockShopResult = Annotated[
    Shop | NotFound | NotAllowed | IllegalMove | InvalidInput | VersionConflict | Busy | IdempotencyKeyConflict,
    strawberry.union("UnblockShopResult"),
]
AdjustShopBalanceResult = Annotated[
    Shop
    | NotFound
    | NotAllowed
    | InsufficientFunds
    | InvalidAmount
    | CurrencyNotSupported
    | InvalidInput
    | VersionConflict
    | Busy
    | IdempotencyKeyConflict,
    strawberry.union("AdjustShopBalanceResult"),
]
