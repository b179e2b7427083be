"""A worker dies after any call of a check: the next one goes on, the books end the same, one transfer is on the chain."""

from __future__ import annotations

import pytest

from jobs.payments import check_payments
from models.deals import operations as deals
from tests.deals.situations import done, offer
from tests.payments.dying import Deadly, Killed, leases_end

SCAN = ("solid_head", "contents", "take_blocks", "head", "claim_due")
POINTS = (
    *(f"{name} 1" for name in SCAN), "receipt 1", "token_balance 1", "credit 1", "promote 1", "note_step 1",
    "prices 1", "means 1", "transfer_energy 1", "plan 1", "solid_head 2", "sign 1", "broadcast 1", "broadcasted 1", "receipt 2",
    "release_checked 1", "claim_due 2",
    "solid_head 3", "contents 2", "take_blocks 2", "head 2", "claim_due 3", "token_balance 2", "receipt 3", "confirm 1",
    "prices 2", "means 2", "transfer_energy 2", "plan 2", "solid_head 4", "sign 2", "broadcast 2", "broadcasted 2", "receipt 4",
    "release_checked 2", "claim_due 4",
    "solid_head 5", "contents 3", "take_blocks 3", "head 3", "claim_due 5", "token_balance 3", "receipt 5", "confirm 2",
    "transfered 1", "release_checked 3", "claim_due 6",
)  # fmt: skip
"""Every call of a check in its order: the first tick credits and sends TRX, the second sweeps, the third concludes."""
BOOKS = [
    ("account", "deal:{deal}:escrow", "USDT 100000000"),
    ("account", "expense:network_fee", "TRX -14128500"),
    ("account", "gateway:tron:deposit", "TRX -3005700"),
    ("account", "gateway:tron:deposit", "USDT 0"),
    ("account", "person:{anna}:available", "USDT 0"),
    ("account", "treasury:tron:main", "TRX 17134200"),
    ("account", "treasury:tron:main", "USDT -100000000"),
    ("deal", "{deal}", "confirm_performer"),
    ("payment", "{payment}", "success none 100000000"),
    ("wallet", "{wallet}", "transfered 100000000 100000000"),
]


async def begun(world, make):
    """A deal waits for 100 USDT, which have just come. What the names in the books stand for."""
    anna, bert = await make.person(), await make.person()
    deal = await deals.offer(offer(anna.id, bert.id, "100 USDT"), by=make.user(anna).viewer)
    await done(make, deal, "confirm")
    payment = await world.create(person=anna)
    await world.tick()
    await world.pay(payment)
    return {"anna": anna.id, "deal": deal.id, "payment": payment["number"]}


async def books(world):
    """Without the attempts: how many there were is shown by what is on the chain."""
    return [row for row in await world.books() if row[0] != "sweep"]


def expected(names, wallet):
    return [(what, of.format(**names, wallet=wallet), stands) for what, of, stands in BOOKS]


async def ticks(world, tools, count):
    for _ in range(count):
        await check_payments(tools)
        await world.box.tell("tron/mine")


async def test_the_points_are_all_that_there_are(world, make, monkeypatch):
    names = await begun(world, make)
    with monkeypatch.context() as patched:
        deadly = Deadly(patched, world)
        await ticks(world, deadly.tools, 3)
    assert tuple(deadly.passed) == POINTS
    assert await books(world) == expected(names, (await world.books())[-1][1])


@pytest.mark.parametrize("point", POINTS)
async def test_killed_after(point, world, make, monkeypatch):
    names = await begun(world, make)
    with monkeypatch.context() as patched:
        deadly = Deadly(patched, world, point)
        with pytest.raises(BaseException) as died:
            await ticks(world, deadly.tools, 3)
        assert died.group_contains(Killed) if isinstance(died.value, BaseExceptionGroup) else died.type is Killed
    await world.box.tell("tron/mine")
    await leases_end()
    await world.done()
    assert await books(world) == expected(names, (await world.books())[-1][1])
    assert await world.main_received() == ["100000000"]
    assert sorted(await world.sweeps()) == [("sweep", "confirmed"), ("top_up", "confirmed")]
    assert len({call["body"]["transaction"] for call in await world.calls("broadcasthex")}) == 2
