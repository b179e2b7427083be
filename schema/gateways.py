"""Payment gateways: ways to pay in, and on which terms they are offered."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from models.kernel.refusals import FieldProblem
from models.kernel.refusals import InvalidInput as WrongInput
from models.payments import reads
from models.payments.lifecycle import GATEWAYS, GatewayStatus
from models.payments.operations import Terms
from schema.context import Info
from schema.events import Event, Told
from schema.inputs import Asked
from schema.money import Money, MoneyInput
from schema.node import Action, Node, global_id
from schema.refusals import (
    Busy,
    CurrencyNotSupported,
    IdempotencyKeyConflict,
    InvalidAmount,
    InvalidInput,
    NotAllowed,
    VersionConflict,
)
from schema.scalars import CurrencyCode

GATEWAY = "PaymentGateway"
KEY = "The same key again: the same answer again."

strawberry.enum(GatewayStatus, name="PaymentGatewayStatus", description="Whether a gateway is offered.")


@strawberry.type(description="What one payment may be, in one currency.")
class PaymentLimit:
    currency: CurrencyCode = strawberry.field(description="Of both.")
    least: Money = strawberry.field(description="The least.")
    most: Money = strawberry.field(description="The most.")


@strawberry.type(description="A way to pay in.")
class PaymentGateway(Node):
    gateway_code: str = strawberry.field(description="By which createPayment names it.")
    name: str = strawberry.field(description="For people.")
    logo: str | None = strawberry.field(description="The address of a picture.")
    status: GatewayStatus = strawberry.field(description="Whether it is offered.")
    currencies: list[CurrencyCode] = strawberry.field(description="What it takes.")
    limits: list[PaymentLimit] = strawberry.field(description="What one payment may be, currency by currency.")
    confirmations: int = strawberry.field(description="Blocks until a deposit counts, about; 0 where there are none.")
    record: strawberry.Private[reads.GatewayRecord]

    @strawberry.field(description="What could be done with it, and whether this viewer may do it now.")
    def allowed_actions(self, info: Info) -> list[Action]:
        return [Action.of(action) for action in GATEWAYS.allowed(self.record, info.context.viewer)]

    @classmethod
    def of(cls, record: reads.GatewayRecord) -> PaymentGateway:
        return cls(
            id=global_id(GATEWAY, record.id),
            gateway_code=record.code,
            name=record.name,
            logo=record.logo,
            status=record.status,
            currencies=[CurrencyCode(code) for code in record.limits],
            limits=[
                PaymentLimit(currency=CurrencyCode(code), least=Money.of(least), most=Money.of(most))
                for code, (least, most) in record.limits.items()
            ],
            confirmations=record.confirmations,
            version=record.version,
            created_at=record.created_at,
            updated_at=record.updated_at,
            subject=record.subject,
            record=record,
        )


@strawberry.type(description="Something that happened to a payment gateway.")
class PaymentGatewayEvent(Event):
    gateway: PaymentGateway = strawberry.field(description="As it was right after.")

    @classmethod
    def carried(cls, told: Told) -> dict[str, Any]:
        return {"gateway": PaymentGateway.of(reads.GatewayRecord.of(told.event.snapshot))}


@strawberry.input(description="What one payment may be, in one currency.")
class PaymentLimitInput:
    least: MoneyInput = strawberry.field(description="The least; above zero.")
    most: MoneyInput = strawberry.field(description="The most, in the same currency.")


@strawberry.input(description="A gateway, and on which terms it is offered.")
class UpsertPaymentGatewayInput(Asked):
    gateway_code: str = strawberry.field(description="1 to 40 characters; a new one is a new gateway.")
    name: str = strawberry.field(description="For people, 1 to 128 characters.")
    service: str = strawberry.field(description="Who speaks to the outside: `tron` or `bank_transfer`.")
    limits: list[PaymentLimitInput] = strawberry.field(description="What it takes, one for each currency.")
    logo: str | None = strawberry.field(default=None, description="The https:// address of a picture.")
    confirmations: int = strawberry.field(default=0, description="Blocks until a deposit counts, for people to read.")
    enabled: bool = strawberry.field(default=True, description="Whether it is offered.")
    expected_version: int | None = strawberry.field(
        default=None, description="Refused when the gateway has another version."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def terms(self) -> Terms:
        """Refuses INVALID_INPUT for limits that contradict each other, INVALID_AMOUNT, CURRENCY_NOT_SUPPORTED."""
        currencies = [limit.least.currency for limit in self.limits]
        for place, limit in enumerate(self.limits):
            if limit.most.currency != limit.least.currency or currencies.count(limit.least.currency) > 1:
                raise WrongInput(
                    FieldProblem(f"limits.{place}", "must be one for each currency, both of its amounts in it")
                )
        limits = {str(limit.least.currency): (limit.least.money(), limit.most.money()) for limit in self.limits}
        return Terms(self.name, self.service, limits, self.logo, self.confirmations, self.enabled)


UpsertPaymentGatewayResult = Annotated[
    PaymentGateway
    | NotAllowed
    | CurrencyNotSupported
    | InvalidAmount
    | InvalidInput
    | VersionConflict
    | Busy
    | IdempotencyKeyConflict,
    strawberry.union("UpsertPaymentGatewayResult"),
]
