"""The node's answers, in the shapes of a real one."""

from __future__ import annotations

from tests.sandbox.playing import MAIN, MAIN_KEY, USDT, somebody

KEY, ADDRESS = somebody()


async def test_blocks_are_shown_and_are_linked(box):
    await box.deposit(ADDRESS)
    head = await box.node("getnowblock")
    number = head["block_header"]["raw_data"]["number"]
    assert int(head["blockID"][:16], 16) == number
    before = await box.node("getblockbynum", num=number - 1)
    assert head["block_header"]["raw_data"]["parentHash"] == before["blockID"]
    assert head["block_header"]["raw_data"]["timestamp"] > before["block_header"]["raw_data"]["timestamp"]
    assert await box.node("getblockbynum", num=number) == head
    assert await box.node("getblockbynum", num=number + 1) == {}
    assert "transactions" not in before
    (shown,) = head["transactions"]
    assert shown["ret"] == [{"contractRet": "SUCCESS"}]
    assert shown["raw_data"]["contract"][0]["type"] == "TriggerSmartContract"
    assert await box.node("gettransactionbyid", value=shown["txID"]) == shown
    info = await box.node("getnodeinfo")
    assert info["block"] == f"Num:{number},ID:{head['blockID']}"
    assert info["solidityBlock"].startswith(f"Num:{number - 1},ID:0000")


async def test_a_deposit_is_in_the_head_first_and_solid_two_blocks_later(box):
    tx = await box.deposit(ADDRESS, "12.5")
    assert (await box.balance(ADDRESS), await box.balance(ADDRESS, "walletsolidity")) == (12_500_000, 0)
    assert await box.solid("gettransactioninfobyid", value=tx) == {}
    await box.tell("tron/mine", blocks=2)
    assert await box.balance(ADDRESS, "walletsolidity") == 12_500_000
    info = await box.solid("gettransactioninfobyid", value=tx)
    (log,) = info["log"]
    assert (info["receipt"]["result"], len(log["address"]), log["address"][:2] == "41") == ("SUCCESS", 40, False)
    assert log["topics"][0] == "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
    assert int(log["data"], 16) == 12_500_000
    assert await box.solid("gettransactioninfobyblocknum", num=info["blockNumber"]) == [info]
    shown = await box.solid("gettransactioninfobyid", value=tx, visible=True)
    assert (shown["log"][0]["address"], shown["contract_address"]) == (USDT, USDT)


async def test_what_is_unknown_is_empty(box):
    assert await box.node("getaccount", address=ADDRESS, visible=True) == {}
    assert await box.node("getaccountresource", address=ADDRESS, visible=True) == {}
    assert await box.node("gettransactioninfobyid", value="ab" * 32) == {}
    assert await box.node("gettransactioninfobyblocknum", num=10**9) == []
    assert await box.node("gettransactioninfobyblocknum", num=0) == {}
    assert "Error" in await box.node("getaccount", address="nonsense", visible=True)
    assert "Error" in await box.node("getaccount")
    account = await box.node("getaccount", address=MAIN, visible=True)
    assert (account["address"], account["balance"]) == (MAIN, 100_000_000_000)


async def test_a_transfer_of_trx_activates_its_receiver(box):
    info = await box.sent(await box.pay(MAIN_KEY, ADDRESS, 20_000_000))
    assert (info["fee"], info["receipt"], info["contractResult"]) == (1_100_000, {"net_fee": 100_000}, [""])
    assert "result" not in info
    assert (await box.node("getaccount", address=ADDRESS, visible=True))["balance"] == 20_000_000
    info = await box.sent(await box.pay(MAIN_KEY, ADDRESS, 1))
    assert (info.get("fee"), info["receipt"]["net_usage"]) == (None, 265)


async def test_a_transfer_of_tokens_burns_trx_for_energy(box):
    await box.deposit(ADDRESS, "100")
    await box.tell("tron/account", address=ADDRESS, trx="40")
    info = await box.sent(await box.move(KEY, MAIN, 100_000_000))
    assert info["receipt"] == {
        "energy_fee": 13_028_500, "energy_usage_total": 130_285, "net_usage": 345, "energy_penalty_total": 100_635,
        "result": "SUCCESS",
    }  # fmt: skip
    assert (await box.balance(ADDRESS), await box.balance(MAIN)) == (0, 100_000_000)
