"""Sweeps that do not go as they should: the coins reach the main wallet once, or a human hears why not. [spec/deals §7.1.1]"""

from __future__ import annotations

from dataclasses import replace

from gateways.tron.words import Means
from models.kernel.clock import now
from models.kernel.money import Money
from models.kernel.sql import fetch, sql
from models.payments import operations as payments
from models.payments.lifecycle import Purpose
from tests.payments.paid import BY, UNITS, credited
from tests.payments.standing import (
    CREDITED,
    DONE,
    PAID,
    available,
    due,
    failed,
    mine,
    names,
    stands,
    sweeps_of,
)
from tests.sandbox.playing import MAIN

SENT = [DONE[0], ("sweep", "broadcast")]


async def fees():
    """What the books say that the network took."""
    rows = await fetch(
        sql(
            """SELECT a.own + coalesce((SELECT sum(own_delta) FROM ledger_delta d WHERE d.account_id = a.id), 0) AS own
                 FROM ledger_account a WHERE a.kind = 'expense.network_fee'"""
        )
    )
    return -sum(row["own"] for row in rows)


async def test_an_address_on_the_black_list_is_told_and_swept_once_it_is_off_it(world, told):
    payment = await world.create()
    address = payment["gatewayData"]["address"]
    await world.pay(payment)
    await world.box.tell("tron/account", address=address, blacklisted=True)
    for _ in range(3):
        await world.tick()
        await mine(world)
    assert (await stands(world, payment), await world.sweeps()) == (CREDITED, [])
    number, step, why = await failed(world, payment)
    assert (number, step, "REVERT" in why) == (3, "SWEEP", True)
    assert told == [("check_payments", "SWEEP", f"payment:{payment['number']}")]
    await world.box.tell("tron/account", address=address, blacklisted=False)
    await world.done()
    assert (await stands(world, payment), await world.sweeps()) == (PAID, DONE)


async def test_a_sweep_that_runs_out_of_energy_is_paid_for_and_a_new_one_is_dearer(world, told):
    """The price of energy rises while the first is on its way."""
    payment = await world.create()
    await world.pay(payment)
    await world.tick(2)
    await world.box.tell("tron/settings", energyFee=200)
    await world.done()
    assert (await stands(world, payment), await world.main_received()) == (PAID, ["100000000"])
    attempts = await sweeps_of(payment)
    assert [(purpose, status) for purpose, status, *_ in attempts] == [
        ("top_up", "confirmed"), ("sweep", "failed"), ("top_up", "confirmed"), ("sweep", "confirmed")
    ]  # fmt: skip
    burned = [fee for *_, fee in attempts]
    assert burned == [1_100_000, 15_634_200, 0, 26_402_000]
    assert (await fees(), await available(world, payment)) == (sum(burned), 100_000_000)
    rows = await fetch(sql("SELECT error FROM sweep WHERE status = 'failed'"))
    assert [row["error"] for row in rows] == ["OUT_OF_ENERGY"]


async def test_a_node_that_does_not_know_yet_of_the_trx_we_sent_is_waited_for(world, told, monkeypatch):
    payment = await world.create()
    await world.pay(payment)
    await world.tick()
    await mine(world)

    async def nothing(_address):
        return Means(active=False, sun=0, energy=0, bandwidth=0)

    with monkeypatch.context() as patched:
        patched.setattr(world.outside.node, "means", nothing)
        for number in range(1, 4):
            await world.tick()
            await mine(world)
            assert (await world.sweeps(), (await failed(world, payment))[:2]) == ([DONE[0]], (number, "SWEEP"))
    assert len(await world.calls("broadcasthex")) == 1
    await world.done()
    assert (await stands(world, payment), await world.sweeps(), len(told)) == (PAID, DONE, 1)


