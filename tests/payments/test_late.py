"""Deposits that come too late, too many at once, to a worker far behind, or beside one that fails. [spec/deals §7.1, §7.4]"""

from __future__ import annotations

from jobs.payments import expire_payments
from models.kernel.sql import fetch, sql
from models.payments import reads
from tests.payments.paid import UNITS
from tests.payments.standing import (
    PAID,
    UNPAID,
    at,
    available,
    due,
    ended,
    failed,
    mine,
    names,
    stands,
    together,
)

EXPIRES = "UPDATE payment SET expires_at = {} WHERE id = {} RETURNING 1"


async def expire(world):
    return await expire_payments(world.tools)


async def test_what_comes_too_late_is_credited_all_the_same(world):
    payment = await world.create()
    await ended(payment)
    await expire(world)
    assert (await stands(world, payment))[0] == "ERROR"
    await world.pay(payment)
    await world.done()
    assert await stands(world, payment) == ("ERROR", "LATE", "100.000000", "TRANSFERED", "100.000000")
    assert (await available(world, payment), await world.main_received()) == (100_000_000, ["100000000"])
    assert await names(payment) == ["open", "expire", "credit_deposit"]


async def test_nothing_is_too_late_before_the_chain_was_read_to_its_time(world, knobs, told):
    """Nobody read the chain for a while, in which one of them was paid in time."""
    knobs(tron_scan_blocks=1)
    paid, unpaid = await world.create(), await world.create()
    await world.tick()
    await mine(world, 2)
    await world.pay(paid)
    for payment in (paid, unpaid):
        await fetch(sql(EXPIRES, (await world.outside.node.head()).at, payment["number"]))
    await mine(world, 2)
    for _ in range(2):
        await world.tick()
        await expire(world)
        assert [(await stands(world, payment))[0] for payment in (paid, unpaid)] == ["WAITING", "WAITING"]
    await world.tick()
    await expire(world)
    assert (await stands(world, paid))[:3] == ("WAITING", "NONE", "100.000000")
    assert (await stands(world, unpaid))[0] == "ERROR"
    knobs(tron_scan_blocks=20)
    await world.done()
    assert (await stands(world, paid), told) == (PAID, [])


async def test_a_part_waits_for_the_rest_for_days_and_then_ends(world):
    payment = await world.create()
    await world.pay(payment, "60")
    await world.done()
    await ended(payment, days=6)
    await expire(world)
    assert (await stands(world, payment))[:2] == ("WAITING", "PARTIAL")
    await ended(payment, days=7)
    await expire(world)
    assert (await stands(world, payment))[:3] == ("ERROR", "PARTIAL", "60.000000")
    await world.pay(payment, "40")
    await world.done()
    assert await stands(world, payment) == ("ERROR", "LATE", "100.000000", "TRANSFERED", "100.000000")
    assert await available(world, payment) == 100_000_000


async def test_an_address_that_nobody_asks_about_any_more_is_still_seen_by_the_scan(world):
    payment = await world.create()
    await ended(payment, days=30)
    await expire(world)
    await due(payment)
    await world.tick()
    assert (await world.read(payment))["check"]["nextCheckAt"] is None
    asked_before = len(await world.calls("triggerconstantcontract"))
    await world.tick()
    assert len(await world.calls("triggerconstantcontract")) == asked_before
    await world.pay(payment)
    await world.done()
    assert await stands(world, payment) == ("ERROR", "LATE", "100.000000", "TRANSFERED", "100.000000")
    assert (await world.read(payment))["check"]["nextCheckAt"] is None


async def test_a_gateway_that_nobody_speaks_for_is_told_and_its_payment_waits(world, told):
    bad, good = await world.create(), await world.create()
    await fetch(sql("UPDATE payment_gateway SET service = 'pigeon' RETURNING 1"))
    await world.pay(bad)
    await world.tick()
    assert (await stands(world, bad), await failed(world, bad)) == (
        UNPAID,
        (1, "BALANCE", "LookupError: nobody here knows the gateway pigeon"),
    )
    assert told == [("check_payments", "BALANCE", f"payment:{bad['number']}")]
    assert (await world.read(bad))["needsAttention"]  # at once: no later tick will know it either
    for _ in range(4):
        await world.tick()
    assert len(told) == 1
    await fetch(sql("UPDATE payment_gateway SET service = 'tron' RETURNING 1"))
    await world.pay(good)
    await world.done()
    assert (await stands(world, bad), await stands(world, good)) == (PAID, PAID)


async def test_one_bad_payment_among_many_good_ones_stops_none_of_them(world, told):
    made = [await world.create(f"{10 + number} USDT") for number in range(12)]
    bad = made[5]
    await world.script("gettransactioninfobyid", "error", match=await world.pay(bad, "15"), times=1_000)
    for payment in made:
        if payment is not bad:
            await world.pay(payment, payment["amount"]["amount"])
    for _ in range(4):
        await world.tick()
        await mine(world)
    assert [(await stands(world, payment))[0] for payment in made] == [
        "WAITING" if p is bad else "SUCCESS" for p in made
    ]
    assert told == [("check_payments", "BALANCE", f"payment:{bad['number']}")]
    assert await stands(world, bad) == UNPAID


async def test_thirty_deposits_of_one_block_are_thirty_credits(world, told):
    made = [await world.create(f"{100 + number} USDT") for number in range(30)]
    await together(world, *(at(payment, payment["amount"]["amount"]) for payment in made))
    await world.done(20)
    assert {(await stands(world, payment))[0] for payment in made} == {"SUCCESS"}
    amounts = [(100 + number) * UNITS for number in range(30)]
    assert [await available(world, payment) for payment in made] == amounts
    assert (await world.main_received(), told) == (sorted(map(str, amounts)), [])


async def test_a_cursor_that_is_far_behind_catches_up_tick_by_tick(world, knobs, told):
    knobs(tron_scan_blocks=7)
    await world.tick()
    payment = await world.create()
    first = (await mine(world))["head"]
    await mine(world, 15)
    await world.pay(payment)
    await mine(world, 3)
    behind = []
    for _ in range(4):
        await world.tick()
        behind.append((await reads.cursor("tron")).block - first + 1)
    assert behind == [7, 14, 20, 20]
    assert (await stands(world, payment))[2] == "100.000000"
    await world.done()
    asked_for = [call["body"]["num"] for call in await world.calls("gettransactioninfobyblocknum")]
    assert len(asked_for) == len(set(asked_for))
    assert (await stands(world, payment), told) == (PAID, [])
