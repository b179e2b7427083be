"""Strangers that mean no good, and forks: what they send moves no money that did not arrive. [spec/deals §7.1, §8]"""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.kernel.clock import now
from models.kernel.sql import fetch, sql
from models.payments import operations as payments
from models.payments import reads
from tests.payments.paid import BY, UNITS, arrived, asked, claimed
from tests.payments.standing import (
    DONE,
    PAID,
    UNPAID,
    at,
    available,
    due,
    mine,
    names,
    stands,
    together,
)
from tests.sandbox.playing import USDT, somebody

NOBODY = somebody("nobody")[1]


# --- what strangers send ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [{"token": "FAKE"}, {"token": NOBODY}, {"fails": True}, {"amount": "0"}, {"address": USDT}, {"address": NOBODY}],
)
async def test_what_is_no_money_to_an_address_of_ours_marks_nobody(world, sent):
    """A token of the same name, any token, a transfer that fails, one of nothing, and those to others."""
    payment = await world.create()
    await world.tick()
    before = await world.books()
    await world.box.tell(
        "tron/deposit", mine=True, **{"address": payment["gatewayData"]["address"], "amount": "100"} | sent
    )
    await world.tick(2)
    assert (await world.books(), await names(payment), await world.busy()) == (before, ["open"], False)
    assert await fetch(sql("SELECT FROM deposit")) == []
    await world.pay(payment)
    await world.done()
    assert await stands(world, payment) == PAID


async def test_a_fake_beside_the_real_one_in_one_transaction_is_left_out(world):
    payment = await world.create()
    tx = await together(world, at(payment, "1000", token="FAKE"), at(payment, "0"), at(payment, "100"))
    await world.done()
    assert await stands(world, payment) == PAID
    rows = await fetch(sql("SELECT tx_id, log_index, amount_minor, contract FROM deposit"))
    assert [tuple(row) for row in rows] == [(tx, 2, 100_000_000, USDT)]


async def test_several_transfers_of_one_transaction_are_as_many_credits(world):
    payment = await world.create()
    tx = await together(world, at(payment, "60"), at(payment, "39.999999"), at(payment, "0.000001"))
    await world.done()
    assert await stands(world, payment) == PAID
    assert await names(payment) == ["open", *["credit_deposit"] * 3, "settle"]
    rows = await fetch(sql("SELECT tx_id, log_index, amount_minor FROM deposit ORDER BY log_index"))
    assert [tuple(row) for row in rows] == [(tx, 0, 60_000_000), (tx, 1, 39_999_999), (tx, 2, 1)]
    assert (await world.main_received(), await available(world, payment)) == (["100000000"], 100_000_000)


async def test_one_transaction_may_pay_several_and_strangers_too(world):
    first, second = await world.create(), await world.create("50 USDT")
    parts = (
        at(first, "100"),
        {"address": NOBODY, "amount": "7"},
        at(second, "20"),
        at(second, "30"),
        at(first, "9", token="FAKE"),
    )
    await together(world, *parts)
    await world.done()
    assert await stands(world, first) == PAID
    assert await stands(world, second) == ("SUCCESS", "NONE", "50.000000", "TRANSFERED", "50.000000")
    rows = await fetch(sql("SELECT payment_id, log_index, amount_minor FROM deposit ORDER BY log_index"))
    one, two = first["number"], second["number"]
    assert [tuple(row) for row in rows] == [(one, 0, 100_000_000), (two, 2, 20_000_000), (two, 3, 30_000_000)]
    assert await world.main_received() == ["100000000", "50000000"]


async def test_dust_is_credited_and_stays_where_it_is_until_more_comes(world):
    payment = await world.create()
    await world.pay(payment, "0.000001")
    await world.done()
    assert await stands(world, payment) == ("WAITING", "PARTIAL", "0.000001", "RECEIVED", "0.000000")
    assert ((await world.read(payment))["sweepDeferred"], await world.sweeps()) == ("BELOW_THRESHOLD", [])
    await world.pay(payment, "99.999999")
    await world.done()
    assert await stands(world, payment) == PAID
    assert ((await world.read(payment))["sweepDeferred"], await world.main_received()) == (None, ["100000000"])
    assert await names(payment) == ["open", "credit_deposit", "defer_sweep", "credit_deposit", "defer_sweep", "settle"]


# --- huge amounts -----------------------------------------------------------------------------------------------------------

HUGE = {
    "more than one transfer may move": "1000000000.000001",
    "more than a number of the database": f"{2**63 // 10**6 + 1}",
}


@pytest.mark.parametrize("amount", HUGE.values(), ids=HUGE.keys())
@pytest.mark.parametrize("solid_after", [0, 2])
async def test_an_amount_beyond_all_bounds_stops_its_own_payment_alone(world, told, amount, solid_after):
    await world.box.tell("tron/settings", solidAfter=solid_after)
    bad, good = await world.create(), await world.create()
    await world.tick()
    await world.pay(bad, amount)
    await world.tick()
    await world.pay(good)
    for _ in range(4 + 2 * solid_after):
        await world.tick()
        await mine(world, 1 + solid_after)
    assert await stands(world, good) == PAID
    assert (await stands(world, bad), await available(world, bad)) == (UNPAID, 0)
    assert {(step, subject) for _, step, subject in told} <= {
        (s, f"payment:{bad['number']}") for s in ("BALANCE", "CREDIT")
    }
    assert len(told) >= 1
    assert (await world.read(bad))["check"]["failures"] >= 1


