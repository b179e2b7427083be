"""Deposits, forks, a node that lags or lies, and amounts that bring trouble."""

from __future__ import annotations

import asyncio

import pytest

from sandbox.tron.tokens import FAKE_CONTRACT, WHALE
from tests.sandbox.playing import MAIN, MAIN_KEY, USDT, playing, somebody

KEY, ADDRESS = somebody()
_, OTHER = somebody("other")


async def test_several_transfers_are_in_one_transaction_in_order(box):
    made = await box.tell(
        "tron/deposit",
        transfers=[
            {"address": ADDRESS, "amount": "1", "token": "FAKE"},
            {"address": ADDRESS, "amount": "2"},
            {"address": OTHER, "amount": "0", "from": MAIN},
        ],
        mine=True,
    )
    assert made["deposits"] == [{"txId": made["txId"], "logIndex": index} for index in range(3)]
    chain = await box.ask("tron/chain")
    shown = [(one["token"], one["from"], one["to"], one["amount"], one["solid"]) for one in chain["transfers"]]
    assert shown == [
        (FAKE_CONTRACT, WHALE, ADDRESS, "1000000", False),
        (USDT, WHALE, ADDRESS, "2000000", False),
        (USDT, MAIN, OTHER, "0", False),
    ]
    assert len((await box.ask("tron/chain", to=ADDRESS))["transfers"]) == 2
    assert len((await box.ask("tron/chain", **{"from": MAIN}))["transfers"]) == 1
    assert (await box.balance(ADDRESS), await box.balance(ADDRESS, contract=FAKE_CONTRACT)) == (2_000_000, 1_000_000)


async def test_many_deposits_wait_for_their_block(box):
    made = await box.tell("tron/deposit", address=ADDRESS, amount="0.000001", times=50)
    assert len({one["txId"] for one in made["deposits"]}) == 50
    assert await box.balance(ADDRESS) == 0
    await box.tell("tron/settle")
    chain = await box.ask("tron/chain")
    assert (await box.balance(ADDRESS, "walletsolidity"), chain["head"] - chain["solidHead"]) == (50, 2)


async def test_a_fork_takes_a_deposit_back_and_keeps_the_rest(box):
    first, second = await box.deposit(ADDRESS, "10"), await box.deposit(OTHER, "20")
    before = await box.node("getnowblock")
    dropped = (await box.tell("tron/reorg", blocks=2, drop=[first]))["dropped"]
    after = await box.node("getnowblock")
    assert dropped == [first]
    assert after["block_header"]["raw_data"]["number"] == before["block_header"]["raw_data"]["number"]
    assert after["blockID"] != before["blockID"]
    assert (await box.balance(ADDRESS), await box.balance(OTHER)) == (0, 20_000_000)
    assert await box.node("gettransactioninfobyid", value=first) == {}
    assert (await box.node("gettransactioninfobyid", value=second))["log"]
    await box.tell("tron/mine", blocks=2)
    assert (await box.balance(ADDRESS, "walletsolidity"), await box.balance(OTHER, "walletsolidity")) == (0, 20_000_000)


async def test_what_a_fork_takes_back_may_come_again_or_have_become_impossible(box):
    tx = await box.deposit(ADDRESS, "10")
    assert (await box.tell("tron/reorg", blocks=1, drop=[tx], toPool=True))["pool"] == [tx]
    await box.tell("tron/mine")
    assert await box.balance(ADDRESS) == 10_000_000
    await box.tell("tron/mine", blocks=2)
    paid = await box.sent(await box.pay(MAIN_KEY, OTHER, 5_000_000))
    (spent,) = (await box.node("getnowblock"))["transactions"]
    other_key, _ = somebody("other")
    back = await box.sent(await box.pay(other_key, MAIN, 4_000_000))
    assert spent["txID"] == paid["id"]
    dropped = (await box.tell("tron/reorg", blocks=2, drop=[paid["id"]]))["dropped"]
    assert dropped == [paid["id"], back["id"]]


async def test_what_is_solid_is_never_taken_back(box):
    tx = await box.deposit(ADDRESS)
    await box.tell("tron/mine", blocks=2)
    assert "only 2 blocks" in (await box.tell("tron/reorg", 400, blocks=3))["error"]
    assert "is in no block" in (await box.tell("tron/reorg", 400, blocks=1, drop=["ab"]))["error"]
    await box.tell("tron/reorg", blocks=2)
    assert await box.balance(ADDRESS, "walletsolidity") == 100_000_000
    assert await box.solid("gettransactioninfobyid", value=tx)


