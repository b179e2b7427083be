"""What transactions cost: bandwidth, energy, fee limits, activation."""

from __future__ import annotations

import pytest
from tronpy.keys import to_raw_address

from tests.sandbox.playing import MAIN, MAIN_KEY, USDT, somebody

KEY, ADDRESS = somebody()
_, NEW = somebody("new")


@pytest.fixture
async def funded(box):
    """Somebody with tokens, and with TRX for about three transfers."""
    await box.deposit(ADDRESS, "100")
    await box.tell("tron/account", address=ADDRESS, trx="40")
    return box


async def sun(box, address=ADDRESS):
    return (await box.node("getaccount", address=address, visible=True)).get("balance", 0)


async def test_a_transfer_of_trx_activates_its_receiver(box):
    info = await box.sent(await box.pay(MAIN_KEY, NEW, 20_000_000))
    assert (info["fee"], info["receipt"], info["contractResult"]) == (1_100_000, {"net_fee": 100_000}, [""])
    assert "result" not in info
    assert (await sun(box, NEW), await sun(box, MAIN)) == (20_000_000, 100_000_000_000 - 21_100_000)
    info = await box.sent(await box.pay(MAIN_KEY, NEW, 1))
    assert (info.get("fee"), info["receipt"]) == (None, {"net_usage": 265})


async def test_tokens_to_one_who_holds_none_cost_twice_the_energy(funded):
    info = await funded.sent(await funded.move(KEY, NEW, 40_000_000))
    assert info["receipt"] == {
        "energy_fee": 13_028_500, "energy_usage_total": 130_285, "net_usage": 345, "energy_penalty_total": 100_635,
        "result": "SUCCESS",
    }  # fmt: skip
    assert (info["fee"], info["contractResult"]) == (13_028_500, ["0" * 64])
    info = await funded.sent(await funded.move(KEY, NEW, 60_000_000))
    assert (info["receipt"]["energy_usage_total"], info["receipt"]["net_fee"]) == (64_285, 345_000)
    assert (await funded.balance(ADDRESS), await funded.balance(NEW)) == (0, 100_000_000)
    assert await sun(funded) == 40_000_000 - 13_028_500 - 6_428_500 - 345_000


async def test_energy_of_a_stake_goes_first_and_is_shown_as_used(funded):
    await funded.tell("tron/account", address=ADDRESS, energy=100_000)
    info = await funded.sent(await funded.move(KEY, NEW, 1))
    assert (info["receipt"]["energy_usage"], info["receipt"]["energy_fee"]) == (100_000, 3_028_500)
    resource = await funded.node("getaccountresource", address=ADDRESS, visible=True)
    assert resource["EnergyLimit"] == 100_000
    assert 99_990 <= resource["EnergyUsed"] <= 100_000
    assert (resource["freeNetLimit"], 0 < resource["freeNetUsed"] <= 345) == (600, True)
    assert (await funded.node("getaccountnet", address=ADDRESS, visible=True))["freeNetLimit"] == 600
    await funded.tell("tron/mine", seconds=43_200)
    resource = await funded.node("getaccountresource", address=ADDRESS, visible=True)
    assert 49_900 <= resource["EnergyUsed"] <= 50_000


async def test_out_of_energy_burns_what_there_was_and_moves_nothing(funded):
    await funded.tell("tron/account", address=ADDRESS, trx="5")
    info = await funded.sent(await funded.move(KEY, NEW, 1))
    assert (info["result"], info["receipt"]["result"], info["fee"]) == ("FAILED", "OUT_OF_ENERGY", 5_000_000)
    assert bytes.fromhex(info["resMessage"]).startswith(b"Not enough energy")
    assert ("log" in info, await sun(funded), await funded.balance(ADDRESS)) == (False, 0, 100_000_000)
    block = await funded.node("getnowblock")
    assert block["transactions"][0]["ret"] == [{"contractRet": "OUT_OF_ENERGY"}]


async def test_the_fee_limit_caps_energy_that_costs_nothing_too(funded):
    await funded.tell("tron/account", address=ADDRESS, energy=1_000_000)
    info = await funded.sent(await funded.move(KEY, NEW, 1, fee_limit=13_028_400))
    assert (info["receipt"]["result"], info["receipt"]["energy_usage"]) == ("OUT_OF_ENERGY", 130_284)
    assert await sun(funded) == 40_000_000
    info = await funded.sent(await funded.move(KEY, NEW, 1, fee_limit=13_028_500))
    assert info["receipt"]["result"] == "SUCCESS"


@pytest.mark.parametrize("why", ["blacklisted", "too much"])
async def test_a_revert_burns_energy_and_moves_nothing(funded, why):
    amount = 1
    if why == "blacklisted":
        await funded.tell("tron/account", address=ADDRESS, blacklisted=True)
    else:
        amount = 100_000_001
    info = await funded.sent(await funded.move(KEY, MAIN, amount))
    assert (info["result"], info["receipt"]["result"]) == ("FAILED", "REVERT")
    assert bytes.fromhex(info["resMessage"]) == b"REVERT opcode executed"
    assert 0 < info["fee"] < 1_000_000
    assert ("log" in info, await funded.balance(ADDRESS), await funded.balance(MAIN)) == (False, 100_000_000, 0)
    called = await simulated(funded, amount)
    assert called["result"] == {"result": True, "message": "REVERT opcode executed"}
    assert (called["constant_result"], called["transaction"]["ret"]) == ([""], [{"ret": "FAILED"}])


async def simulated(box, amount, to=MAIN):
    return await box.node(
        "triggerconstantcontract", visible=True, owner_address=ADDRESS, contract_address=USDT,
        data="a9059cbb" + to_raw_address(to)[1:].hex().zfill(64) + f"{amount:064x}",
    )  # fmt: skip


async def test_a_transfer_can_be_tried_without_sending_it(funded):
    called = await simulated(funded, 5)
    assert called["result"] == {"result": True}
    assert (called["energy_used"], called["energy_penalty"], called["constant_result"]) == (
        130_285,
        100_635,
        ["0" * 64],
    )
    await funded.deposit(MAIN, "1")
    assert (await simulated(funded, 5))["energy_used"] == 64_285


async def test_the_price_of_energy_is_a_parameter_that_can_change(funded):
    async def price():
        known = (await funded.node("getchainparameters"))["chainParameter"]
        return {one["key"]: one["value"] for one in known}

    known = await price()
    assert (known["getEnergyFee"], known["getTransactionFee"]) == (100, 1_000)
    assert (known["getCreateAccountFee"], known["getCreateNewAccountFeeInSystemContract"]) == (100_000, 1_000_000)
    await funded.tell("tron/settings", energyFee=210)
    assert (await price())["getEnergyFee"] == 210
    info = await funded.sent(await funded.move(KEY, NEW, 1))
    assert info["receipt"]["energy_fee"] == 130_285 * 210