# --- blocks that are not solid ----------------------------------------------------------------------------------------------


async def test_a_deposit_that_a_fork_drops_was_only_news(world, told):
    await world.box.tell("tron/settings", solidAfter=3)
    payment = await world.create()
    await world.tick()
    tx = await world.pay(payment)
    await world.tick()
    assert (await names(payment), await stands(world, payment)) == (["open", "see_deposit"], UNPAID)
    assert (await world.box.tell("tron/reorg", blocks=1, drop=[tx]))["dropped"] == [tx]
    await mine(world, 4)
    await due(payment)
    await world.tick()
    assert (await names(payment), await stands(world, payment)) == (["open", "see_deposit", "drop_deposit"], UNPAID)
    ((deposit),) = (await world.read(payment))["deposits"]
    assert (deposit["txId"], deposit["creditedAt"], deposit["droppedAt"] is None) == (tx, None, False)
    await due(payment)
    await world.tick()
    assert (len(await names(payment)), told) == (3, [])


@pytest.mark.parametrize("noticed", [True, False])
async def test_a_deposit_that_comes_back_in_another_block_is_credited_once(world, told, noticed):
    await world.box.tell("tron/settings", solidAfter=3)
    payment = await world.create()
    await world.tick()
    tx = await world.pay(payment)
    await world.tick()
    await world.box.tell("tron/reorg", blocks=1, drop=[tx], toPool=True)
    await mine(world, 4, withPool=False)
    if noticed:
        await due(payment)
        await world.tick()
    await mine(world)
    await world.tick()
    await mine(world, 3)
    await world.done(20)
    assert await stands(world, payment) == PAID
    news = ["see_deposit", "drop_deposit"] if noticed else ["see_deposit"]
    assert [name for name in await names(payment) if name != "see_deposit"] == [
        name for name in ["open", *news, "credit_deposit", "settle"] if name != "see_deposit"
    ]
    (deposit,) = (await world.read(payment))["deposits"]
    assert (deposit["txId"], deposit["creditedAt"] is None, deposit["droppedAt"]) == (tx, False, None)
    assert (await available(world, payment), await world.main_received(), told) == (100_000_000, ["100000000"], [])


async def test_a_fork_that_takes_our_own_sweep_back_has_it_sent_again_as_it_was(world, told):
    await world.box.tell("tron/settings", solidAfter=3)
    payment = await world.create()
    await world.pay(payment)
    await mine(world, 3)
    await world.tick()
    await mine(world, 4)
    await world.tick()
    await mine(world)
    (row,) = await fetch(sql("SELECT tx_id, raw_tx FROM sweep WHERE purpose = 'sweep'"))
    assert (await world.box.tell("tron/reorg", blocks=1, drop=[row["tx_id"]]))["dropped"] == [row["tx_id"]]
    await world.tick()
    await mine(world, 4)
    await world.done()
    assert (await stands(world, payment), await world.sweeps(), told) == (PAID, DONE, [])
    sent = [call["body"]["transaction"] for call in await world.calls("broadcasthex")]
    assert (sent.count(row["raw_tx"]), await world.main_received()) == (2, ["100000000"])


async def test_a_transaction_that_pays_somebody_else_after_a_fork_is_his(make):
    """It ran again on another state: its id is the same, and what it did is not."""
    first, second = await asked(make), await asked(make)
    one = await arrived(first, 5 * UNITS)
    await payments.take_blocks("tron", 1, 1, [], at=now(), by=BY)
    assert await payments.see("tron", 2, [one], by=BY) == 1
    again = replace(one, to=second.gateway_data["address"], amount=100 * UNITS, sender="TOTHER", block=3)
    assert await payments.take_blocks("tron", 2, 3, [again], at=now(), by=BY) == 1
    claim = await claimed()
    assert (claim.id, await reads.uncredited(first.id)) == (second.id, [])
    await payments.credit(claim, [again], [], by=BY)
    rows = await fetch(sql("SELECT payment_id, sender, amount_minor, block, solid FROM deposit"))
    assert [tuple(row) for row in rows] == [(second.id, "TOTHER", 100 * UNITS, 3, True)]


async def test_what_became_solid_while_its_payment_was_checked_is_not_dropped(make):
    """The node that was asked for its receipt lags behind the one that was read."""
    payment = await asked(make)
    one = await arrived(payment)
    await payments.take_blocks("tron", 1, 1, [], at=now(), by=BY)
    await payments.see("tron", 2, [one], by=BY)
    claim = await claimed(marked=False)
    await payments.take_blocks("tron", 2, 2, [one], at=now(), by=BY)
    await payments.credit(claim, [], [one.tx_id], by=BY)
    assert [seen.tx_id for seen in await reads.uncredited(payment.id)] == [one.tx_id]