async def test_a_change_of_an_account_survives_a_fork(box):
    await box.tell("tron/mine")
    await box.tell("tron/account", address=ADDRESS, trx="7", energy=5)
    await box.tell("tron/reorg", blocks=1)
    shown = await box.tell("tron/account", address=ADDRESS, blacklisted=True)
    assert (shown["sun"], shown["energy"], shown["active"], shown["blacklisted"]) == (7_000_000, 5, True, True)


async def test_a_node_that_lags_knows_nothing_newer(box):
    await box.tell("tron/mine", blocks=5)
    tx = await box.deposit(ADDRESS)
    head = (await box.ask("tron/chain"))["head"]
    await box.tell("tron/lag", blocks=1)
    info = await box.node("getnodeinfo")
    assert info["block"].startswith(f"Num:{head - 1},")
    assert info["solidityBlock"].startswith(f"Num:{head - 3},")
    assert await box.node("getblockbynum", num=head) == {}
    assert await box.node("gettransactioninfobyblocknum", num=head) == []
    assert await box.node("gettransactioninfobyid", value=tx) == {}
    assert await box.balance(ADDRESS) == 0
    await box.tell("tron/mine", blocks=3)
    assert await box.balance(ADDRESS, "walletsolidity") == 100_000_000
    await box.tell("tron/lag", blocks=4)
    assert (await box.balance(ADDRESS, "walletsolidity"), (await box.index(ADDRESS))["data"]) == (0, [])
    await box.tell("tron/lag", blocks=0)
    assert await box.node("gettransactioninfobyid", value=tx)


async def test_a_node_that_lies(box):
    tx = await box.deposit(ADDRESS)
    await box.tell("tron/mine", blocks=2)
    await box.tell("tron/lie", address=ADDRESS, balance="0")
    await box.tell("tron/lie", hideLogs=tx)
    await box.tell("tron/lie", index=False)
    number = (await box.node("gettransactioninfobyid", value=tx))["blockNumber"]
    (info,) = await box.node("gettransactioninfobyblocknum", num=number)
    assert (info["id"], "log" in info) == (tx, False)
    assert await box.balance(ADDRESS) == 0
    assert (await box.client.get(f"/tron/v1/accounts/{ADDRESS}/transactions/trc20")).status_code == 404
    assert (await box.tell("tron/lie", none=True)) == {"balances": {}, "hideLogs": [], "index": True}
    (info,) = await box.node("gettransactioninfobyblocknum", num=number)
    assert ("log" in info, await box.balance(ADDRESS)) == (True, 100_000_000)


async def test_an_amount_that_is_late(box):
    await box.deposit(ADDRESS, "5.13")
    await box.tell("tron/mine", blocks=9)
    assert await box.balance(ADDRESS, "walletsolidity") == 0
    await box.tell("tron/mine")
    assert await box.balance(ADDRESS, "walletsolidity") == 5_130_000


async def test_an_amount_that_vanishes(box):
    tx = await box.deposit(ADDRESS, "5.66")
    assert await box.balance(ADDRESS) == 5_660_000
    await box.tell("tron/mine")
    assert (await box.balance(ADDRESS), await box.node("gettransactioninfobyid", value=tx)) == (0, {})


async def test_an_amount_that_fails_and_amounts_that_only_look_alike(box):
    tx = await box.deposit(ADDRESS, "5.44")
    info = await box.node("gettransactioninfobyid", value=tx)
    assert (info["receipt"]["result"], "log" in info, await box.balance(ADDRESS)) == ("REVERT", False, 0)
    for amount, more in (("5.440001", {}), ("5.044", {}), ("5.44", {"magic": False})):
        assert (await box.node("gettransactioninfobyid", value=await box.deposit(ADDRESS, amount, **more)))["log"]
    tx = await box.deposit(ADDRESS, "1", fails=True)
    assert "log" not in await box.node("gettransactioninfobyid", value=tx)


@pytest.mark.parametrize("seconds", [0.02])
async def test_blocks_come_by_themselves(knobs, seconds):
    knobs(sandbox_block_seconds=seconds, sandbox_solid_after=0)
    async with playing() as box:
        await box.tell("tron/deposit", address=ADDRESS, amount="1")
        while not await box.balance(ADDRESS, "walletsolidity"):
            await asyncio.sleep(0.01)
        await box.tell("tron/settings", blockSeconds=0)
        head = (await box.ask("tron/chain"))["head"]
        await asyncio.sleep(0.06)
        assert (await box.ask("tron/chain"))["head"] == head


async def test_a_reset_begins_again_with_higher_numbers(box):
    await box.deposit(ADDRESS)
    await box.tell("tron/mine", blocks=5)
    before = await box.ask("tron/chain")
    await box.tell("reset")
    after = await box.ask("tron/chain")
    assert (after["transfers"], await box.balance(ADDRESS)) == ([], 0)
    assert after["head"] >= before["head"]
