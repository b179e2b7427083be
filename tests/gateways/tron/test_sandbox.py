"""The client of a node and the keys, beside the sandbox's node over HTTP: well, and with each way to misbehave."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from gateways.outside import Outside
from gateways.receipts import Refused, Unsure
from gateways.tron.account import deposit_address
from gateways.tron.keys import HotKeys
from gateways.tron.node import HttpNode, connection
from models.kernel.clock import now
from settings.outside import DEVELOPMENT_TRON as TRON
from tests.sandbox.playing import Played, playing

INDEX, MAIN, CONTRACT = 7, TRON["tron_main_wallet"], TRON["tron_contract"]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
async def box(knobs) -> AsyncIterator[Played]:
    knobs(sandbox_block_seconds=0, sandbox_solid_after=2)
    async with playing() as played:
        knobs(tron_url=f"{played.url}/tron")
        yield played


@pytest.fixture
async def node(box) -> AsyncIterator[HttpNode]:
    async with connection() as outside:
        yield HttpNode(outside)


@pytest.fixture
def address() -> str:
    return deposit_address(INDEX)


async def sweep(node: HttpNode, amount: int = 25_000_000):
    return HotKeys().token_transfer(
        INDEX,
        MAIN,
        amount,
        fee_limit_sun=60_000_000,
        ref=await node.solid_head(),
        expires_at=now() + timedelta(minutes=5),
    )


# --- well


async def test_a_deposit_is_found_in_its_block_by_its_address_and_by_its_receipt(box, node, address):
    await box.deposit(address, "1", token="FAKE")
    tx_id = await box.deposit(address, "25")
    head = await node.head()
    contents = await node.contents(head.number, solid=False)
    [found] = contents.transfers
    assert (contents.tx_ids, contents.at) == ({tx_id}, head.at)
    assert (found.tx_id, found.log_index, found.contract, found.to) == (tx_id, 0, CONTRACT, address)
    assert (found.amount, found.block) == (25_000_000, head.number)
    before = await node.contents(head.number - 1, solid=False)
    assert (before.transfers, len(before.tx_ids)) == ((), 1)  # the other token's
    assert await node.receipt(tx_id) is None
    assert await node.token_balance(address) == 0
    assert await node.transactions_to(address, LONG_AGO) == []
    with pytest.raises(Unsure):
        await node.contents(head.number, solid=True)  # there is no such solid block yet

    await box.tell("tron/mine", blocks=3)
    assert (await node.solid_head()).number == head.number + 1
    assert await node.contents(head.number, solid=True) == contents
    empty = await node.contents(head.number + 1, solid=True)
    assert (empty.transfers, empty.tx_ids, empty.at > head.at) == ((), frozenset(), True)
    assert (await node.receipt(tx_id)).transfers == (found,)
    assert await node.token_balance(address) == 25_000_000
    assert await node.transactions_to(address, LONG_AGO) == [tx_id]
    assert await node.transactions_to(address, head.at + timedelta(hours=1)) == []


async def test_a_sweep_from_its_top_up_to_its_receipt(box, node, address):
    await box.deposit(address, "25")
    await box.tell("tron/settle")
    assert not (await node.means(address)).active
    energy, prices = await node.transfer_energy(address, MAIN, 25_000_000), await node.prices()
    top_up = HotKeys().top_up(
        address,
        energy * prices.energy + 1_000_000,
        ref=await node.solid_head(),
        expires_at=now() + timedelta(minutes=5),
    )
    await node.broadcast(top_up.raw)
    await node.broadcast(top_up.raw)  # again does no harm
    await box.tell("tron/settle")
    assert (await node.receipt(top_up.tx_id)).succeeded
    means = await node.means(address)
    assert (means.active, means.sun) == (True, energy * prices.energy + 1_000_000)

    signed = await sweep(node)
    await node.broadcast(signed.raw)
    await box.tell("tron/settle")
    await node.broadcast(signed.raw)
    receipt = await node.receipt(signed.tx_id)
    assert receipt.succeeded
    assert receipt.energy <= energy
    [moved] = receipt.transfers
    assert (moved.sender, moved.to, moved.amount) == (address, MAIN, 25_000_000)
    assert (await node.token_balance(address), await node.token_balance(MAIN)) == (0, 25_000_000)


async def test_a_transfer_that_would_revert_is_refused(node, box, address):
    with pytest.raises(Refused, match="REVERT"):
        await node.transfer_energy(address, MAIN, 1)


async def test_a_transaction_that_the_node_does_not_take(box, node, address):
    await box.deposit(address, "25")
    with pytest.raises(Refused) as caught:
        await node.broadcast((await sweep(node)).raw)  # the address is not active
    assert caught.value.code == "CONTRACT_VALIDATE_ERROR"


async def test_a_block_that_a_lagging_node_does_not_have_is_not_empty(box, node):
    await box.tell("tron/mine", blocks=5)
    head = await node.head()
    await box.tell("tron/lag", blocks=3)
    assert (await node.head()).number == head.number - 3
    with pytest.raises(Unsure):
        await node.contents(head.number, solid=False)


async def test_a_node_without_index(box, node, address):
    await box.tell("tron/lie", index=False)
    with pytest.raises(Refused, match="NO_INDEX"):
        await node.transactions_to(address, LONG_AGO)


# --- badly: each call, each way

CALLS = {
    "head": ("getnowblock", lambda node, _: node.head()),
    "solid_head": ("getnowblock", lambda node, _: node.solid_head()),
    "contents": (
        "gettransactioninfobyblocknum",
        lambda node, known: node.contents(known["block"], solid=False),
    ),
    "an empty block": ("getblockbynum", lambda node, known: node.contents(known["block"] + 1, solid=False)),
    "token_balance": ("triggerconstantcontract", lambda node, known: node.token_balance(known["address"])),
    "transactions_to": ("trc20", lambda node, known: node.transactions_to(known["address"], LONG_AGO)),
    "receipt": ("gettransactioninfobyid", lambda node, known: node.receipt(known["tx_id"])),
    "means": ("getaccount", lambda node, _: node.means(MAIN)),
    "resources": ("getaccountresource", lambda node, _: node.means(MAIN)),
    "prices": ("getchainparameters", lambda node, _: node.prices()),
    "transfer_energy": (
        "triggerconstantcontract",
        lambda node, known: node.transfer_energy(known["address"], MAIN, 1_000_000),
    ),
    "broadcast": ("broadcasthex", lambda node, known: node.broadcast(known["raw"])),
}
WAYS = ["refuse", "error", "rate_limit", "timeout", "lost_answer", "slow", "html", "truncated", "shape"]


async def misbehave(box: Played, operation: str, way: str, times: int) -> int:
    """The number of the last call before."""
    malformed = {"outcome": "malformed", "as": way}
    script = malformed if way in {"html", "truncated", "shape"} else {"outcome": way}
    await box.tell("script", system="tron", operation=operation, times=times, **script)
    return (await box.ask("calls", system="tron"))["calls"][-1]["number"]


@pytest.fixture
async def known(box, node, address):
    """A deposit that is solid, and a transaction that can be sent."""
    tx_id = await box.deposit(address, "25")
    block = (await node.head()).number
    await box.tell("tron/settle")
    await box.tell("tron/mine", blocks=1)
    top_up = HotKeys().top_up(address, 1_000_000, ref=await node.solid_head(), expires_at=now() + timedelta(minutes=5))
    return {"address": address, "tx_id": tx_id, "block": block, "raw": top_up.raw}


@pytest.mark.parametrize("name", CALLS)
async def test_each_call_survives_each_way_to_misbehave(box, node, known, name, knobs):
    operation, call = CALLS[name]
    for way in WAYS:
        knobs(outside_timeout_seconds=0.3 if way in {"timeout", "slow"} else 5)
        times = (
            2 if way == "lost_answer" and name != "broadcast" else 1
        )  # questions are asked again if the connection is lost
        before = await misbehave(box, operation, way, times)
        with pytest.raises(Refused if (way, name) == ("refuse", "broadcast") else Unsure):
            await call(node, known)
        made = (await box.ask("calls", system="tron", operation=operation, after=before))["calls"]
        assert len(made) == times


@pytest.mark.parametrize("name", CALLS)
async def test_each_call_is_well_again_after_one_lost_answer(box, node, known, name):
    operation, call = CALLS[name]
    await box.tell("script", system="tron", operation=operation, outcome="lost_answer")
    if name == "broadcast":
        with pytest.raises(Unsure):
            await call(node, known)
    await call(node, known)  # of a broadcast, the second time is known already


async def test_nobody_there(box):
    async with Outside("tron", "http://127.0.0.1:1/tron") as outside:
        for _, call in CALLS.values():
            with pytest.raises(Unsure):
                await call(HttpNode(outside), {"address": MAIN, "tx_id": "ab" * 32, "block": 1, "raw": "00"})
