"""Payments: how people pay in, through which gateways, and what arrived."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any

import strawberry

from models.kernel.pages import Order
from models.kernel.refusals import NotFound as Unknown
from models.payments import reads
from models.payments.errors import DEPOSIT_NOT_FOUND, PAYMENT_NOT_FOUND
from models.payments.lifecycle import PAYMENTS, PaymentException, PaymentStatus, Step
from models.payments.operations import Asked as WantedPayment
from schema.context import Info
from schema.events import Event, Heartbeat, Lagged, Told
from schema.gateways import PaymentGateway
from schema.inputs import Asked
from schema.money import Money, MoneyInput
from schema.node import Action, Node, global_id, number_of
from schema.people import Person, PersonRef
from schema.refusals import (
    Busy,
    CurrencyNotSupported,
    GatewayDisabled,
    GatewayUnavailable,
    IdempotencyKeyConflict,
    IllegalMove,
    InvalidAmount,
    InvalidInput,
    NotAllowed,
    NotFound,
    TooManyPayments,
    VersionConflict,
)
from schema.scalars import CurrencyCode
from schema.sweeps import Sweep, Wallet
from schema.work import JobRun

NOUN, DEPOSIT = "Payment", "Deposit"

strawberry.enum(PaymentStatus, description="Of a payment's life. The list grows: have a default.")
strawberry.enum(PaymentException, description="What is not as it was asked for.")
strawberry.enum(Step, name="PaymentStep", description="A step of a payment's check, in their order.")


@strawberry.enum(description="In which order payments are listed.")
class PaymentOrder(Enum):
    NEWEST = "newest"
    OLDEST = "oldest"
    CHANGED = "changed"


ORDERS: dict[PaymentOrder, Order] = {
    PaymentOrder.NEWEST: reads.NEWEST,
    PaymentOrder.OLDEST: reads.OLDEST,
    PaymentOrder.CHANGED: reads.CHANGED,
}


@strawberry.type(description="Where to pay: to an address of a chain, or to an account with a reference.")
class GatewayData:
    network: str | None = strawberry.field(description="The chain; send over no other.")
    address: str | None = strawberry.field(description="This payment's own; never used for another.")
    contract: str | None = strawberry.field(description="The token's contract: what other tokens bring is lost.")
    uri: str | None = strawberry.field(description="All of it for a wallet's eyes, as text of a QR code.")
    account: str | None = strawberry.field(description="The bank account.")
    beneficiary: str | None = strawberry.field(description="Whose account it is.")
    reference: str | None = strawberry.field(description="What to write on the transfer, with or without spaces.")
    expires_at: datetime = strawberry.field(description="Pay before; what comes later is credited, late.")

    @classmethod
    def of(cls, record: reads.PaymentRecord) -> GatewayData:
        data = record.gateway_data
        address, contract = data.get("address"), data.get("contract")
        uri = f"tron:{address}?token={contract}&amount={record.amount.amount:f}" if address else None
        return cls(
            network=data.get("network"),
            address=address,
            contract=contract,
            uri=uri,
            account=data.get("account"),
            beneficiary=data.get("beneficiary"),
            reference=data.get("reference"),
            expires_at=record.expires_at,
        )


@strawberry.type(description="Something that arrived.")
class Deposit:
    id: strawberry.ID = strawberry.field(description="By which `matchDeposit` names it.")
    amount: Money = strawberry.field(description="What arrived.")
    tx_id: str = strawberry.field(description="The transaction: the chain's, or the bank's.")
    sender: str = strawberry.field(description="Who sent it, as far as is told; may be empty.")
    reference: str = strawberry.field(description="What the payer wrote; may be empty.")
    confirmations: int | None = strawberry.field(description="Blocks on top of it and its own; null at a bank.")
    seen_at: datetime = strawberry.field(description="When we first saw it.")
    credited_at: datetime | None = strawberry.field(description="When it was credited; null while it is not final.")
    dropped_at: datetime | None = strawberry.field(description="When the chain had it no more.")

    @classmethod
    def of(cls, record: reads.DepositRecord) -> Deposit:
        return cls(
            id=global_id(DEPOSIT, record.id),
            amount=Money.of(record.amount),
            tx_id=record.tx_id,
            sender=record.sender,
            reference=record.reference,
            confirmations=record.confirmations,
            seen_at=record.seen_at,
            credited_at=record.credited_at,
            dropped_at=record.dropped_at,
        )


@strawberry.type(description="When a step of a payment's check was last done.")
class PaymentStepDone:
    step: Step = strawberry.field(description="Which.")
    done_at: datetime = strawberry.field(description="When.")
    detail: str = strawberry.field(description="What it came to; may be empty.")


@strawberry.type(description="How a payment's checks fare just now.")
class PaymentCheck:
    failures: int = strawberry.field(description="In a row.")
    failed_step: Step | None = strawberry.field(description="At which step the last one failed.")
    last_error: str | None = strawberry.field(description="Why it did.")
    last_checked_at: datetime | None = strawberry.field(description="When the last one ended.")
    next_check_at: datetime | None = strawberry.field(description="When the next is due; null: when something arrives.")
    steps: list[PaymentStepDone] = strawberry.field(description="What was done, each step for the last time.")


@strawberry.type(description="What a person was to pay in, and what came of it.")
class Payment(Node):
    number: int = strawberry.field(description="The plain number that inputs use.")
    status: PaymentStatus = strawberry.field(description="Of the payment's life.")
    exception: PaymentException = strawberry.field(description="What is not as it was asked for.")
    amount: Money = strawberry.field(description="What was asked for.")
    received: Money = strawberry.field(description="What was credited to the person's balance.")
    person_number: int = strawberry.field(description="The number of the person who pays.")
    gateway_data: GatewayData = strawberry.field(description="Where to pay.")
    reason: str | None = strawberry.field(description="Why an operator ended it.")
    sweep_deferred: str | None = strawberry.field(description="Why the coins stay on their address for now.")
    needs_attention: bool = strawberry.field(description="Its check fails again and again: a human has to look.")
    expires_at: datetime = strawberry.field(description="When it ends unless something arrived.")
    settled_at: datetime | None = strawberry.field(description="When it succeeded.")
    record: strawberry.Private[reads.PaymentRecord]

    @strawberry.field(description="The gateway, as it is offered now.")
    async def gateway(self, info: Info) -> PaymentGateway | None:
        record = await info.context.load.gateway(self.record.gateway_id)
        return PaymentGateway.of(record) if record else None

    @strawberry.field(description="Who pays; null unless you may see him.")
    async def person(self, info: Info) -> Person | None:
        record = await info.context.load.person(self.record.person_id)
        return Person.of(record) if record else None

    @strawberry.field(description="What arrived, the newest first, up to a hundred.")
    async def deposits(self, info: Info) -> list[Deposit]:
        return [Deposit.of(record) for record in await info.context.load.deposits(self.record.id)]

    @strawberry.field(description="The deposit address, as staff see it; null for everybody else, and at a bank.")
    async def wallet(self, info: Info) -> Wallet | None:
        record = await info.context.load.wallet_of(self.record.id)
        return Wallet.of(record) if record else None

    @strawberry.field(description="What was sent over the chain for it, the newest first, up to fifty; staff only.")
    async def sweeps(self, info: Info) -> list[Sweep]:
        return [Sweep.of(record) for record in await info.context.load.sweeps_of(self.record.id)]

    @strawberry.field(description="How its checks fare; null unless you read everything.")
    async def check(self, info: Info) -> PaymentCheck | None:
        if not info.context.viewer.reads_everything:
            return None
        now, steps = (
            await info.context.load.payment_now(self.record.id),
            await info.context.load.steps(self.record.id),
        )
        return (
            PaymentCheck(
                failures=now.failures,
                failed_step=now.failed_step,
                last_error=now.last_error,
                last_checked_at=now.last_checked_at,
                next_check_at=now.next_check_at,
                steps=[PaymentStepDone(step=one.step, done_at=one.done_at, detail=one.detail) for one in steps],
            )
            if now
            else None
        )

    @strawberry.field(description="What could be done with it, and whether this viewer may do it now.")
    def allowed_actions(self, info: Info) -> list[Action]:
        return [Action.of(action) for action in PAYMENTS.allowed(self.record, info.context.viewer)]

    @classmethod
    def of(cls, record: reads.PaymentRecord) -> Payment:
        return cls(
            id=global_id(NOUN, record.id),
            number=record.id,
            status=record.status,
            exception=record.exception,
            amount=Money.of(record.amount),
            received=Money.of(record.received),
            person_number=record.person_id,
            gateway_data=GatewayData.of(record),
            reason=record.reason,
            sweep_deferred=record.sweep_deferred,
            needs_attention=record.needs_attention,
            expires_at=record.expires_at,
            settled_at=record.settled_at,
            version=record.version,
            created_at=record.created_at,
            updated_at=record.updated_at,
            subject=record.subject,
            record=record,
        )


@strawberry.type(description="Something that happened to a payment: `seeDeposit` is news, `creditDeposit` is money.")
class PaymentEvent(Event):
    payment: Payment = strawberry.field(description="As it was right after; what is nested is as it is now.")

    @classmethod
    def carried(cls, told: Told) -> dict[str, Any]:
        return {"payment": Payment.of(reads.PaymentRecord.of(told.event.snapshot))}


PaymentFeedItem = Annotated[PaymentEvent | Heartbeat | Lagged, strawberry.union("PaymentFeedItem")]


@strawberry.input(description="Which payment is meant: by exactly one of these.", one_of=True)
class PaymentRef:
    id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="Its global id.")
    number: int | None = strawberry.field(default=strawberry.UNSET, description="Its number.")

    def find(self) -> int:
        """The payment's number. Refuses PAYMENT_NOT_FOUND for what is no id of a payment."""
        number = number_of(self.id, NOUN) if isinstance(self.id, str) else self.number
        if not isinstance(number, int):
            raise Unknown("payment", code=PAYMENT_NOT_FOUND)
        return number