async def test_after_four_times_that_trx_was_sent_without_a_sweep_a_human_has_to_look(world, told):
    """Energy gets dearer between each of them and the sweep that it was for."""
    payment = await world.create()
    await world.pay(payment)
    for price in (100, 130, 170, 220, 280):
        await world.box.tell("tron/settings", energyFee=price)
        world.outside.node._prices = None
        await world.tick()
        await mine(world)
    for _ in range(4):
        await world.tick()
        await mine(world)
    assert (await stands(world, payment), await world.sweeps()) == (CREDITED, [DONE[0]] * 4)
    _, step, why = await failed(world, payment)
    assert (step, "was sent TRX 4 times" in why, (await world.read(payment))["needsAttention"]) == ("SWEEP", True, True)
    assert await world.make.ask(RECHECK, by=world.make.operator, n=payment["number"]) == {"status": "REQUESTED"}
    await world.done()
    assert (await stands(world, payment), await world.sweeps()) == (PAID, [DONE[0]] * 5 + [DONE[1]])


RECHECK = """mutation ($n: Int!) { recheckPayment(input: {payment: {number: $n}}) { ... on JobRun { status } } }"""


async def test_after_three_sweeps_that_failed_a_human_has_to_look(world, told):
    payment = await world.create()
    await world.pay(payment)
    await world.tick()
    for number, price in enumerate((130, 170, 220), start=1):
        await mine(world)
        await world.tick()
        assert (await world.sweeps())[-1] == ("sweep", "broadcast")
        await world.box.tell("tron/settings", energyFee=price)
        await mine(world)
        await world.tick()
        assert [status for purpose, status in await world.sweeps() if purpose == "sweep"] == ["failed"] * number
    sent = len(await world.calls("broadcasthex"))
    for _ in range(4):
        await world.tick()
        await mine(world)
    assert (await stands(world, payment), len(await world.calls("broadcasthex"))) == (CREDITED, sent)
    _, step, why = await failed(world, payment)
    assert (step, "3 sweeps of" in why, (await world.read(payment))["needsAttention"]) == ("SWEEP", True, True)
    assert told == [("check_payments", "SWEEP", f"payment:{payment['number']}")] * 2
    assert await world.make.ask(RECHECK, by=world.make.operator, n=payment["number"]) == {"status": "REQUESTED"}
    await world.done()
    assert (await stands(world, payment), await world.main_received()) == (PAID, ["100000000"])


async def test_a_sweep_that_is_in_no_block_is_sent_again_as_it_is_until_it_is_provably_dead(world, told):
    payment = await world.create()
    await world.pay(payment)
    await world.tick()
    await mine(world)
    await world.box.tell("tron/settings", withPool=False)
    for seconds in (0, 100, 100, 90):
        await world.tick()
        await mine(world, seconds=seconds, withPool=False)
    assert await world.sweeps() == [DONE[0], ("sweep", "broadcast")]
    calls = (await world.calls("broadcasthex"))[1:]
    assert (len(calls), len({call["body"]["transaction"] for call in calls})) == (4, 1)
    await mine(world, seconds=20, withPool=False)  # it is over, and not provably so
    await world.tick()
    assert await world.sweeps() == [DONE[0], ("sweep", "broadcast")]
    await mine(world, seconds=65, withPool=False)
    await world.tick()
    assert await world.sweeps() == [DONE[0], ("sweep", "expired"), ("sweep", "broadcast")]
    await world.done()
    assert (await stands(world, payment), await world.main_received(), told) == (PAID, ["100000000"], [])
    assert await world.sweeps() == [DONE[0], ("sweep", "expired"), DONE[1]]
    rows = await fetch(sql("SELECT fee_minor, error FROM sweep WHERE status = 'expired'"))
    assert [(row["fee_minor"], row["error"].endswith("was read and it is in none")) for row in rows] == [(None, True)]


