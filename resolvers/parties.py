"""Parties, shops, contracts and terms: reading, and what operators do with them."""

from __future__ import annotations

import strawberry

from models.kernel.pages import Cut
from models.kernel.viewer import AUDITOR, MERCHANT, OPERATOR
from models.parties import operations as parties
from models.parties import reads
from resolvers.access import mutation, query
from resolvers.finding import by_number
from schema.connections import Connection
from schema.context import Info
from schema.contracts import (
    CONTRACT,
    TOOL,
    Contract,
    PayoutTool,
    UpsertContractInput,
    UpsertContractResult,
    UpsertPayoutToolInput,
    UpsertPayoutToolResult,
)
from schema.parties import (
    PARTY,
    SHOP,
    AdjustShopBalanceInput,
    AdjustShopBalanceResult,
    BlockPartyInput,
    BlockPartyResult,
    BlockShopInput,
    BlockShopResult,
    Party,
    PartyFilter,
    PartyRef,
    Shop,
    UnblockPartyResult,
    UnblockShopResult,
    UpsertPartyInput,
    UpsertPartyResult,
    UpsertShopInput,
    UpsertShopResult,
)
from schema.scalars import Cursor
from schema.terms import (
    INSTITUTION,
    TERMS,
    PaymentInstitution,
    TermSet,
    UpsertPaymentInstitutionInput,
    UpsertPaymentInstitutionResult,
    UpsertTermSetInput,
    UpsertTermSetResult,
)

NODES = {
    PARTY: by_number(PARTY, reads.parties, Party.of),
    SHOP: by_number(SHOP, reads.shops, Shop.of),
    CONTRACT: by_number(CONTRACT, reads.contracts, Contract.of),
    TOOL: by_number(TOOL, reads.tools, PayoutTool.of),
    INSTITUTION: by_number(INSTITUTION, reads.institutions, PaymentInstitution.of),
    TERMS: by_number(TERMS, reads.term_sets, TermSet.of),
}