@strawberry.input(description="Which payments are meant: all that is given must be so.")
class PaymentFilter:
    person: PersonRef | None = strawberry.field(default=None, description="Who pays.")
    status: PaymentStatus | None = strawberry.field(default=None, description="Of the payment's life.")
    currency: CurrencyCode | None = strawberry.field(default=None, description="Of the amount.")
    gateway: str | None = strawberry.field(default=None, description="The gateway's code.")
    exception: PaymentException | None = strawberry.field(default=None, description="What is not as it was asked for.")
    needs_attention: bool | None = strawberry.field(default=None, description="Whether a human has to look.")
    paid_to: str | None = strawberry.field(default=None, description="The deposit address, or the bank reference.")
    tx_id: str | None = strawberry.field(default=None, description="A transaction that brought something.")
    created_from: datetime | None = strawberry.field(default=None, description="Made at this moment or later.")
    created_to: datetime | None = strawberry.field(default=None, description="Made before this moment.")

    async def wanted(self) -> reads.Wanted:
        person = None if self.person is None else await self.person.meant() or 0
        return reads.Wanted(
            person,
            self.status,
            self.currency,
            self.gateway,
            self.exception,
            self.needs_attention,
            self.paid_to,
            self.tx_id,
            self.created_from,
            self.created_to,
        )


