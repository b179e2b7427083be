"""Payments as they go. [spec/deals §13.13-27]"""

from __future__ import annotations

import asyncio

import pytest

from jobs.payments import check_payments
from models.deals import operations as deals
from models.kernel.sql import fetch, sql
from models.payments.operations import sweeping
from models.unit import Unit
from tests.deals.situations import done, offer
from tests.sandbox.playing import USDT, somebody

GATEWAYS = "query ($c: CurrencyCode) { paymentGateways(currency: $c) { gatewayCode name currencies limits { least { amount } } } }"
EVENTS = "SELECT name FROM event WHERE noun = 'payment' ORDER BY id"


async def names():
    return [row["name"] for row in await fetch(sql(EVENTS))]


async def waiting_deal(make, price="100 USDT"):
    anna, bert = await make.person(), await make.person()
    deal = await deals.offer(offer(anna.id, bert.id, price), by=make.user(anna).viewer)
    return anna, await done(make, deal, "confirm")


async def stands(world, payment):
    read = await world.read(payment)
    wallet = read["wallet"]
    return read["status"], read["exception"], read["received"]["amount"], wallet["status"], wallet["swept"]["amount"]


async def test_13_only_gateways_that_are_offered_and_take_the_currency_are_listed(world, make, api):
    await world.gateway("off", enabled=False)
    await world.gateway(
        "bank", service="bank_transfer", limits={"EUR": world.limits("EUR"), "USD": world.limits("USD")}
    )
    anna = make.user(await make.person())
    for currency, codes in (("USDT", ["usdt"]), ("EUR", ["bank"]), ("RUB", []), (None, ["usdt", "bank"])):
        assert [one["gatewayCode"] for one in await api(GATEWAYS, by=anna, c=currency)] == codes
    everything = GATEWAYS.replace("currency: $c", "currency: $c, includeDisabled: true")
    assert [one["gatewayCode"] for one in await api(everything, by=anna, c="USDT")] == ["usdt"]
    assert [one["gatewayCode"] for one in await api(everything, by=make.operator, c="USDT")] == ["usdt", "off"]


async def test_14_each_payment_has_an_address_of_its_own_and_no_key_is_reachable(world, make):
    anna = await make.person()
    first, second = await world.create(person=anna), await world.create("5 USDT", person=anna)
    assert (first["status"], first["exception"], first["received"]["amount"]) == ("WAITING", "NONE", "0.000000")
    data = first["gatewayData"]
    assert (data["network"], data["contract"]) == ("tron", USDT)
    assert data["uri"] == f"tron:{data['address']}?token={USDT}&amount=100.000000"
    assert data["address"] != second["gatewayData"]["address"]
    rows = await fetch(
        sql("SELECT row_to_json(e)::text AS t FROM event e UNION ALL SELECT row_to_json(w)::text FROM wallet w")
    )
    assert not any("xprv" in row["t"] or "xpub" in row["t"] for row in rows)


async def test_the_same_key_again_is_the_same_payment_and_no_second_address(world, make):
    anna = await make.person()
    answers = await asyncio.gather(*(world.create(person=anna) for _ in range(5)))
    assert {answer["number"] for answer in answers} == {answers[0]["number"]}
    assert (await fetch(sql("SELECT count(*) AS n FROM wallet")))[0]["n"] == 1


async def test_16_nothing_came_and_nothing_changes(world, nothing_written):
    payment = await world.create()
    await world.tick()
    async with nothing_written():
        await world.tick()
    assert await stands(world, payment) == ("WAITING", "NONE", "0.000000", "WAITING", "0.000000")