async def test_a_top_up_that_is_in_no_block_is_replaced_once_it_is_provably_dead_and_paid_once(world, told):
    payment = await world.create()
    await world.pay(payment)
    for seconds in (200, 99, 65):
        await world.tick()
        await mine(world, seconds=seconds, withPool=False)
        assert await world.sweeps() == [("top_up", "broadcast")]
    assert len({call["body"]["transaction"] for call in await world.calls("broadcasthex")}) == 1
    await world.tick()
    assert await world.sweeps() == [("top_up", "expired"), ("top_up", "broadcast")]
    await world.done()
    assert await world.sweeps() == [("top_up", "expired"), *DONE]
    assert (await stands(world, payment), told) == (PAID, [])
    (left,) = [one["sun"] for one in (await world.box.ask("tron/chain"))["accounts"] if one["address"] == MAIN]
    _, _, amount, fee = (await sweeps_of(payment))[1]
    assert left == 100_000_000_000 - amount - fee


async def test_a_sweep_that_is_in_a_block_of_the_last_moment_is_not_dead(world, told):
    """Nobody looks while it is in a block, and while its time goes by."""
    payment = await world.create()
    await world.pay(payment)
    await world.tick(2)
    await mine(world, seconds=290)
    await mine(world, seconds=3_600)
    await world.done()
    assert (await stands(world, payment), await world.sweeps(), told) == (PAID, DONE, [])
    assert await world.main_received() == ["100000000"]


async def under_way(world):
    """A payment whose sweep was sent."""
    payment = await world.create()
    await world.pay(payment)
    await world.tick()
    await mine(world)
    await world.tick()
    assert await world.sweeps() == SENT
    return payment


def forgets(world, monkeypatch, what):
    """A node that has no receipt, and where it is said, tells of no transactions in its blocks."""
    node = world.outside.node
    contents = node.contents

    async def no_receipt(_tx_id, *, solid=True):
        return None

    async def no_ids(block, *, solid):
        return replace(await contents(block, solid=solid), tx_ids=frozenset())

    monkeypatch.setattr(node, "receipt", no_receipt)
    if what == "everything":
        monkeypatch.setattr(node, "contents", no_ids)


async def test_a_sweep_that_stands_in_a_block_that_we_read_is_not_dead_whatever_a_node_says(world, told, monkeypatch):
    payment = await under_way(world)
    await mine(world)
    with monkeypatch.context() as patched:
        forgets(world, patched, "receipts")
        sent = len(await world.calls("broadcasthex"))
        for seconds in (0, 500, 2_000):
            await world.tick()
            await mine(world, seconds=seconds)
        assert (await world.sweeps(), len(await world.calls("broadcasthex")), told) == (SENT, sent, [])
        await mine(world, seconds=2_000)
        await world.tick()
        _, step, why = await failed(world, payment)
        assert (step, "which stands in block" in why, await world.sweeps()) == ("SWEEP", True, SENT)
    await world.done()
    assert (await stands(world, payment), await world.sweeps(), len(told)) == (PAID, DONE, 1)
    assert await world.main_received() == ["100000000"]


async def test_a_sweep_that_nobody_tells_of_is_not_dead_where_its_coins_have_gone(world, told, monkeypatch):
    payment = await under_way(world)
    with monkeypatch.context() as patched:
        forgets(world, patched, "everything")
        await mine(world)
        await mine(world, seconds=500)
        await world.tick()
        _, step, why = await failed(world, payment)
        assert (step, "holds 0" in why, await world.sweeps()) == ("SWEEP", True, SENT)
    await world.done()
    assert (await stands(world, payment), await world.sweeps(), len(told)) == (PAID, DONE, 1)


async def test_a_sweep_is_not_dead_before_we_have_read_the_blocks_of_its_time(world, told, monkeypatch):
    payment = await under_way(world)
    await world.box.tell("tron/settings", withPool=False)
    await mine(world, seconds=500, withPool=False)
    with monkeypatch.context() as patched:
        patched.delattr(type(world.outside.node), "contents")
        for _ in range(2):
            await world.tick()
        assert (await world.sweeps(), (await failed(world, payment))[0]) == (SENT, 0)
    await world.tick()
    assert await world.sweeps() == [DONE[0], ("sweep", "expired"), SENT[1]]


