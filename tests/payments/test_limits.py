"""What a payment may not do: take another currency than its adapter counts in, be one too many, or end though it was paid."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from jobs.payments import check_payments, expire_payments
from jobs.running import Report, Tools
from models.kernel.clock import now
from models.kernel.refusals import CurrencyNotSupported, IllegalMove, InvalidInput
from models.kernel.sql import fetch, fetch_one, sql
from models.payments import operations as payments
from models.payments import reads
from models.payments.errors import TooManyPayments
from models.payments.operations import Terms
from models.payments.wiring import CHECK_PAYMENTS
from tests.make import money
from tests.payments.paid import BY, UNITS, arrived, asked, claimed, credited, swept

TOOLS = Tools(BY)
FOUND = """query ($filter: PaymentFilter) { payments(filter: $filter, first: 5) { edges { node { number sweeps { purpose status }
  wallet { paymentNumber } } } } }"""


async def late(id):
    await fetch(sql("UPDATE payment SET expires_at = saldo_now() - interval '30 days' WHERE id = {} RETURNING 1", id))


@pytest.mark.parametrize(("service", "currency"), [("tron", "EUR"), ("bank_transfer", "USDT")])
async def test_no_adapter_brings_what_it_does_not_count_in(make, nothing_written, service, currency):
    limits = {currency: (money(f"1 {currency}"), money(f"9 {currency}"))}
    async with nothing_written():
        with pytest.raises(CurrencyNotSupported):
            await payments.upsert_gateway("odd", Terms("Odd", service, limits), by=make.operator.viewer)


async def test_a_gateway_keeps_its_adapter(make, nothing_written):
    await asked(make)
    limits = {"EUR": (money("1 EUR"), money("9 EUR"))}
    async with nothing_written():
        with pytest.raises(InvalidInput):
            await payments.upsert_gateway("usdt", Terms("usdt", "bank_transfer", limits), by=make.operator.viewer)


async def test_of_eight_at_once_no_more_are_made_than_one_person_may_have(make, knobs):
    knobs(payments_open_max=3)
    anna, bert = await make.person(), await make.person()
    await asked(make, person=bert.id)
    found = await asyncio.gather(*(asked(make, person=anna.id) for _ in range(8)), return_exceptions=True)
    assert [type(one) for one in found].count(TooManyPayments) == 5
    row = await fetch_one(sql("SELECT count(*) AS n FROM payment WHERE person_id = {}", anna.id))
    assert row["n"] == 3


async def test_what_was_paid_whole_neither_expires_nor_fails(make, nothing_written):
    payment, claim = await credited(make)
    await payments.release_checked(claim, again_at=None, busy=False, by=BY)
    await late(payment.id)
    async with nothing_written():
        with pytest.raises(IllegalMove):
            await payments.fail(payment.id, "a mistake", by=make.operator.viewer)
        assert await payments.expire(payment.id, by=BY) is False
        assert payment.id not in await reads.overdue(10)


async def test_what_was_paid_in_part_expires_after_its_days(make):
    payment, claim = await credited(make, came=60 * UNITS)
    await payments.release_checked(claim, again_at=None, busy=False, by=BY)
    await late(payment.id)
    await fetch(sql("UPDATE chain_cursor SET block_at = saldo_now() RETURNING 1"))
    assert await payments.expire(payment.id, by=BY) is True
    row = await fetch_one(sql("SELECT status, exception FROM payment WHERE id = {}", payment.id))
    assert tuple(row) == ("error", "partial")


async def test_a_bank_has_days_and_a_chain_an_hour(make):
    lifetimes = [(await asked(make, amount)).expires_at - now() for amount in ("100 USDT", "100 EUR")]
    assert [round(one / timedelta(hours=1)) for one in lifetimes] == [1, 14 * 24]


async def test_a_payment_at_a_bank_can_be_looked_at_and_nobody_is_called(make):
    payment = await asked(make, "100 EUR")
    await payments.recheck(payment.id, CHECK_PAYMENTS, by=make.operator.viewer)
    assert await check_payments(TOOLS) == Report(done=1)
    row = await fetch_one(sql("SELECT status, needs_attention, next_check_at, marks FROM payment"))
    assert tuple(row) == ("waiting", False, None, 0)


async def test_coins_that_nobody_watches_are_come_back_to_once_they_are_worth_it(make, knobs):
    knobs(tron_sweep_min_minor=5 * UNITS)
    payment, claim = await credited(make, "4 USDT", 4 * UNITS)
    await payments.release_checked(claim, again_at=None, busy=False, by=BY)
    marked = "SELECT marks FROM payment WHERE id = {}"
    for least, marks in ((5 * UNITS, 0), (4 * UNITS, 1), (4 * UNITS, 1)):
        knobs(tron_sweep_min_minor=least)
        await expire_payments(TOOLS)
        assert (await fetch_one(sql(marked, payment.id)))["marks"] == marks


async def test_a_mark_between_claim_and_credit_is_not_lost(make):
    payment = await asked(make)
    first, second = [await arrived(payment) for _ in range(2)]
    await payments.take_blocks("tron", 1, 1, [first], at=now(), by=BY)
    claim = await claimed()
    await payments.take_blocks("tron", 2, 2, [second], at=now(), by=BY)
    after = await payments.credit(claim, [first], [], by=BY)
    await payments.release_checked(after, again_at=None, busy=False, by=BY)
    assert (await claimed()).marks == 1


async def test_a_payment_is_found_by_where_it_was_paid_and_by_what_paid_it(make, api):
    payment, other = await swept(make), await asked(make, "100 EUR")
    tx = (await fetch_one(sql("SELECT tx_id FROM deposit")))["tx_id"]
    for wanted, number in (
        ({"paidTo": payment.gateway_data["address"]}, payment.id),
        ({"paidTo": other.gateway_data["reference"].lower()}, other.id),
        ({"txId": tx}, payment.id),
    ):
        page = await api(FOUND, by=make.operator, filter=wanted)
        assert [edge["node"]["number"] for edge in page["edges"]] == [number]
    (node,) = [e["node"] for e in (await api(FOUND, by=make.operator, filter={"txId": tx}))["edges"]]
    assert node["wallet"] == {"paymentNumber": payment.id}
    assert [one["purpose"] for one in node["sweeps"]] == ["SWEEP", "TOP_UP"]
    mine = await api(FOUND, by=make.user(payment.person_id), filter={"txId": tx})
    assert mine["edges"][0]["node"]["sweeps"] == []