async def test_17_a_deposit_is_credited_and_has_the_deal_go_on_and_is_swept(world, make):
    anna, deal = await waiting_deal(make)
    payment = await world.create(person=anna)
    tx = await world.pay(payment)
    await world.done()
    assert await stands(world, payment) == ("SUCCESS", "NONE", "100.000000", "TRANSFERED", "100.000000")
    read = await world.read(payment)
    assert [one["step"] for one in read["check"]["steps"]] == [
        "BALANCE",
        "CREDIT",
        "DEALS",
        "SWEEP",
        "STATUS",
        "WALLET",
    ]
    assert [(d["amount"]["amount"], d["txId"], d["creditedAt"] is not None) for d in read["deposits"]] == [
        ("100.000000", tx, True)
    ]
    assert (await fetch(sql("SELECT status FROM deal WHERE id = {}", deal.id)))[0]["status"] == "confirm_performer"
    assert (await make.available(anna, "USDT")).minor == 0
    assert await world.main_received() == ["100000000"]
    assert await world.sweeps() == [("top_up", "confirmed"), ("sweep", "confirmed")]
    assert await names() == ["open", "credit_deposit", "settle"]


async def test_18_a_deposit_that_is_not_solid_is_news_and_no_money(world, make):
    await world.box.tell("tron/settings", solidAfter=3)
    anna = await make.person()
    payment = await world.create(person=anna)
    await world.tick()
    tx = await world.pay(payment)
    await world.tick(2)
    assert await names() == ["open", "see_deposit"]
    assert (await make.available(anna, "USDT")).minor == 0
    read = await world.read(payment)
    assert [(d["txId"], d["creditedAt"], d["confirmations"]) for d in read["deposits"]] == [(tx, None, 2)]
    await world.box.tell("tron/mine", blocks=3)
    await world.done(20)
    assert await stands(world, payment) == ("SUCCESS", "NONE", "100.000000", "TRANSFERED", "100.000000")
    assert await names() == ["open", "see_deposit", "credit_deposit", "settle"]


async def test_19_a_fake_token_of_the_same_name_is_worth_nothing(world, make, nothing_written):
    payment = await world.create()
    await world.tick()
    await world.pay(payment, token="FAKE")
    await world.tick()
    assert await stands(world, payment) == ("WAITING", "NONE", "0.000000", "WAITING", "0.000000")
    assert (await fetch(sql("SELECT count(*) AS n FROM deposit")))[0]["n"] == 0


async def test_20_a_node_that_gives_no_answer_is_told_once_and_nothing_is_written(world, told):
    payment = await world.create()
    await world.pay(payment)
    await world.script("triggerconstantcontract", "timeout", seconds=3)
    await world.tick()
    assert await stands(world, payment) == ("WAITING", "NONE", "0.000000", "WAITING", "0.000000")
    check = (await world.read(payment))["check"]
    assert (check["failures"], check["failedStep"], check["steps"]) == (1, "BALANCE", [])
    assert await names() == ["open"]
    assert told == [("check_payments", "BALANCE", f"payment:{payment['number']}")]
    await world.done()
    assert (await stands(world, payment))[0] == "SUCCESS"
    assert ((await world.read(payment))["check"]["failures"], len(told)) == (0, 1)


async def test_21_a_sweep_that_fails_is_tried_again_without_a_second_credit(world, told):
    payment = await world.create()
    await world.pay(payment)
    await world.script("broadcasthex", "refuse", times=2)
    await world.tick(2)
    assert await stands(world, payment) == ("WAITING", "NONE", "100.000000", "RECEIVED", "0.000000")
    assert told == [("check_payments", "SWEEP", f"payment:{payment['number']}")]
    await world.done()
    assert await stands(world, payment) == ("SUCCESS", "NONE", "100.000000", "TRANSFERED", "100.000000")
    assert (await names(), await world.main_received()) == (["open", "credit_deposit", "settle"], ["100000000"])


async def test_22_a_sweep_whose_booking_fails_is_booked_the_next_time_and_not_sent_again(world, monkeypatch, told):
    payment = await world.create()
    await world.pay(payment)
    moved = Unit.move

    async def moves(work, row, name, **facts):
        if name == "settle":
            raise RuntimeError("the status cannot be written")
        return await moved(work, row, name, **facts)

    with monkeypatch.context() as patched:
        patched.setattr(sweeping.Unit, "move", moves)
        await world.tick(4)
    assert await stands(world, payment) == ("WAITING", "NONE", "100.000000", "RECEIVED", "0.000000")
    assert await world.sweeps() == [("top_up", "confirmed"), ("sweep", "broadcast")]
    await world.done()
    assert await stands(world, payment) == ("SUCCESS", "NONE", "100.000000", "TRANSFERED", "100.000000")
    assert (await world.main_received(), len(told)) == (["100000000"], 1)


