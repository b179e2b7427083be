"""Nodes that lag, forget, hide and lie: no word of theirs is believed alone, and what arrived is never lost. [spec/deals §7.1]"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from models.payments import reads
from tests.payments.standing import (
    CREDITED,
    DONE,
    PAID,
    UNPAID,
    available,
    due,
    failed,
    mine,
    names,
    stands,
)
from tests.sandbox.playing import somebody

NOBODY = somebody("nobody")[1]


# --- a node that lags -------------------------------------------------------------------------------------------------------


async def test_a_node_that_falls_behind_is_waited_for(world, told, nothing_written):
    payment = await world.create()
    await world.tick()
    await mine(world, 5)
    await world.tick()
    await world.pay(payment)
    await world.box.tell("tron/lag", blocks=4)
    async with nothing_written():
        await world.tick()
    await world.box.tell("tron/lag", blocks=0)
    await world.done()
    assert (await stands(world, payment), told) == (PAID, [])


async def test_a_node_without_a_receipt_of_a_solid_block_is_not_believed(world, told):
    """It lags behind the one that the scan was told by: the deposit is neither dropped nor credited."""
    payment = await world.create()
    await world.tick()
    await world.pay(payment)
    await mine(world, 3)
    await world.script("triggerconstantcontract", "error")
    await world.tick()
    told.clear()
    await world.box.tell("tron/lag", blocks=4)
    await world.tick()
    number, step, why = await failed(world, payment)
    assert (number, step, "which stands in a solid block" in why, told) == (2, "BALANCE", True, [])
    assert (await stands(world, payment), await names(payment)) == (UNPAID, ["open"])
    await world.box.tell("tron/lag", blocks=0)
    await world.done()
    assert (await stands(world, payment), await names(payment)) == (PAID, ["open", "credit_deposit", "settle"])


async def test_a_node_that_has_forgotten_our_sweep_is_sent_it_again_and_there_is_no_other(world, told):
    payment = await world.create()
    await world.pay(payment)
    await world.tick(2)
    await mine(world, 2)
    await world.box.tell("tron/lag", blocks=2)
    for _ in range(3):
        await world.tick()
    assert (await stands(world, payment), await world.sweeps()) == (CREDITED, [DONE[0], ("sweep", "broadcast")])
    await world.box.tell("tron/lag", blocks=0)
    await world.done()
    assert (await stands(world, payment), await world.sweeps(), told) == (PAID, DONE, [])
    calls = await world.calls("broadcasthex")
    assert [call["effect"] for call in calls] == [True, True, False, False, False]
    assert len({call["body"]["transaction"] for call in calls}) == 2


async def test_a_node_that_still_shows_what_was_swept_credits_nothing(world):
    payment = await world.create()
    await world.pay(payment)
    await world.done()
    await mine(world, 3)
    await world.tick()
    await world.box.tell("tron/lag", blocks=5)
    await due(payment)
    await world.tick()
    assert (await stands(world, payment), await available(world, payment)) == (PAID, 100_000_000)
    assert (await failed(world, payment))[:2] == (1, "BALANCE")
    await world.box.tell("tron/lag", blocks=0)
    await due(payment)
    await world.done()
    assert ((await failed(world, payment))[0], await world.sweeps()) == (0, DONE)


async def test_blocks_that_a_node_does_not_have_are_not_empty(world, told, nothing_written, monkeypatch):
    """One node says how far the chain is, another is asked for the blocks."""
    payment = await world.create()
    await world.tick()
    solid_head = world.outside.node.solid_head

    async def ahead():
        head = await solid_head()
        return replace(head, number=head.number + 3)

    with monkeypatch.context() as patched:
        patched.setattr(world.outside.node, "solid_head", ahead)
        async with nothing_written():
            await world.tick()
    assert told == [("check_payments", "SCAN", "tron")]
    await world.pay(payment)
    await mine(world, 2)
    await world.done()
    assert await stands(world, payment) == PAID


async def test_of_a_slow_node_is_kept_what_was_read_in_time(world, knobs, told, monkeypatch):
    await world.tick()
    first = (await reads.cursor("tron")).block + 1
    await mine(world, 12)
    contents = world.outside.node.contents

    async def slow(block, *, solid):
        if block >= first + 5:
            await asyncio.sleep(30)
        return await contents(block, solid=solid)

    knobs(payment_timeout_seconds=2)
    with monkeypatch.context() as patched:
        patched.setattr(world.outside.node, "contents", slow)
        for _ in range(2):
            await world.tick()
            assert (await reads.cursor("tron")).block == first + 4
    assert told == [("check_payments", "SCAN", "tron")]  # nothing could be read
    await world.tick()
    assert (await reads.cursor("tron")).block == first + 11


# --- a node that lies -------------------------------------------------------------------------------------------------------


async def hidden(world, *amounts):
    """A payment whose deposits are in no receipts of a block."""
    payment = await world.create()
    for amount in amounts:
        await world.box.tell("tron/lie", hideLogs=await world.pay(payment, amount))
    await world.tick()
    assert await stands(world, payment) == UNPAID
    await due(payment)
    return payment


async def test_the_index_finds_what_the_blocks_hide(world, told):
    payment = await hidden(world, "60", "40")
    await world.done()
    assert (await stands(world, payment), await names(payment)) == (PAID, ["open", *["credit_deposit"] * 2, "settle"])
    assert (await world.main_received(), told) == (["100000000"], [])


async def test_a_deposit_that_scan_and_index_tell_of_is_credited_once(world, told):
    payment = await world.create()
    await world.box.tell("tron/lie", hideLogs=await world.pay(payment, "60"))
    await world.pay(payment, "30")
    await world.tick()
    assert (await stands(world, payment))[2] == "90.000000"
    await world.pay(payment, "10")
    await world.done()
    assert (await stands(world, payment), await available(world, payment)) == (PAID, 100_000_000)
    assert (await names(payment)).count("credit_deposit") == 3
    assert told == []


async def test_without_an_index_what_the_blocks_hide_is_for_a_human(world, told):
    payment = await hidden(world, "100")
    await world.box.tell("tron/lie", index=False)
    for number in range(1, 6):
        await due(payment)
        await world.tick()
        assert await stands(world, payment) == UNPAID
        assert (await failed(world, payment))[:2] == (number, "BALANCE")
    assert "its transfers tell only of 0" in (await failed(world, payment))[2]
    assert told == [("check_payments", "BALANCE", f"payment:{payment['number']}")] * 2
    assert ((await world.read(payment))["needsAttention"], await names(payment)) == (
        True,
        ["open", "call_for_attention"],
    )
    await world.box.tell("tron/lie", index=True)
    await due(payment)
    await world.done()
    assert await stands(world, payment) == PAID
    assert await names(payment) == ["open", "call_for_attention", "credit_deposit", "recover", "settle"]


async def test_without_an_index_what_was_not_read_yet_is_left_to_the_scan(world, told, monkeypatch):
    """It became solid after the scan and before the check."""
    payment = await world.create()
    await world.tick()
    await world.box.tell("tron/lie", index=False)
    await world.pay(payment)
    await due(payment)

    async def nothing(*_given):
        return 0

    with monkeypatch.context() as patched:
        patched.setattr("jobs.payments.scan", nothing)
        await world.tick()
    assert (await stands(world, payment), (await failed(world, payment))[0], told) == (UNPAID, 0, [])
    await world.done()
    assert (await stands(world, payment), told) == (PAID, [])


@pytest.mark.parametrize("balance", ["0", "99.999999"])
async def test_receipts_are_not_believed_where_the_balance_is_less(world, told, balance):
    payment = await world.create()
    await world.box.tell("tron/lie", address=payment["gatewayData"]["address"], balance=balance)
    await world.pay(payment)
    await world.tick(2)
    assert (await stands(world, payment), await available(world, payment), await names(payment)) == (
        UNPAID,
        0,
        ["open"],
    )
    assert (await failed(world, payment))[:2] == (2, "BALANCE")
    assert told == [("check_payments", "BALANCE", f"payment:{payment['number']}")]
    await world.box.tell("tron/lie", none=True)
    await world.done()
    assert (await stands(world, payment), await world.main_received()) == (PAID, ["100000000"])


@pytest.mark.parametrize("balance", ["100.000001", "1000000"])
async def test_a_balance_is_not_believed_where_the_receipts_tell_of_less(world, told, balance):
    payment = await world.create()
    await world.box.tell("tron/lie", address=payment["gatewayData"]["address"], balance=balance)
    await world.pay(payment)
    await world.tick(2)
    assert (await stands(world, payment), await available(world, payment)) == (CREDITED, 100_000_000)
    assert (await failed(world, payment))[:2] == (1, "BALANCE")
    assert told == [("check_payments", "BALANCE", f"payment:{payment['number']}")]
    await world.box.tell("tron/lie", none=True)
    await world.done()
    assert (await stands(world, payment), await world.main_received()) == (PAID, ["100000000"])


async def test_an_index_that_lists_what_is_not_on_the_chain_is_not_believed(world, told, monkeypatch):
    payment = await world.create()
    await world.box.tell("tron/lie", address=payment["gatewayData"]["address"], balance="100")
    other = await world.box.deposit(NOBODY, "100")

    async def listed(_address, _since):
        return ["ab" * 32, other]

    monkeypatch.setattr(world.outside.node, "transactions_to", listed)
    await due(payment)
    await world.tick()
    assert (await stands(world, payment), (await failed(world, payment))[:2]) == (UNPAID, (1, "BALANCE"))
    assert told == [("check_payments", "BALANCE", f"payment:{payment['number']}")]
