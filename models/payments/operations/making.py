"""How a payment is made: where to pay is fixed with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from models.events.requests import Request
from models.kernel.clock import now
from models.kernel.money import Money
from models.kernel.refusals import CurrencyNotSupported, InvalidAmount, NotFound
from models.kernel.viewer import OPERATOR, SERVICE, USER, Viewer
from models.payments.errors import PAYMENT_GATEWAY_NOT_FOUND, GatewayDisabled, GatewayUnavailable, TooManyPayments
from models.payments.lifecycle import GatewayStatus
from models.payments.reads import PaymentRecord
from models.payments.tables import CODE_MAX, Payment, PaymentGateway, Wallet
from models.people.errors import PERSON_NOT_FOUND
from models.unit import Unit, operation, step
from settings import settings

Issuer = Callable[[int], Mapping[str, str]]
"""Says where to pay for the payment of a number that no other has: {"network", "address", …} or {"reference", …}. Pure."""

RESTORE_GAP = 1_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be paid in, as it was asked: a gateway and a person who are not known are None."""

    gateway: str | None
    person: int | None
    amount: Decimal
    currency: str


@operation(
    answers=PaymentRecord,
    refuses=(NotFound, TooManyPayments, GatewayDisabled, CurrencyNotSupported, InvalidAmount, GatewayUnavailable),
)
async def make(
    work: Unit, asked: Asked, issuers: Mapping[str, Issuer], *, by: Viewer, request: Request | None = None
) -> Payment:
    """A person, or a service or an operator for him, asks where to pay. [spec/deals §3 row 7]

    On a chain: a fresh address, derived from a public key by an index that no other payment has. Nothing is asked of the
    outside. Locks the key of the person's payments. Refuses PAYMENT_GATEWAY_NOT_FOUND, PERSON_NOT_FOUND (to a person also for
    everybody else), TOO_MANY_PAYMENTS, GATEWAY_DISABLED, CURRENCY_NOT_SUPPORTED, INVALID_AMOUNT beyond the gateway's limits,
    and GATEWAY_UNAVAILABLE where the gateway's settings are missing.
    """
    code = asked.gateway or ""
    gateway = await PaymentGateway.get_or_none(code=code) if len(code) <= CODE_MAX else None
    if gateway is None:
        raise NotFound("payment_gateway", code=PAYMENT_GATEWAY_NOT_FOUND)
    person = await _person(work, asked.person, by)
    money = _judge(gateway, asked)
    if gateway.service not in issuers:
        raise GatewayUnavailable
    index: int = await work.db.fetchval("SELECT nextval('payment_index')")
    told = dict(issuers[gateway.service](index))
    payment = Payment(
        gateway_id=gateway.id,
        person_id=person,
        service=by.subject if by.has(SERVICE) else None,
        currency=money.currency,
        amount_minor=money.minor,
        gateway_data=told,
        reference=told.get("reference"),
        expires_at=now() + timedelta(seconds=_lifetime(told)),
    )
    if "address" in told:
        payment.next_check_at = now() + timedelta(seconds=settings().check_payments_period_seconds)
    await work.open(payment)
    if "address" in told:
        await work.open(_wallet(payment, told, index))
    return payment


async def _person(work: Unit, number: int | None, by: Viewer) -> int:
    """Who pays; to a person, anybody else is nobody. Locks the key under which his payments are counted."""
    seen = by.has(SERVICE, OPERATOR) or (by.has(USER) and by.person == number)
    if (
        number is None
        or not seen
        or not await work.db.fetchval("SELECT EXISTS (SELECT FROM person WHERE id = $1)", number)
    ):
        raise NotFound("person", code=PERSON_NOT_FOUND)
    await work.alone(f"payments of person:{number}")
    query = "SELECT count(*) FROM payment WHERE person_id = $1 AND status = 'waiting'"
    if await work.db.fetchval(query, number) >= settings().payments_open_max:
        raise TooManyPayments(settings().payments_open_max)
    return number


def _lifetime(told: Mapping[str, str]) -> int:
    """In seconds: a chain is quick, a bank takes days."""
    return settings().payment_expires_seconds if "address" in told else settings().bank_payment_expires_seconds


def _judge(gateway: PaymentGateway, asked: Asked) -> Money:
    """What is to be paid, if the gateway takes it."""
    if gateway.status is not GatewayStatus.ENABLED:
        raise GatewayDisabled
    if asked.currency not in gateway.limits:
        raise CurrencyNotSupported(asked.currency, sorted(gateway.limits))
    money = Money.of(asked.amount, asked.currency).positive()
    least, most = (Money(minor, asked.currency) for minor in gateway.limits[asked.currency])
    if not least.minor <= money.minor <= most.minor:
        raise InvalidAmount(f"{gateway.name} takes from {least} to {most}, not {money}.")
    return money


def _wallet(payment: Payment, told: Mapping[str, str], index: int) -> Wallet:
    return Wallet(
        payment_id=payment.id,
        network=told["network"],
        address=told["address"],
        derivation_index=index,
        currency=payment.currency,
    )


@step()
async def skip_addresses(work: Unit, *, by: Viewer) -> None:
    """After a restore: leave out the indexes that may have been given out since the backup, for an address is never given
    out twice."""
    await work.db.execute("SELECT setval('payment_index', nextval('payment_index') + $1)", RESTORE_GAP)
