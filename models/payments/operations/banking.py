"""What a bank tells of its own accord: a transfer with a reference; and what an operator does with one that fits nobody."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import StringConstraints

from models.events.requests import Request
from models.inbox.topics import Ignore, Payload, Poison, Received
from models.kernel.money import Money
from models.kernel.refusals import (
    CurrencyNotSupported,
    FieldProblem,
    InvalidAmount,
    InvalidInput,
    NotAllowed,
    NotFound,
    VersionConflict,
)
from models.kernel.sql import TRUE, sql
from models.kernel.viewer import Viewer
from models.payments import postings
from models.payments.errors import DEPOSIT_NOT_FOUND, PAYMENT_NOT_FOUND
from models.payments.lifecycle import PAYMENTS, Adapter
from models.payments.operations.checking import credited, settled, tell_credited
from models.payments.reads import PaymentRecord
from models.payments.tables import Deposit, Payment, PaymentGateway
from models.payments.views import visible_to
from models.unit import Unit, operation
from settings import settings

NETWORK = "bank"
BOOKED = "transfer.received"


class TransferReceived(Payload):
    """A transfer onto our account, as the bank tells it."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"\S")]
    type: str
    reference: Annotated[str, StringConstraints(max_length=140)]
    amount: Annotated[str, StringConstraints(max_length=40, pattern=r"^[0-9]{1,19}(\.[0-9]{1,18})?$")]
    currency: Annotated[str, StringConstraints(max_length=12)]
    sender_name: Annotated[str, StringConstraints(max_length=128)] = ""


async def received(work: Unit, said: TransferReceived, _received: Received) -> None:
    """Credit a transfer to the payment that it names; one that names none is kept for an operator. [spec/deals §4]

    Locks the payment, or the gateway, then accounts. Posts `credit` or `suspend`. A payment of which all came succeeds at
    once: there is nothing to sweep.
    """
    if said.type != BOOKED:
        raise Poison(f"nobody here knows what {said.type[:64]} means")
    money = _money(said)
    await work.alone(f"deposit:{NETWORK}:{said.id}")
    if await Deposit.exists(network=NETWORK, tx_id=said.id):
        raise Ignore("this transfer was told before")
    at = await work.moment()
    payment = await _meant(work, said)
    if payment is None or payment.currency != money.currency:
        await _leave(work, said, money, at)
        return
    deposit = _deposit(said, money, payment.gateway_id, at)
    await credited(work, payment, None, [deposit], at)
    await settled(work, payment)


def _money(said: TransferReceived) -> Money:
    """Refuses, for the message to die with the reason, what no transfer can be."""
    taken = [code for code in settings().deal_currencies if Adapter.BANK_TRANSFER.takes(code)]
    if said.currency not in taken:
        raise CurrencyNotSupported(said.currency, taken)
    return Money.of(Decimal(said.amount), said.currency).positive()


async def _meant(work: Unit, said: TransferReceived) -> Payment | None:
    """The payment of the reference, however it was typed."""
    plain = re.sub(r"[^0-9A-Z]", "", said.reference.upper())
    if not await work.db.fetchval("SELECT EXISTS (SELECT FROM payment WHERE reference = $1)", plain):
        return None
    return await work.lock(Payment, sql("r.reference = {}", plain), visible_to=TRUE)


async def _leave(work: Unit, said: TransferReceived, money: Money, at: datetime) -> None:
    known = await PaymentGateway.filter(service=Adapter.BANK_TRANSFER.value).order_by("id").first()
    if known is None:
        raise Poison(f"there is no gateway for {Adapter.BANK_TRANSFER}")
    gateway = await work.lock(PaymentGateway, sql("r.id = {}", known.id), visible_to=TRUE)
    deposit = _deposit(said, money, gateway.id, at)
    await work.post(gateway, postings.suspend(deposit))
    await work.attach(deposit)
    await work.record(gateway, "leave_unmatched", tx_id=said.id, reference=said.reference, amount=str(money))


def _deposit(said: TransferReceived, money: Money, gateway: int, at: datetime) -> Deposit:
    return Deposit(
        gateway_id=gateway,
        network=NETWORK,
        tx_id=said.id,
        log_index=0,
        sender=said.sender_name,
        reference=said.reference,
        amount_minor=money.minor,
        currency=money.currency,
        seen_at=at,
    )


@operation(answers=PaymentRecord, refuses=(NotFound, NotAllowed, InvalidInput, InvalidAmount, VersionConflict))
async def match(work: Unit, deposit: int, id: int, *, by: Viewer, request: Request | None = None) -> Payment:
    """An operator found out whose an unmatched deposit is: it is credited to the payment. [spec/deals §4]

    Locks the deposit's key, then the payment, then accounts. Posts `match`.
    """
    await work.alone(f"deposit:{deposit}")
    payment = await work.lock(Payment, sql("r.id = {}", id), visible_to=visible_to(by), code=PAYMENT_NOT_FOUND)
    PAYMENTS.may(payment, "match_deposit", by)
    found: Any = await Deposit.get_or_none(id=deposit, payment_id=None)
    if found is None:
        raise NotFound("deposit", code=DEPOSIT_NOT_FOUND)
    if found.currency != payment.currency:
        raise InvalidInput(FieldProblem("payment", f"is in {payment.currency}, the deposit in {found.currency}"))
    await work.post(payment, postings.match(payment, found))
    at = await work.moment()
    await tell_credited(work, payment, [found], at, matched=True)
    await settled(work, payment)
    return payment