KEY = "The same key again: the same answer again."
VERSION = "Refused when the payment has another version."


@strawberry.input(description="Something to be paid in.")
class CreatePaymentInput(Asked):
    gateway: str = strawberry.field(description="The gateway's code.")
    money: MoneyInput = strawberry.field(description="How much; within the gateway's limits.")
    person: PersonRef = strawberry.field(description="Who pays: yourself, unless you are a service or an operator.")
    idempotency_key: str = strawberry.field(description="The same key again: the same payment again, made once.")

    async def wanted(self) -> WantedPayment:
        amount: Decimal = self.money.amount
        return WantedPayment(self.gateway, await self.person.meant(), amount, self.money.currency)


@strawberry.input(description="A payment to look at now.")
class RecheckPaymentInput(Asked):
    payment: PaymentRef = strawberry.field(description="Which.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="A payment to end, because it will not be paid.")
class FailPaymentInput(Asked):
    payment: PaymentRef = strawberry.field(description="Which.")
    reason: str = strawberry.field(description="Why, 1 to 500 characters.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="Whose an unmatched deposit is.")
class MatchDepositInput(Asked):
    deposit: strawberry.ID = strawberry.field(description="Which, by its id.")
    payment: PaymentRef = strawberry.field(description="The payment that it was meant for, of the same currency.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def find(self) -> int:
        """The deposit's number. Refuses DEPOSIT_NOT_FOUND for what is no id of one."""
        number = number_of(self.deposit, DEPOSIT)
        if number is None:
            raise Unknown("deposit", code=DEPOSIT_NOT_FOUND)
        return number


CreatePaymentResult = Annotated[
    Payment
    | NotFound
    | TooManyPayments
    | GatewayDisabled
    | GatewayUnavailable
    | CurrencyNotSupported
    | InvalidAmount
    | InvalidInput
    | Busy
    | IdempotencyKeyConflict,
    strawberry.union("CreatePaymentResult"),
]
RecheckPaymentResult = Annotated[
    JobRun | NotFound | NotAllowed | InvalidInput | Busy | IdempotencyKeyConflict,
    strawberry.union("RecheckPaymentResult"),
]
FailPaymentResult = Annotated[
    Payment | NotFound | NotAllowed | IllegalMove | InvalidInput | VersionConflict | Busy | IdempotencyKeyConflict,
    strawberry.union("FailPaymentResult"),
]
MatchDepositResult = Annotated[
    Payment | NotFound | NotAllowed | InvalidAmount | InvalidInput | VersionConflict | Busy | IdempotencyKeyConflict,
    strawberry.union("MatchDepositResult"),
]
