"""Refusals as the client sees them: each of the models' is paired with a type, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

import strawberry
from strawberry.types.field import StrawberryField

from models import wiring as _everything  # noqa: F401  every noun's codes are in the catalogue before the enum is made
from models.deals import errors as deals
from models.disputes import errors as disputes
from models.kernel import refusals as kernel
from models.ledger import errors as ledger
from models.parties import errors as parties
from models.payments import errors as payments
from models.payouts import errors as payouts
from schema.enums import enum_of
from schema.money import Money
from schema.scalars import CurrencyCode

if TYPE_CHECKING:
    RefusalCode: TypeAlias = Any
else:
    RefusalCode = enum_of(
        "RefusalCode",
        {code: code for code in sorted(kernel.CATALOGUE)},
        "Why a request was declined. The list grows: have a default.",
    )


@strawberry.interface(description="The request was understood and declined. Nothing was written.")
class Refusal:
    code: RefusalCode = strawberry.field(description="Stable; see the catalogue.")
    message: str = strawberry.field(description="For a developer's eyes.")
    retryable: bool = strawberry.field(description="Whether the same request may be accepted later.")

    refusal: ClassVar[type[kernel.Refusal]]

    @classmethod
    def of(cls, no: Any) -> Self:
        return cls(code=getattr(RefusalCode, no.code), message=str(no), retryable=no.retryable, **cls.facts(no))

    @classmethod
    def facts(cls, _no: Any) -> dict[str, Any]:
        return {}


@strawberry.type(description="No such thing, or none that the asker may see.")
class NotFound(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = kernel.NotFound


@strawberry.type(description="The asker sees it but may not do this with it.")
class NotAllowed(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = kernel.NotAllowed


@strawberry.type(description="No such move leads out of the present status.")
class IllegalMove(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = kernel.IllegalMove

    status: str = strawberry.field(description="The present status; needs an alias beside a noun's own `status`.")
    current_status: str = strawberry.field(description="The same, under a name that no noun has.")
    allowed: list[str] = strawberry.field(description="The moves that lead out of it.")

    @classmethod
    def facts(cls, no: Any) -> dict[str, Any]:
        return {"status": no.status, "current_status": no.status, "allowed": list(no.allowed)}


@strawberry.type(description="The amount is zero, negative, too large, or has more decimals than its currency.")
class InvalidAmount(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = kernel.InvalidAmount


@strawberry.type(description="Where in the input something is wrong, and what.")
class FieldProblem:
    path: str = strawberry.field(description='From the input on: "money.amount".')
    message: str = strawberry.field(description="What is wrong there.")


@strawberry.type(description="A field of the input has a value that cannot be meant.")
class InvalidInput(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = kernel.InvalidInput

    fields: list[FieldProblem] = strawberry.field(description="Every field that is wrong.")

    @classmethod
    def facts(cls, no: Any) -> dict[str, Any]:
        return {"fields": [FieldProblem(path=field.path, message=field.message) for field in no.fields]}


@strawberry.type(description="The currency is unknown, or not one that is used here.")
class CurrencyNotSupported(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = kernel.CurrencyNotSupported

    currency: CurrencyCode = strawberry.field(description="The one that was asked for.")
    supported: list[CurrencyCode] = strawberry.field(description="Those that are used here.")

    @classmethod
    def facts(cls, no: Any) -> dict[str, Any]:
        return {"currency": no.currency, "supported": list(no.supported)}


@strawberry.type(description="The idempotency key was used before with another mutation or another input.")
class IdempotencyKeyConflict(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = kernel.IdempotencyKeyConflict


@strawberry.type(description="It has changed since the version that was expected.")
class VersionConflict(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = kernel.VersionConflict

    expected: int = strawberry.field(description="What the request expected.")
    actual: int | None = strawberry.field(description="What it is; null where there is nothing yet.")

    @classmethod
    def facts(cls, no: Any) -> dict[str, Any]:
        return {"expected": no.expected, "actual": no.actual}


@strawberry.type(description="Others held what this needs for too long; asking again is safe.")
class Busy(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = kernel.Busy


@strawberry.type(description="Another system that this needs gives no answer; asking again is safe.")
class UpstreamUnavailable(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = kernel.UpstreamUnavailable

    system: str = strawberry.field(description="What the system is, in our words.")

    @classmethod
    def facts(cls, no: Any) -> dict[str, Any]:
        return {"system": no.system}


@strawberry.type(description="An account that may not go below zero would.")
class InsufficientFunds(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = ledger.InsufficientFunds

    available: Money = strawberry.field(description="What is there.")
    required: Money = strawberry.field(description="What would have been needed.")

    @classmethod
    def facts(cls, no: Any) -> dict[str, Any]:
        return {"available": Money.of(no.available), "required": Money.of(no.required)}


@strawberry.type(description="What is wrong with one posting.")
class PostingProblem:
    batch_id: str = strawberry.field(description="The batch it stands in.")
    index: int = strawberry.field(description="Its place in the batch, from 0.")
    messages: list[str] = strawberry.field(description="Everything that is wrong with it.")


@strawberry.type(description="Postings of a plan that cannot be, or that differ from what was held.")
class InvalidPostings(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = ledger.InvalidPostings

    postings: list[PostingProblem] = strawberry.field(description="Every posting that is wrong.")

    @classmethod
    def facts(cls, no: Any) -> dict[str, Any]:
        return {
            "postings": [
                PostingProblem(batch_id=str(p.batch_id), index=p.index, messages=list(p.messages)) for p in no.problems
            ]
        }


@strawberry.type(description="The deal is disputed: an operator decides how it ends.")
class DealHasOpenDispute(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = deals.DealHasOpenDispute


@strawberry.type(description="A deal is disputed once, for ever.")
class DealDisputeAlreadyCreated(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = deals.DealDisputeAlreadyCreated


@strawberry.type(description="The dispute was decided, in another way.")
class DealDisputeAlreadyClosed(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = deals.DealDisputeAlreadyClosed


@strawberry.type(description="The payment gateway is switched off for now.")
class GatewayDisabled(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = payments.GatewayDisabled


@strawberry.type(description="The person has as many payments under way as anybody may have.")
class TooManyPayments(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = payments.TooManyPayments


@strawberry.type(description="The payment gateway lacks what it needs; everything else works.")
class GatewayUnavailable(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = payments.GatewayUnavailable


@strawberry.type(description="The terms say nothing definite about this, or what cannot be: an operator corrects them.")
class ConfigurationError(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = parties.ConfigurationError

    path: str = strawberry.field(description="Where in the terms.")

    @classmethod
    def facts(cls, no: Any) -> dict[str, Any]:
        return {"path": no.path}


@strawberry.type(description="The contract's terms do not provide for this at all.")
class OperationNotPermitted(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = parties.OperationNotPermitted


@strawberry.type(description="There is a payout with this id already; nothing was held again.")
class PayoutAlreadyExists(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = payouts.PayoutAlreadyExists


@strawberry.type(description="The party or the shop is blocked or suspended: nothing is paid out.")
class NotOperating(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = payouts.NotOperating


@strawberry.type(description="The shop's contract is not in force.")
class ContractNotActive(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = payouts.ContractNotActive


@strawberry.type(description="The terms allow no payout of this amount.")
class CashLimitExceeded(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = payouts.CashLimitExceeded

    limit: str = strawberry.field(description="What they allow, in words.")

    @classmethod
    def facts(cls, no: Any) -> dict[str, Any]:
        return {"limit": no.limit}


@strawberry.type(description="The terms allow no payout to a tool of this kind.")
class PayoutMethodNotAllowed(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = payouts.PayoutMethodNotAllowed

    method: str = strawberry.field(description="The kind of the tool.")
    allowed_methods: list[str] = strawberry.field(description="Those that are allowed.")

    @classmethod
    def facts(cls, no: Any) -> dict[str, Any]:
        return {"method": no.method.upper(), "allowed_methods": [one.upper() for one in no.allowed]}


@strawberry.type(description="The money may have left: the payout cannot be taken back any more.")
class DeliveryStarted(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = payouts.DeliveryStarted


@strawberry.type(description="There is no delivery that waits for a word.")
class DeliveryNotOpen(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = payouts.DeliveryNotOpen


@strawberry.type(description="The payment cannot be disputed.")
class DisputeNotPossible(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = disputes.DisputeNotPossible


@strawberry.type(description="The dispute has ended; nothing is added to it any more.")
class DisputeClosed(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = disputes.DisputeClosed


@strawberry.type(description="The dispute has as many comments as one may have.")
class TooMuchSaid(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = disputes.TooMuchSaid


@strawberry.type(description="Billing was told to put the payment right; what it does with it ends the dispute.")
class AdjustmentSent(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = disputes.AdjustmentSent


@strawberry.type(description="The provider does not confirm that the payment succeeded.")
class PaymentNotConfirmed(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = disputes.PaymentNotConfirmed


@strawberry.type(description="Callbacks of providers are switched off.")
class CallbacksDisabled(Refusal):
    refusal: ClassVar[type[kernel.Refusal]] = disputes.CallbacksDisabled


SHOWN: tuple[type[Refusal], ...] = (
    NotFound, NotAllowed, IllegalMove, InvalidAmount, InvalidInput, CurrencyNotSupported, IdempotencyKeyConflict,
    VersionConflict, Busy, UpstreamUnavailable, InsufficientFunds, InvalidPostings, DealHasOpenDispute, DealDisputeAlreadyCreated,
    DealDisputeAlreadyClosed, GatewayDisabled, GatewayUnavailable, TooManyPayments, ConfigurationError,
    OperationNotPermitted, PayoutAlreadyExists, NotOperating, ContractNotActive, CashLimitExceeded, PayoutMethodNotAllowed,
    DeliveryStarted, DeliveryNotOpen, DisputeNotPossible, DisputeClosed, TooMuchSaid, AdjustmentSent, PaymentNotConfirmed,
    CallbacksDisabled,
)  # fmt: skip


def shown(no: kernel.Refusal) -> Refusal:
    """A refusal as the member of a list that answers for one item. One that has no type is raised as it is."""
    for kind in SHOWN:
        if kind.refusal is type(no):
            return kind.of(no)
    raise no


class Handler(strawberry.ExceptionHandler):  # type: ignore[type-arg]  # both types are known at run time alone
    """Where a field's union has room for the type, a raised refusal becomes one. Elsewhere it stays an error."""

    def __init__(self, shown: type[Refusal]) -> None:
        self.exception_type, self.error_type = shown.refusal, shown

    def handle(self, exception: Any, *, field: StrawberryField, info: Any) -> Any:
        return self.error_type.of(exception)


HANDLERS = tuple(Handler(shown) for shown in SHOWN)
