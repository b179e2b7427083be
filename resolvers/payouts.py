"""Payouts: reading, watching, and every verb of theirs; and their schedules."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import strawberry

from models.kernel.pages import Cut
from models.kernel.refusals import FieldProblem, InvalidInput
from models.kernel.viewer import AUDITOR, MERCHANT, OPERATOR
from models.parties import reads as parties
from models.payouts import operations as payouts
from models.payouts import reads
from resolvers.access import mutation, query, subscription
from resolvers.finding import by_number
from resolvers.watching import Watch
from schema.cashflow import CashFlowPreview
from schema.connections import Connection
from schema.context import Info
from schema.money import MoneyInput
from schema.payouts import (
    NOUN,
    ORDERS,
    CancelPayoutInput,
    CancelPayoutResult,
    ConfirmPayoutInput,
    ConfirmPayoutResult,
    CreatePayoutInput,
    CreatePayoutResult,
    Payout,
    PayoutFeedItem,
    PayoutFilter,
    PayoutOrder,
    PayoutRef,
    RecheckDeliveryInput,
    RecheckDeliveryResult,
    ResolveDeliveryInput,
    ResolveDeliveryResult,
)
from schema.scalars import Cursor
from schema.schedules import (
    NOUN as SCHEDULE,
)
from schema.schedules import (
    PayoutSchedule,
    PayoutScheduleFilter,
    SetPayoutScheduleInput,
    SetPayoutScheduleResult,
)

EVENTS_OF = "payout"


NODES = {
    NOUN: by_number(NOUN, reads.payouts, Payout.of),
    SCHEDULE: by_number(SCHEDULE, reads.schedules, PayoutSchedule.of),
}


@strawberry.type
class Queries:
    @query("A payout, by id.", MERCHANT, OPERATOR, AUDITOR)
    async def payout(self, info: Info, ref: PayoutRef) -> Payout | None:
        return Payout.of(await reads.payout(info.context.viewer, ref.find()))

    @query("Payouts that you may see: your own, or all of them for staff.", MERCHANT, OPERATOR, AUDITOR)
    async def payouts(
        self,
        info: Info,
        filter: PayoutFilter | None = None,
        order_by: PayoutOrder = PayoutOrder.NEWEST,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Payout] | None:
        wanted = filter.wanted() if filter else reads.Wanted()
        page = await reads.listed(info.context.viewer, wanted, ORDERS[order_by], Cut(first, after, last, before))
        return Connection[Payout].of(page, Payout.of)

    @query("When shops are paid out by themselves; the oldest schedule first.", MERCHANT, OPERATOR, AUDITOR)
    async def payout_schedules(
        self,
        info: Info,
        filter: PayoutScheduleFilter | None = None,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[PayoutSchedule] | None:
        wanted = filter or PayoutScheduleFilter()
        page = await reads.schedules_listed(
            info.context.viewer,
            Cut(first, after, last, before),
            party=wanted.party_id,
            needs_attention=wanted.needs_attention,
        )
        return Connection[PayoutSchedule].of(page, PayoutSchedule.of)

    @query(
        "What a payout would be, now or as of a moment: computed by the same code, and nothing is written.",
        MERCHANT,
        OPERATOR,
        AUDITOR,
    )
    async def preview_cash_flow(
        self,
        info: Info,
        party_id: str,
        shop_id: str,
        money: MoneyInput,
        payout_tool_id: str | None = None,
        at: datetime | None = None,
    ) -> CashFlowPreview | None:
        seen = await reads.preview(info.context.viewer, party_id, shop_id, money.money(), payout_tool_id, at)
        return CashFlowPreview.of(seen)


@strawberry.type
class Mutations:
    @mutation("Have money paid out of a shop: its cash flow is held.", MERCHANT, OPERATOR, does=payouts.make)
    async def create_payout(self, info: Info, input: CreatePayoutInput) -> CreatePayoutResult:
        request, viewer = input.request(info), info.context.viewer
        return Payout.of(await payouts.make(input.asked(), by=viewer, request=request))

    @mutation("What was held has happened; a worker delivers it where it can.", OPERATOR, does=payouts.confirm)
    async def confirm_payout(self, info: Info, input: ConfirmPayoutInput) -> ConfirmPayoutResult:
        request, viewer = input.request(info), info.context.viewer
        return Payout.of(await payouts.confirm(input.payout.find(), by=viewer, request=request))

    @mutation(
        "Take a payout back: one that is unpaid is cancelled, one that is confirmed and has not left is reverted.",
        MERCHANT,
        OPERATOR,
        does=payouts.cancel,
    )
    async def cancel_payout(self, info: Info, input: CancelPayoutInput) -> CancelPayoutResult:
        request, viewer = input.request(info), info.context.viewer
        return Payout.of(await payouts.cancel(input.payout.find(), input.details, by=viewer, request=request))

    @mutation("Have a worker look at a delivery now, whatever its back-off.", OPERATOR, does=payouts.recheck_delivery)
    async def recheck_delivery(self, info: Info, input: RecheckDeliveryInput) -> RecheckDeliveryResult:
        request, viewer = input.request(info), info.context.viewer
        return Payout.of(await payouts.recheck_delivery(input.payout.find(), by=viewer, request=request))

    @mutation(
        "Say what became of a delivery of which nobody here knows, as the outside has told you.",
        OPERATOR,
        does=payouts.resolve_delivery,
    )
    async def resolve_delivery(self, info: Info, input: ResolveDeliveryInput) -> ResolveDeliveryResult:
        request, viewer = input.request(info), info.context.viewer
        done = await payouts.resolve_delivery(
            input.payout.find(), arrived=input.arrived, word=input.word, by=viewer, request=request
        )
        return Payout.of(done)

    @mutation("Have a shop paid out by itself, change when, or stop it.", OPERATOR, does=payouts.set_schedule)
    async def set_payout_schedule(self, info: Info, input: SetPayoutScheduleInput) -> SetPayoutScheduleResult:
        request, viewer = input.request(info), info.context.viewer
        done = await payouts.set_schedule(input.party_id, input.shop_id, input.planned(), by=viewer, request=request)
        return PayoutSchedule.of(done)


@strawberry.type
class Subscriptions:
    @subscription(
        "What happens to one payout, to a party's, to a shop's, or to every payout that you may see, from `after` on, in "
        "order, once. One payout begins with itself as it is; `shop` needs its party, a merchant's is known.",
        MERCHANT,
        OPERATOR,
        AUDITOR,
    )
    async def payout_changed(
        self,
        info: Info,
        payout: PayoutRef | None = None,
        party: str | None = None,
        shop: str | None = None,
        after: Cursor | None = None,
    ) -> AsyncIterator[PayoutFeedItem]:
        viewer = info.context.viewer
        if payout is not None and (party is not None or shop is not None):
            raise InvalidInput(FieldProblem("payout", "is watched alone: leave party and shop out"))
        if shop is not None and party is None and viewer.party is None:
            raise InvalidInput(FieldProblem("party", "is needed: a shop is known by both"))
        if payout is not None:
            seen = await reads.payout(viewer, payout.find())
            return Watch(nouns=[EVENTS_OF], subjects=[seen.subject], after=after)
        if shop is not None:
            its = await parties.shop(viewer, party or viewer.party or "", shop)
            return Watch(nouns=[EVENTS_OF], about=f"shop:{its.party_code}/{its.code}", after=after)
        if party is not None:
            code = (await parties.party(viewer, party)).code
            return Watch(nouns=[EVENTS_OF], about=f"party:{code}", after=after)
        return Watch(nouns=[EVENTS_OF], after=after)
