"""Which ways to pay in are offered, and on which terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.events.requests import Request
from models.kernel.lifecycle import AlreadyThere
from models.kernel.money import MINOR_MAX, Money
from models.kernel.refusals import (
    CurrencyNotSupported,
    FieldProblem,
    InvalidAmount,
    InvalidInput,
    NotAllowed,
    VersionConflict,
)
from models.kernel.sql import TRUE, sql
from models.kernel.viewer import OPERATOR, SYSTEM, Viewer
from models.payments.lifecycle import GATEWAYS, Adapter, GatewayStatus
from models.payments.reads import GatewayRecord
from models.payments.tables import CODE_MAX, LOGO_MAX, NAME_MAX, PaymentGateway
from models.unit import Unit, operation
from settings import settings

CONFIRMATIONS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms a gateway is offered. `limits`: for each currency the least and the most of one payment."""

    name: str
    service: str
    limits: Mapping[str, tuple[Money, Money]]
    logo: str | None = None
    confirmations: int = 0
    enabled: bool = True


@operation(
    answers=GatewayRecord, refuses=(InvalidInput, InvalidAmount, CurrencyNotSupported, NotAllowed, VersionConflict)
)
async def upsert_gateway(
    work: Unit, code: str, terms: Terms, *, by: Viewer, request: Request | None = None
) -> PaymentGateway:
    """Offer a gateway under `code`, or change how it is offered; `enabled` switches it on and off. [spec/deals §1]

    Locks the code's key, then the gateway. Payments that were made keep what they were told. Repeated with the same terms:
    the gateway, nothing written.
    """
    if not by.has(OPERATOR, SYSTEM):
        raise NotAllowed("offer")
    _judge(code, terms)
    await work.alone(f"payment_gateway:{code}")
    if not await PaymentGateway.exists(code=code):
        born = await work.open(_changed(PaymentGateway(code=code), terms))
        return born if terms.enabled else await work.move(born, "disable")
    gateway = await work.lock(PaymentGateway, sql("r.code = {}", code), visible_to=TRUE)
    if gateway.service != terms.service:
        raise InvalidInput(FieldProblem("service", "stays what it was: its payments hang on it; offer another gateway"))
    before = _terms(gateway)
    _changed(gateway, terms)
    if before != _terms(gateway):
        await work.record(gateway, GATEWAYS.may(gateway, "change", by), before=before)
    elif terms.enabled is (gateway.status is GatewayStatus.ENABLED):
        raise AlreadyThere(gateway)
    if terms.enabled is not (gateway.status is GatewayStatus.ENABLED):
        await work.move(gateway, "enable" if terms.enabled else "disable")
    return gateway


def _changed(gateway: PaymentGateway, terms: Terms) -> PaymentGateway:
    gateway.name, gateway.logo, gateway.service = terms.name, terms.logo, terms.service
    gateway.confirmations = terms.confirmations
    gateway.limits = {code: [least.minor, most.minor] for code, (least, most) in sorted(terms.limits.items())}
    return gateway


def _terms(gateway: PaymentGateway) -> dict[str, object]:
    return {name: getattr(gateway, name) for name in ("name", "logo", "service", "confirmations", "limits")}


def _judge(code: str, terms: Terms) -> None:
    texts = (("gatewayCode", code, CODE_MAX), ("name", terms.name, NAME_MAX), ("service", terms.service, CODE_MAX))
    problems = [
        FieldProblem(path, f"must have 1 to {limit} characters, not only blanks")
        for path, value, limit in texts
        if not value.strip() or len(value) > limit
    ]
    if terms.logo is not None and (not terms.logo.startswith("https://") or len(terms.logo) > LOGO_MAX):
        problems.append(FieldProblem("logo", f"must be an https:// address of up to {LOGO_MAX} characters"))
    if not 0 <= terms.confirmations <= CONFIRMATIONS_MAX:
        problems.append(FieldProblem("confirmations", f"must be 0 to {CONFIRMATIONS_MAX}"))
    if terms.service not in set(Adapter):
        problems.append(FieldProblem("service", f"must be one of {', '.join(Adapter)}"))
    if not terms.limits:
        problems.append(FieldProblem("limits", "must name one currency or more"))
    if problems:
        raise InvalidInput(*problems)
    for currency, (least, most) in terms.limits.items():
        taken = [code for code in settings().deal_currencies if Adapter(terms.service).takes(code)]
        if currency not in taken:
            raise CurrencyNotSupported(currency, taken)
        if not 0 < least.minor <= most.minor <= MINOR_MAX:
            raise InvalidAmount(f"The limits of {currency} must be above zero, the least not above the most.")