async def test_a_sweep_of_before_the_first_block_that_we_read_is_for_a_human(world, told):
    """What the database knew of the chain was lost, and reading began anew."""
    payment = await under_way(world)
    await world.box.tell("tron/settings", withPool=False)
    await fetch(sql("DELETE FROM chain_cursor RETURNING 1"))
    await mine(world, 30, seconds=500, withPool=False)
    for _ in range(2):
        await world.tick()
        await mine(world, seconds=1_000, withPool=False)
    assert (await world.sweeps(), (await failed(world, payment))[0], told) == (SENT, 0, [])
    await mine(world, seconds=2_000, withPool=False)
    await world.tick()
    _, step, why = await failed(world, payment)
    assert (step, "those were not read" in why, await world.sweeps()) == ("SWEEP", True, SENT)
    assert len({call["body"]["transaction"] for call in await world.calls("broadcasthex")}) == 2


async def test_an_attempt_that_the_scan_has_seen_meanwhile_does_not_end(make):
    _, claim = await credited(make)
    sweep = await payments.plan(claim, Purpose.SWEEP, "TMAIN", Money(100 * UNITS, "USDT"), by=BY)
    await payments.sign(claim, sweep.id, "ours", "raw", now(), block=1, by=BY)
    await payments.take_blocks("tron", 2, 3, [], at=now(), tx_ids={"ours": 3, "theirs": 2}, by=BY)
    await payments.expire_attempt(claim, sweep.id, "a proof", by=BY)
    rows = await fetch(sql("SELECT status, seen_block FROM sweep"))
    assert [tuple(row) for row in rows] == [("signed", 3)]


async def test_a_sweep_that_was_never_sent_is_not_sent_when_its_time_is_over(world, told):
    """It was signed and kept, the node did not take it, and nobody asked again for an hour."""
    payment = await world.create()
    await world.pay(payment)
    await world.tick()
    await mine(world)
    await world.script("broadcasthex", "refuse")
    await world.tick()
    assert await world.sweeps() == [DONE[0], ("sweep", "signed")]
    await mine(world, seconds=310)
    await world.tick()
    assert await world.sweeps() == [DONE[0], ("sweep", "signed")]
    await mine(world, seconds=3_600)
    await world.done()
    assert await world.sweeps() == [DONE[0], ("sweep", "expired"), DONE[1]]
    assert (await stands(world, payment), await world.main_received()) == (PAID, ["100000000"])
    assert len(told) == 1


async def test_a_main_wallet_without_trx_is_told_and_the_same_top_up_is_sent_once_it_has_some(world, told):
    await world.box.tell("tron/account", address=MAIN, trx="0")
    payment = await world.create()
    await world.pay(payment)
    for _ in range(3):
        await world.tick()
        await mine(world)
    assert (await stands(world, payment), await world.sweeps()) == (CREDITED, [("top_up", "signed")])
    assert (await failed(world, payment))[:2] == (3, "SWEEP")
    assert told == [("check_payments", "SWEEP", f"payment:{payment['number']}")]
    await world.box.tell("tron/account", address=MAIN, trx="1000")
    await world.done()
    assert (await stands(world, payment), await world.sweeps()) == (PAID, DONE)
    assert len({call["body"]["transaction"] for call in await world.calls("broadcasthex")}) == 2


async def test_without_a_key_of_the_main_wallet_a_sweep_waits_until_the_address_can_pay(world, knobs, told):
    knobs(tron_main_key="")
    payment = await world.create()
    await world.pay(payment)
    await world.tick()
    read = await world.read(payment)
    assert (await stands(world, payment), read["sweepDeferred"], await world.sweeps()) == (CREDITED, "NO_TRX", [])
    await world.box.tell("tron/account", address=payment["gatewayData"]["address"], trx="40")
    await due(payment)
    await world.done()
    assert (await stands(world, payment), await world.sweeps()) == (PAID, [DONE[1]])
    assert ((await world.read(payment))["sweepDeferred"], told) == (None, [])


