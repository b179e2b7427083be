"""The node's answers, in the shapes of a real one."""

from __future__ import annotations

import pytest
from tronpy.abi import tron_abi
from tronpy.keys import to_hex_address

from sandbox.tron.tokens import FAKE_CONTRACT
from tests.sandbox.playing import MAIN, USDT, somebody

_, ADDRESS = somebody()


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


@pytest.mark.parametrize("visible", [True, False])
async def test_constant_calls_answer_what_the_contract_knows(box, visible):
    async def call(signature, parameter="", contract=USDT, **more):
        addresses = {"owner_address": MAIN, "contract_address": contract}
        shown = addresses if visible else {name: to_hex_address(value) for name, value in addresses.items()}
        return await box.node(
            "triggerconstantcontract",
            visible=visible,
            function_selector=signature,
            parameter=parameter,
            **shown,
            **more,
        )

    assert int((await call("decimals()"))["constant_result"][0], 16) == 6
    for contract in (USDT, FAKE_CONTRACT):
        assert text((await call("symbol()", contract=contract))["constant_result"][0]) == "USDT"
        assert text((await call("name()", contract=contract))["constant_result"][0]) == "Tether USD"
    called = await call("balanceOf(address)", to_hex_address(MAIN)[2:].zfill(64))
    assert (called["result"], int(called["constant_result"][0], 16), called["energy_used"]) == (
        {"result": True},
        0,
        935,
    )
    message = (await call("nonsense()"))["result"]["message"]
    assert (message if visible else bytes.fromhex(message).decode()) == "REVERT opcode executed"
    no = (await call("decimals()", contract=MAIN))["result"]
    assert (no["code"], "result" in no) == ("CONTRACT_VALIDATE_ERROR", False)
    no = await box.node("triggerconstantcontract", visible=visible, contract_address="nonsense")
    assert no["result"]["code"] == "OTHER_ERROR"


def text(answered: str) -> str:
    return tron_abi.decode_single("(string)", bytes.fromhex(answered))[0]


async def test_hex_and_base58_are_asked_and_answered(box):
    shown = await box.node("getaccount", address=to_hex_address(MAIN))
    assert shown["address"] == to_hex_address(MAIN)
    got = await box.client.get("/tron/wallet/getaccount", params={"address": MAIN, "visible": "true"})
    assert got.json()["address"] == MAIN
    await box.deposit(ADDRESS)
    (shown,) = (await box.node("getnowblock"))["transactions"]
    assert shown["raw_data"]["contract"][0]["parameter"]["value"]["contract_address"] == to_hex_address(USDT)
    (shown,) = (await box.node("getnowblock", visible=True))["transactions"]
    assert shown["raw_data"]["contract"][0]["parameter"]["value"]["contract_address"] == USDT


async def test_blocks_from_before_the_start_are_there_and_empty(box):
    number = (await box.node("getnowblock"))["block_header"]["raw_data"]["number"] - 1_000
    block = await box.solid("getblockbynum", num=number)
    assert (block["block_header"]["raw_data"]["number"], "transactions" in block) == (number, False)
    assert await box.solid("gettransactioninfobyblocknum", num=number) == []


async def test_the_solid_side_offers_no_more_than_a_real_one(box):
    assert (await box.client.post("/tron/walletsolidity/broadcasthex", json={})).status_code == 404
    assert (await box.client.post("/tron/wallet/nonsense", json={})).status_code == 404
    answer = await box.client.post("/tron/wallet/getaccount", content=b"{no json")
    assert (answer.status_code, "Error" in answer.json()) == (200, True)