@strawberry.type
class Queries:
    @query("A party, by id.", MERCHANT, OPERATOR, AUDITOR)
    async def party(self, info: Info, ref: PartyRef) -> Party | None:
        return Party.of(await reads.party(info.context.viewer, ref.find()))

    @query(
        "Parties that you may see: your own, or all of them for staff; the oldest first.", MERCHANT, OPERATOR, AUDITOR
    )
    async def parties(
        self,
        info: Info,
        filter: PartyFilter | None = None,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Party] | None:
        wanted = filter or PartyFilter()
        page = await reads.parties_listed(info.context.viewer, Cut(first, after, last, before), blocked=wanted.blocked)
        return Connection[Party].of(page, Party.of)

    @query("A shop, by its party's plain id and its own.", MERCHANT, OPERATOR, AUDITOR)
    async def shop(self, info: Info, party_id: str, shop_id: str) -> Shop | None:
        return Shop.of(await reads.shop(info.context.viewer, party_id, shop_id))

    @query("Sets of terms, the oldest first.", OPERATOR, AUDITOR)
    async def term_sets(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[TermSet] | None:
        page = await reads.term_sets_listed(info.context.viewer, Cut(first, after, last, before))
        return Connection[TermSet].of(page, TermSet.of)

    @query("Payment institutions, the oldest first.", OPERATOR, AUDITOR)
    async def payment_institutions(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[PaymentInstitution] | None:
        page = await reads.institutions_listed(info.context.viewer, Cut(first, after, last, before))
        return Connection[PaymentInstitution].of(page, PaymentInstitution.of)


@strawberry.type
class Mutations:
    @mutation("Bring a party, or change it.", OPERATOR, does=parties.upsert_party)
    async def upsert_party(self, info: Info, input: UpsertPartyInput) -> UpsertPartyResult:
        request, viewer = input.request(info), info.context.viewer
        done = await parties.upsert_party(
            input.party_id, input.name, suspended=input.suspended, by=viewer, request=request
        )
        return Party.of(done)

    @mutation("Let nothing be paid out of any shop of a party.", OPERATOR, does=parties.block_party)
    async def block_party(self, info: Info, input: BlockPartyInput) -> BlockPartyResult:
        request, viewer = input.request(info), info.context.viewer
        return Party.of(await parties.block_party(input.party_id, input.reason, by=viewer, request=request))

    @mutation("Take the block of a party back.", OPERATOR, does=parties.unblock_party)
    async def unblock_party(self, info: Info, input: BlockPartyInput) -> UnblockPartyResult:
        request, viewer = input.request(info), info.context.viewer
        return Party.of(await parties.unblock_party(input.party_id, input.reason, by=viewer, request=request))

    @mutation("Bring a shop, with its accounts, or change it.", OPERATOR, does=parties.upsert_shop)
    async def upsert_shop(self, info: Info, input: UpsertShopInput) -> UpsertShopResult:
        request, viewer = input.request(info), info.context.viewer
        done = await parties.upsert_shop(input.party_id, input.shop_id, input.opened(), by=viewer, request=request)
        return Shop.of(done)

    @mutation("Let nothing be paid out of a shop.", OPERATOR, does=parties.block_shop)
    async def block_shop(self, info: Info, input: BlockShopInput) -> BlockShopResult:
        request, viewer = input.request(info), info.context.viewer
        done = await parties.block_shop(input.party_id, input.shop_id, input.reason, by=viewer, request=request)
        return Shop.of(done)

    @mutation("Take the block of a shop back.", OPERATOR, does=parties.unblock_shop)
    async def unblock_shop(self, info: Info, input: BlockShopInput) -> UnblockShopResult:
        request, viewer = input.request(info), info.context.viewer
        done = await parties.unblock_shop(input.party_id, input.shop_id, input.reason, by=viewer, request=request)
        return Shop.of(done)

    @mutation("Correct what a shop has earned, up or down, and say why.", OPERATOR, does=parties.adjust_shop)
    async def adjust_shop_balance(self, info: Info, input: AdjustShopBalanceInput) -> AdjustShopBalanceResult:
        request, money, viewer = input.request(info), input.money.money(), info.context.viewer
        done = await parties.adjust_shop(input.party_id, input.shop_id, money, input.reason, by=viewer, request=request)
        return Shop.of(done)

    @mutation("Bring a contract, change it, or end it.", OPERATOR, does=parties.upsert_contract)
    async def upsert_contract(self, info: Info, input: UpsertContractInput) -> UpsertContractResult:
        request, viewer = input.request(info), info.context.viewer
        done = await parties.upsert_contract(
            input.party_id, input.contract_id, input.agreed(), by=viewer, request=request
        )
        return Contract.of(done)

    @mutation(
        "Bring a payout tool into a contract, or change where it leads.", OPERATOR, does=parties.upsert_payout_tool
    )
    async def upsert_payout_tool(self, info: Info, input: UpsertPayoutToolInput) -> UpsertPayoutToolResult:
        request, viewer = input.request(info), info.context.viewer
        kind, details = input.details.told()
        done = await parties.upsert_payout_tool(
            input.party_id,
            input.contract_id,
            input.payout_tool_id,
            input.currency,
            kind,
            details,
            by=viewer,
            request=request,
        )
        return PayoutTool.of(done)

    @mutation("Bring a payment institution, or change it.", OPERATOR, does=parties.upsert_institution)
    async def upsert_payment_institution(
        self, info: Info, input: UpsertPaymentInstitutionInput
    ) -> UpsertPaymentInstitutionResult:
        request, viewer = input.request(info), info.context.viewer
        done = await parties.upsert_institution(
            input.payment_institution_id,
            input.name,
            [one.currency for one in input.accounts],
            [one.currency for one in input.accounts if one.subagent],
            input.criteria,
            by=viewer,
            request=request,
        )
        return PaymentInstitution.of(done)

    @mutation("Bring a set of terms, or change what it says.", OPERATOR, does=parties.upsert_term_set)
    async def upsert_term_set(self, info: Info, input: UpsertTermSetInput) -> UpsertTermSetResult:
        request, viewer = input.request(info), info.context.viewer
        done = await parties.upsert_term_set(
            input.term_set_id, input.name, input.parent_id, input.timed, by=viewer, request=request
        )
        return TermSet.of(done)
