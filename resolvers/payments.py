"""Payments: reading, watching, asking where to pay, and what operators do with them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import strawberry

from models.kernel.pages import Cut
from models.kernel.viewer import AUDITOR, OPERATOR, SERVICE, USER
from models.payments import operations as payments
from models.payments import reads
from models.payments.wiring import CHECK_PAYMENTS, PROVE_RESERVES
from models.people import reads as people
from models.people.tables import owner
from models.work import reads as work
from resolvers.access import mutation, query, subscription
from resolvers.finding import by_number
from resolvers.watching import Watch
from schema.connections import Connection
from schema.context import Info
from schema.gateways import GATEWAY, PaymentGateway, UpsertPaymentGatewayInput, UpsertPaymentGatewayResult
from schema.payments import (
    NOUN,
    ORDERS,
    CreatePaymentInput,
    CreatePaymentResult,
    Deposit,
    FailPaymentInput,
    FailPaymentResult,
    MatchDepositInput,
    MatchDepositResult,
    Payment,
    PaymentFeedItem,
    PaymentFilter,
    PaymentOrder,
    PaymentRef,
    RecheckPaymentInput,
    RecheckPaymentResult,
)
from schema.people import PersonRef
from schema.scalars import CurrencyCode, Cursor
from schema.sweeps import SWEEP, WALLET, ProofOfReserves, Sweep, SweepFilter, Wallet
from schema.work import JobRun

EVENTS_OF = "payment"


NODES = {
    NOUN: by_number(NOUN, reads.payments, Payment.of),
    GATEWAY: by_number(GATEWAY, lambda _viewer, ids: reads.gateways(ids), PaymentGateway.of),
    WALLET: by_number(WALLET, reads.wallets, Wallet.of),
    SWEEP: by_number(SWEEP, reads.sweeps, Sweep.of),
}


@strawberry.type
class Queries:
    @query("Ways to pay in that are offered, for one currency or for any; staff may ask for those switched off too.")
    async def payment_gateways(
        self, info: Info, currency: CurrencyCode | None = None, include_disabled: bool = False
    ) -> list[PaymentGateway]:
        everything = include_disabled and info.context.viewer.reads_everything
        return [PaymentGateway.of(record) for record in await reads.offered(currency, all_of_them=everything)]

    @query("A payment, by id or number.")
    async def payment(self, info: Info, ref: PaymentRef) -> Payment | None:
        return Payment.of(await reads.payment(info.context.viewer, ref.find()))

    @query("Payments that you may see: your own, or all of them for staff.")
    async def payments(
        self,
        info: Info,
        filter: PaymentFilter | None = None,
        order_by: PaymentOrder = PaymentOrder.NEWEST,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Payment]:
        wanted = await filter.wanted() if filter else reads.Wanted()
        page = await reads.listed(info.context.viewer, wanted, ORDERS[order_by], Cut(first, after, last, before))
        return Connection[Payment].of(page, Payment.of)

    @query("What arrived for nobody that is known, the newest first.", OPERATOR, AUDITOR)
    async def unmatched_deposits(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Deposit] | None:
        page = await reads.unmatched(info.context.viewer, Cut(first, after, last, before))
        return Connection[Deposit].of(page, Deposit.of)

    @query("What is sent over the chain, the newest first.", OPERATOR, AUDITOR)
    async def sweeps(
        self,
        info: Info,
        filter: SweepFilter | None = None,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Sweep] | None:
        wanted, cut = filter.wanted() if filter else reads.WantedSweeps(), Cut(first, after, last, before)
        return Connection[Sweep].of(await reads.sweeps_listed(info.context.viewer, wanted, cut), Sweep.of)

    @query(
        "Whether what stood on the chain covered what we owed when `prove_reserves` last asked; null before, and for a "
        "currency that is on no chain.",
        OPERATOR,
        AUDITOR,
    )
    async def proof_of_reserves(self, info: Info, currency: CurrencyCode) -> ProofOfReserves | None:
        result = await work.last_result(info.context.viewer, PROVE_RESERVES)
        return ProofOfReserves.of(result) if result and result["currency"] == currency else None


@strawberry.type
class Mutations:
    @mutation("Ask where to pay something in.", USER, SERVICE, OPERATOR, does=payments.make)
    async def create_payment(self, info: Info, input: CreatePaymentInput) -> CreatePaymentResult:
        request, issuers = input.request(info), info.context.issuers
        made = await payments.make(await input.wanted(), issuers, by=info.context.viewer, request=request)
        return Payment.of(made)

    @mutation(
        "Look at a payment now, whatever its back-off; follow the run by `jobRun`.", OPERATOR, does=payments.recheck
    )
    async def recheck_payment(self, info: Info, input: RecheckPaymentInput) -> RecheckPaymentResult:
        request, number = input.request(info), input.payment.find()
        return JobRun.of(await payments.recheck(number, CHECK_PAYMENTS, by=info.context.viewer, request=request))

    @mutation("End a payment that will not be paid.", OPERATOR, does=payments.fail)
    async def fail_payment(self, info: Info, input: FailPaymentInput) -> FailPaymentResult:
        request, number = input.request(info), input.payment.find()
        return Payment.of(await payments.fail(number, input.reason, by=info.context.viewer, request=request))

    @mutation("Say whose an unmatched deposit is: it is credited.", OPERATOR, does=payments.match)
    async def match_deposit(self, info: Info, input: MatchDepositInput) -> MatchDepositResult:
        request, deposit, number = input.request(info), input.find(), input.payment.find()
        return Payment.of(await payments.match(deposit, number, by=info.context.viewer, request=request))

    @mutation("Offer a way to pay in, or change how it is offered.", OPERATOR, does=payments.upsert_gateway)
    async def upsert_payment_gateway(self, info: Info, input: UpsertPaymentGatewayInput) -> UpsertPaymentGatewayResult:
        request, viewer = input.request(info), info.context.viewer
        return PaymentGateway.of(
            await payments.upsert_gateway(input.gateway_code, input.terms(), by=viewer, request=request)
        )


@strawberry.type
class Subscriptions:
    @subscription(
        "What happens to one payment, to a person's, or to every payment that you may see, from `after` on, in order, "
        "once. One payment begins with itself as it is."
    )
    async def payment_changed(
        self,
        info: Info,
        payment: PaymentRef | None = None,
        person: PersonRef | None = None,
        after: Cursor | None = None,
    ) -> AsyncIterator[PaymentFeedItem]:
        viewer = info.context.viewer
        if payment is not None:
            seen = await reads.payment(viewer, payment.find())
            return Watch(nouns=[EVENTS_OF], subjects=[seen.subject], after=after)
        if person is not None:
            number = (await people.person(viewer, await person.find(info))).id
            return Watch(nouns=[EVENTS_OF], about=owner(number), after=after)
        return Watch(nouns=[EVENTS_OF], after=after)
