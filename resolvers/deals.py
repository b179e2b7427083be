"""Deals: reading, watching, and every verb of theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import strawberry

from models.deals import operations as deals
from models.deals import reads
from models.kernel.pages import Cut
from models.kernel.viewer import OPERATOR, SERVICE, USER
from resolvers.access import mutation, query, subscription
from resolvers.finding import by_number
from resolvers.watching import Watch
from schema.connections import Connection
from schema.context import Info
from schema.deals import (
    NOUN,
    ORDERS,
    CancelDealInput,
    CancelDealResult,
    CloseDealDisputeInput,
    CloseDealDisputeResult,
    CloseDealInput,
    CloseDealResult,
    ConfirmDealInput,
    ConfirmDealResult,
    CreateDealInput,
    CreateDealResult,
    Deal,
    DealFeedItem,
    DealFilter,
    DealOrder,
    DealRef,
    DenyDealInput,
    DenyDealResult,
    OpenDealDisputeInput,
    OpenDealDisputeResult,
)
from schema.scalars import Cursor

EVENTS_OF = "deal"


NODES = {NOUN: by_number(NOUN, reads.deals, Deal.of)}


@strawberry.type
class Queries:
    @query("A deal, by id or number.")
    async def deal(self, info: Info, ref: DealRef) -> Deal | None:
        return Deal.of(await reads.deal(info.context.viewer, ref.find()))

    @query("Deals that you may see: your own, or all of them for staff.")
    async def deals(
        self,
        info: Info,
        filter: DealFilter | None = None,
        order_by: DealOrder = DealOrder.NEWEST,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Deal]:
        wanted = await filter.wanted() if filter else reads.Wanted()
        page = await reads.listed(info.context.viewer, wanted, ORDERS[order_by], Cut(first, after, last, before))
        return Connection[Deal].of(page, Deal.of)


@strawberry.type
class Mutations:
    @mutation("Offer a deal to a performer.", USER, SERVICE, does=deals.offer)
    async def create_deal(self, info: Info, input: CreateDealInput) -> CreateDealResult:
        request = input.request(info)
        return Deal.of(await deals.offer(await input.offer(), by=info.context.viewer, request=request))

    @mutation("The performer agrees to the deal; its price is held, or it waits for payment.", USER, does=deals.confirm)
    async def confirm_deal(self, info: Info, input: ConfirmDealInput) -> ConfirmDealResult:
        request = input.request(info)
        return Deal.of(await deals.confirm(input.deal.find(), by=info.context.viewer, request=request))

    @mutation("The performer turns the deal down.", USER, does=deals.deny)
    async def deny_deal(self, info: Info, input: DenyDealInput) -> DenyDealResult:
        request = input.request(info)
        return Deal.of(await deals.deny(input.deal.find(), by=info.context.viewer, request=request))

    @mutation("The customer withdraws a deal that was not confirmed yet.", USER, does=deals.cancel)
    async def cancel_deal(self, info: Info, input: CancelDealInput) -> CancelDealResult:
        request = input.request(info)
        return Deal.of(await deals.cancel(input.deal.find(), by=info.context.viewer, request=request))

    @mutation("The deal is done: the performer is paid.", USER, OPERATOR, does=deals.close)
    async def close_deal(self, info: Info, input: CloseDealInput) -> CloseDealResult:
        request = input.request(info)
        return Deal.of(await deals.close(input.deal.find(), by=info.context.viewer, request=request))

    @mutation(
        "A side disputes a confirmed deal, once: from now on an operator decides how it ends.",
        USER,
        does=deals.open_dispute,
    )
    async def open_deal_dispute(self, info: Info, input: OpenDealDisputeInput) -> OpenDealDisputeResult:
        request, number, viewer = input.request(info), input.deal.find(), info.context.viewer
        return Deal.of(await deals.open_dispute(number, input.title, input.description, by=viewer, request=request))

    @mutation("Decide a deal's dispute: for one side, or by a split.", OPERATOR, does=deals.close_dispute)
    async def close_deal_dispute(self, info: Info, input: CloseDealDisputeInput) -> CloseDealDisputeResult:
        request, number, viewer = input.request(info), input.deal.find(), info.context.viewer
        favour, share = input.in_favour_of, input.performer_amount
        done = await deals.close_dispute(number, favour, share, input.comment, by=viewer, request=request)
        return Deal.of(done)


@strawberry.type
class Subscriptions:
    @subscription(
        "What happens to one deal, or to every deal that you may see, from `after` on, in order, once. One deal begins "
        "with itself as it is."
    )
    async def deal_changed(
        self, info: Info, deal: DealRef | None = None, after: Cursor | None = None
    ) -> AsyncIterator[DealFeedItem]:
        if deal is None:
            return Watch(nouns=[EVENTS_OF], after=after)
        seen = await reads.deal(info.context.viewer, deal.find())
        return Watch(nouns=[EVENTS_OF], subjects=[seen.subject], after=after)