async def test_24_one_payment_that_fails_stops_no_other(world, make, monkeypatch, told):
    bad, good = await world.create(), await world.create()
    for payment in (bad, good):
        await world.pay(payment)
    moved = Unit.record

    async def records(work, row, name, **facts):
        if row.noun == "payment" and row.id == bad["number"] and name == "credit_deposit":
            raise RuntimeError("this one is cursed")
        return await moved(work, row, name, **facts)

    with monkeypatch.context() as patched:
        patched.setattr(Unit, "record", records)
        await world.tick(4)
    assert await stands(world, bad) == ("WAITING", "NONE", "0.000000", "WAITING", "0.000000")
    assert await stands(world, good) == ("SUCCESS", "NONE", "100.000000", "TRANSFERED", "100.000000")
    assert told == [("check_payments", "CREDIT", f"payment:{bad['number']}")]
    await world.done()
    assert (await stands(world, bad))[0] == "SUCCESS"


async def test_25_two_workers_at_once_credit_every_deposit_once(world, make):
    people = [await make.person() for _ in range(6)]
    payments = [await world.create(person=person) for person in people]
    for payment in payments:
        await world.pay(payment)
    for _ in range(4):
        await asyncio.gather(*(check_payments(world.tools) for _ in range(3)))
        await world.box.tell("tron/mine")
    assert [(await make.available(person, "USDT")).minor for person in people] == [100_000_000] * 6
    assert await world.main_received() == ["100000000"] * 6
    assert {(await stands(world, payment))[0] for payment in payments} == {"SUCCESS"}


async def test_26_parts_are_credited_as_they_come(world, make):
    anna = await make.person()
    payment = await world.create(person=anna)
    await world.pay(payment, "60")
    await world.done()
    assert await stands(world, payment) == ("WAITING", "PARTIAL", "60.000000", "TRANSFERED", "60.000000")
    await world.pay(payment, "40")
    await world.done()
    assert await stands(world, payment) == ("SUCCESS", "NONE", "100.000000", "TRANSFERED", "100.000000")
    assert (await make.available(anna, "USDT")).minor == 100_000_000
    assert await names() == ["open", "credit_deposit", "credit_deposit", "settle"]
    assert await world.main_received() == ["40000000", "60000000"]


async def test_27_more_than_was_asked_for_is_credited_whole(world, make):
    anna = await make.person()
    payment = await world.create(person=anna)
    await world.pay(payment, "130")
    await world.done()
    assert await stands(world, payment) == ("SUCCESS", "OVER", "130.000000", "TRANSFERED", "130.000000")
    assert (await make.available(anna, "USDT")).minor == 130_000_000


async def test_two_deposits_of_one_payment_are_two_credits(world, make):
    anna = await make.person()
    payment = await world.create(person=anna)
    for amount in ("100", "100"):
        await world.pay(payment, amount)
    await world.done()
    assert (await stands(world, payment))[:3] == ("SUCCESS", "OVER", "200.000000")
    assert await world.main_received() == ["200000000"]


@pytest.mark.parametrize("asker", ["user", "service", "operator", "stranger"])
async def test_who_may_ask_where_to_pay(world, make, asker, api):
    anna = await make.person()
    by = {"user": make.user(anna), "service": make.service, "operator": make.operator, "stranger": make.user(10**6)}
    answer = await world.create(person=anna, by=by[asker])
    assert answer["__typename"] == ("NotAllowed" if asker == "stranger" else "Payment")


async def test_money_from_somebody_to_somebody_else_is_none_of_ours(world, nothing_written):
    await world.create()
    await world.tick()
    await world.box.deposit(somebody()[1], "100")
    before = await world.books()
    await world.tick()
    assert (await world.books(), await world.busy()) == (before, False)
