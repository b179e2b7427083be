"""Disputes: reading, watching, and every verb of theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from functools import partial
from time import monotonic
from typing import Any

import strawberry

from models.disputes import operations as disputes
from models.disputes import reads
from models.disputes.operations import Filed
from models.events.requests import Request
from models.kernel.pages import Cut
from models.kernel.refusals import FieldProblem, InvalidInput, UpstreamUnavailable
from models.kernel.viewer import AUDITOR, MERCHANT, OPERATOR, SERVICE, Viewer
from resolvers import bulk
from resolvers.access import mutation, query, subscription
from resolvers.errands import disputes as errands
from resolvers.finding import by_number
from resolvers.watching import Watch
from schema.adjustments import ADJUSTMENT, CALLBACK, Adjustment, PaymentCallback
from schema.connections import Connection
from schema.context import Info
from schema.disputes import (
    NOUN,
    ORDERS,
    Dispute,
    DisputeCount,
    DisputeFeedItem,
    DisputeFilter,
    DisputeOrder,
    DisputeRef,
)
from schema.disputing import (
    AddDisputeEvidenceInput,
    AddDisputeEvidenceResult,
    ApproveDisputeResult,
    ApproveDisputesInput,
    BindDisputeResult,
    BindDisputesInput,
    CancelDisputeResult,
    CancelDisputesInput,
    CommentDisputeInput,
    CommentDisputeResult,
    CreateDisputeInput,
    CreateDisputeResult,
    ProviderPaymentCallbackInput,
    ProviderPaymentCallbackResult,
    ResendDisputeNotificationInput,
    ResendDisputeNotificationResult,
    ResumeDisputeResult,
    ResumeDisputesInput,
    UpdateDisputeMessageResult,
    UpdateDisputeMessagesInput,
    files_of,
)
from schema.scalars import Cursor
from settings import settings

EVENTS_OF = "dispute"


def _as_seen(viewer: Viewer) -> Any:
    return partial(Dispute.of, whole=viewer.reads_everything)


async def _find(viewer: Viewer, ids: list[str]) -> dict[str, Dispute]:
    return await by_number(NOUN, reads.disputes, _as_seen(viewer))(viewer, ids)


NODES = {
    NOUN: _find,
    ADJUSTMENT: by_number(ADJUSTMENT, reads.adjustments, Adjustment.of),
    CALLBACK: by_number(CALLBACK, reads.callbacks, PaymentCallback.of),
}


@strawberry.type
class Queries:
    @query("A dispute, by id, or the newest about a payment.", MERCHANT, OPERATOR, AUDITOR)
    async def dispute(self, info: Info, ref: DisputeRef) -> Dispute | None:
        viewer = info.context.viewer
        found: Dispute = _as_seen(viewer)(await reads.dispute(viewer, ref.find()))
        return found

    @query("Disputes that you may see: your own, or all of them for staff.", MERCHANT, OPERATOR, AUDITOR)
    async def disputes(
        self,
        info: Info,
        filter: DisputeFilter | None = None,
        order_by: DisputeOrder = DisputeOrder.NEWEST,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Dispute] | None:
        viewer = info.context.viewer
        wanted = filter.wanted(viewer) if filter else reads.Wanted()
        page = await reads.listed(viewer, wanted, ORDERS[order_by], Cut(first, after, last, before))
        return Connection[Dispute].of(page, _as_seen(viewer))

    @query("How many disputes there are, by status.", MERCHANT, OPERATOR, AUDITOR)
    async def dispute_counts(self, info: Info, filter: DisputeFilter | None = None) -> list[DisputeCount] | None:
        viewer = info.context.viewer
        wanted = filter.wanted(viewer) if filter else reads.Wanted()
        return DisputeCount.all_of(await reads.counted(viewer, wanted), whole=viewer.reads_everything)


@strawberry.type
class Mutations:
    @mutation(
        "Dispute a payment that failed here and that its payer says he made. Where one about it is open, that one is answered.",
        MERCHANT,
        OPERATOR,
        does=errands.create_dispute,
    )
    async def create_dispute(self, info: Info, input: CreateDisputeInput) -> CreateDisputeResult:
        request, viewer = input.request(info), info.context.viewer
        filed = Filed(input.amount.money() if input.amount else None, input.reason, input.notification_url)
        made = await errands.create_dispute(
            info.context.outside,
            input.invoice_id,
            input.payment_id,
            filed,
            files_of(input.attachments),
            by=viewer,
            request=request,
        )
        return _shown(info, made)

    @mutation("Add files to an open dispute.", MERCHANT, OPERATOR, does=errands.add_evidence)
    async def add_dispute_evidence(self, info: Info, input: AddDisputeEvidenceInput) -> AddDisputeEvidenceResult:
        request, viewer = input.request(info), info.context.viewer
        files = files_of(input.attachments)
        done = await errands.add_evidence(info.context.outside, input.dispute.find(), files, by=viewer, request=request)
        return _shown(info, done)

    @mutation("Say something about an open dispute.", MERCHANT, OPERATOR, does=disputes.comment)
    async def comment_dispute(self, info: Info, input: CommentDisputeInput) -> CommentDisputeResult:
        request, viewer = input.request(info), info.context.viewer
        return _shown(info, await disputes.comment(input.dispute.find(), input.text, by=viewer, request=request))

    @mutation("Approve disputes, each for itself.", OPERATOR, does=errands.approve)
    async def approve_disputes(self, info: Info, input: ApproveDisputesInput) -> list[ApproveDisputeResult] | None:
        until = monotonic() + settings().errands_timeout_seconds

        async def approve(item: Any, request: Request) -> Dispute:
            if monotonic() > until:
                raise UpstreamUnavailable("what this asks")
            done = await errands.approve(
                info.context.outside,
                item.dispute.find(),
                item.changed(),
                item.provider_message,
                skip=item.skip_provider_check,
                by=info.context.viewer,
                request=request,
            )
            return _shown(info, done)

        return await _each(info, input, approve)

    @mutation(
        "End open disputes, each for itself: for their merchants they have failed.", OPERATOR, does=disputes.cancel
    )
    async def cancel_disputes(self, info: Info, input: CancelDisputesInput) -> list[CancelDisputeResult] | None:
        async def cancel(item: Any, request: Request) -> Dispute:
            done = await disputes.cancel(
                item.dispute.find(),
                public_reason=item.public_reason,
                message=item.provider_message,
                by=info.context.viewer,
                request=request,
            )
            return _shown(info, done)

        return await _each(info, input, cancel)

    @mutation("Say which of their providers' disputes ours are, each for itself.", OPERATOR, does=disputes.bind)
    async def bind_disputes(self, info: Info, input: BindDisputesInput) -> list[BindDisputeResult] | None:
        async def bind(item: Any, request: Request) -> Dispute:
            by = info.context.viewer
            return _shown(
                info, await disputes.bind(item.dispute.find(), item.provider_dispute_id, by=by, request=request)
            )

        return await _each(info, input, bind)

    @mutation("Have providers asked again whose time was over, each for itself.", OPERATOR, does=disputes.resume)
    async def resume_disputes(self, info: Info, input: ResumeDisputesInput) -> list[ResumeDisputeResult] | None:
        async def resume(item: Any, request: Request) -> Dispute:
            return _shown(info, await disputes.resume(item.dispute.find(), by=info.context.viewer, request=request))

        return await _each(info, input, resume)

    @mutation(
        "Write down what providers say, each for itself, and nothing else.", OPERATOR, does=disputes.update_message
    )
    async def update_dispute_messages(
        self, info: Info, input: UpdateDisputeMessagesInput
    ) -> list[UpdateDisputeMessageResult] | None:
        async def update(item: Any, request: Request) -> Dispute:
            by = info.context.viewer
            return _shown(
                info, await disputes.update_message(item.dispute.find(), item.provider_message, by=by, request=request)
            )

        return await _each(info, input, update)

    @mutation(
        "Tell a merchant's server now how its dispute ended, whatever it was told before. What came of it is shown by "
        "`notification`.",
        OPERATOR,
        does=errands.resend_notification,
    )
    async def resend_dispute_notification(
        self, info: Info, input: ResendDisputeNotificationInput
    ) -> ResendDisputeNotificationResult:
        request, viewer = input.request(info), info.context.viewer
        done = await errands.resend_notification(info.context.outside, input.dispute.find(), by=viewer, request=request)
        return _shown(info, done)

    @mutation(
        "Tell, for a provider, that a payment succeeded after all; a worker asks whether it is so.",
        SERVICE,
        OPERATOR,
        does=disputes.payment_callback,
    )
    async def provider_payment_callback(
        self, info: Info, input: ProviderPaymentCallbackInput
    ) -> ProviderPaymentCallbackResult:
        request, viewer = input.request(info), info.context.viewer
        return PaymentCallback.of(
            await disputes.payment_callback(input.invoice_id, input.payment_id, by=viewer, request=request)
        )


def _shown(info: Info, record: reads.DisputeRecord) -> Dispute:
    return Dispute.of(record, whole=info.context.viewer.reads_everything)


async def _each(info: Info, input: Any, do: Any) -> list[Any]:
    """One answer for each item; an item is named by what it means."""
    return await bulk.each(
        info,
        input,
        input.items,
        do,
        content=asdict,
        named=lambda item: "/".join(map(str, _named(item.dispute))),
        version=lambda item: item.expected_version,
    )


def _named(ref: DisputeRef) -> list[object]:
    """Whatever was given; what means nothing is refused when it is done."""
    given = [ref.id, ref.dispute_id, ref.payment]
    return [one for one in given if one is not strawberry.UNSET and one is not None]


@strawberry.type
class Subscriptions:
    @subscription(
        "What happens to one dispute, to those about an invoice's payments, or to every dispute that you may see, from `after` "
        "on, in order, once. One dispute begins with itself as it is. A merchant is told of public statuses, files and words.",
        MERCHANT,
        OPERATOR,
        AUDITOR,
    )
    async def dispute_changed(
        self,
        info: Info,
        dispute: DisputeRef | None = None,
        invoice_id: str | None = None,
        after: Cursor | None = None,
    ) -> AsyncIterator[DisputeFeedItem]:
        if dispute is not None and invoice_id is not None:
            raise InvalidInput(FieldProblem("dispute", "is watched alone: leave invoiceId out"))
        if dispute is not None:
            seen = await reads.dispute(info.context.viewer, dispute.find())
            return Watch(nouns=[EVENTS_OF], subjects=[seen.subject], after=after)
        if invoice_id is not None:
            return Watch(nouns=[EVENTS_OF], about=f"invoice:{invoice_id}", after=after)
        return Watch(nouns=[EVENTS_OF], after=after)