async def test_energy_that_is_lent_is_waited_for_and_no_trx_is_burned(world, knobs, told):
    knobs(tron_energy="delegated")
    payment = await world.create()
    await world.pay(payment)
    await world.tick(2)
    read = await world.read(payment)
    assert (await stands(world, payment), read["sweepDeferred"]) == (CREDITED, "ENERGY")
    assert await sweeps_of(payment) == [
        ("top_up", "confirmed", 1, 1_100_000)
    ]  # an address that is not active cannot send
    await due(payment)
    await world.tick()
    assert await names(payment) == ["open", "credit_deposit", "defer_sweep"]
    await world.box.tell("tron/account", address=payment["gatewayData"]["address"], energy=130_285)
    await due(payment)
    await world.done()
    assert (await stands(world, payment), told, await fees()) == (PAID, [], 1_100_000)
    assert (await sweeps_of(payment))[1:] == [("sweep", "confirmed", 100_000_000, 0)]


async def test_a_sweep_that_would_cost_too_much_waits_and_the_money_is_the_persons_already(world, knobs, told):
    knobs(tron_fee_max_sun=15_000_000)
    payment = await world.create()
    await world.pay(payment)
    await world.tick()
    read = await world.read(payment)
    assert (await stands(world, payment), read["sweepDeferred"], await world.sweeps()) == (CREDITED, "FEE_TOO_HIGH", [])
    assert await available(world, payment) == 100_000_000
    await world.tick(2)
    called = ["open", "credit_deposit", "defer_sweep", "call_for_attention"]  # it does not become cheaper by itself
    assert (await world.calls("broadcasthex"), await names(payment)) == ([], called)
    knobs(tron_fee_max_sun=60_000_000)
    await due(payment)
    await world.done()
    assert (await stands(world, payment), told) == (PAID, [])


async def test_what_is_not_worth_a_sweep_stays_and_the_payment_succeeds(world):
    payment = await world.create("4 USDT")
    await world.pay(payment, "4")
    await world.done()
    assert await stands(world, payment) == ("SUCCESS", "NONE", "4.000000", "RECEIVED", "0.000000")
    assert ((await world.read(payment))["sweepDeferred"], await world.sweeps()) == ("BELOW_THRESHOLD", [])
    await world.pay(payment, "1")
    await world.done()
    assert await stands(world, payment) == ("SUCCESS", "OVER", "5.000000", "TRANSFERED", "5.000000")
    assert (await world.main_received(), await available(world, payment)) == (["5000000"], 5_000_000)
    assert (await world.read(payment))["sweepDeferred"] is None


async def test_where_everything_is_worth_a_sweep_a_millionth_is(world, knobs):
    knobs(tron_sweep_min_minor=0)
    payment = await world.create("1 USDT")
    await world.pay(payment, "0.000001")
    await world.done()
    assert await stands(world, payment) == ("WAITING", "PARTIAL", "0.000001", "TRANSFERED", "0.000001")
    assert await world.main_received() == ["1"]


async def test_trx_that_somebody_sent_to_an_address_pays_for_its_sweep(world):
    payment = await world.create()
    await world.box.tell("tron/account", address=payment["gatewayData"]["address"], trx="40")
    await world.pay(payment)
    await world.done()
    assert (await stands(world, payment), await world.sweeps()) == (PAID, [DONE[1]])
    assert await fees() == 13_028_500


async def test_money_that_comes_while_a_sweep_is_on_its_way_is_swept_after_it(world, told):
    payment = await world.create()
    await world.pay(payment)
    await world.tick()
    await mine(world)
    await world.tick()
    await world.pay(payment, "30")
    await world.tick()
    assert await stands(world, payment) == ("WAITING", "OVER", "130.000000", "RECEIVED", "100.000000")
    await world.done()
    assert await stands(world, payment) == ("SUCCESS", "OVER", "130.000000", "TRANSFERED", "130.000000")
    assert (await world.main_received(), told) == (["100000000", "30000000"], [])
