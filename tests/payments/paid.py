"""A payment that was paid and swept, made by the steps themselves: no chain is needed to have one."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from models.kernel.clock import now
from models.kernel.money import Money
from models.kernel.viewer import Viewer
from models.payments import operations as payments
from models.payments.lifecycle import Purpose
from models.payments.operations import Arrived, Asked, Claimed, Done, Terms
from models.payments.reads import PaymentRecord
from tests.make import Make, money, numbers

BY = Viewer.system("check_payments")
UNITS = 1_000_000


async def offered(make: Make, code: str = "usdt", service: str = "tron", *currencies: str) -> None:
    limits = {c: (money(f"1 {c}"), money(f"100000 {c}")) for c in currencies or ("USDT",)}
    await payments.upsert_gateway(code, Terms(code, service, limits), by=make.operator.viewer)


async def asked(make: Make, amount: str = "100 USDT", person: int | None = None, **more: object) -> PaymentRecord:
    """A payment to an address that no chain knows, or to a bank by a reference."""
    number, currency = amount.split()
    code, service = ("usdt", "tron") if currency == "USDT" else ("bank", "bank_transfer")
    await offered(make, code, service, currency)
    person = person or (await make.person()).id
    issuers = {
        "tron": lambda index: {"network": "tron", "address": f"T{index:033}", "contract": "TUSDT"},
        "bank_transfer": lambda index: {"reference": f"RF{index}"},
    }
    wanted = Asked(code, person, Decimal(number), currency)
    return await payments.make(wanted, issuers, by=make.user(person).viewer, **more)


async def arrived(payment: PaymentRecord, amount: int = 100 * UNITS) -> Arrived:
    address = payment.gateway_data["address"]
    return Arrived(f"tx{next(numbers)}", 0, "TUSDT", "TPAYER", address, amount, 1)


async def claimed(marked: bool = True) -> Claimed:
    """The one payment that is due, or those that are only to be asked about."""
    (one,) = await payments.claim_due(marked=marked, before=now() + timedelta(days=2), limit=1, lease_seconds=60, by=BY)
    return one


async def credited(make: Make, amount: str = "100 USDT", came: int = 100 * UNITS) -> tuple[PaymentRecord, Claimed]:
    payment = await asked(make, amount)
    one = await arrived(payment, came)
    await payments.take_blocks("tron", 1, 1, [one], at=now(), by=BY)
    claim = await payments.credit(await claimed(), [one], [], by=BY)
    assert claim is not None
    return payment, claim


async def swept(make: Make) -> PaymentRecord:
    payment, claim = await credited(make)
    for purpose, amount in ((Purpose.TOP_UP, Money(5, "TRX")), (Purpose.SWEEP, Money(100 * UNITS, "USDT"))):
        sweep = await payments.plan(claim, purpose, "TMAIN", amount, by=BY)
        assert sweep is not None
        await payments.sign(claim, sweep.id, f"sweep{sweep.id}", "raw", now() + timedelta(minutes=5), block=1, by=BY)
        await payments.broadcasted(claim, sweep.id, by=BY)
        await payments.confirm(claim, sweep.id, Done("SUCCESS", 13, 64_285), by=BY)
    await payments.transfered(claim, by=BY)
    await payments.release_checked(claim, again_at=None, busy=False, by=BY)
    return payment
