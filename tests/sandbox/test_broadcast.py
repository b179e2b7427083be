"""What a node refuses to take, in its own words, and that nothing comes of it."""

from __future__ import annotations

import time

import pytest
from tronpy.keys import to_raw_address
from tronpy.proto import tron_pb2

from tests.sandbox.playing import HOUR_MS, MAIN, MAIN_KEY, somebody

KEY, ADDRESS = somebody()


async def refused(box, signed):
    answer = await box.send(signed)
    assert (answer["result"], len(answer["txid"])) == (False, 64)
    assert (await box.ask("tron/chain"))["pool"] == []
    return answer["code"], answer["message"]


async def test_a_taken_one_is_in_the_pool_and_in_the_next_block(box):
    signed = await box.pay(MAIN_KEY, ADDRESS, 5)
    taken = await box.send(signed)
    assert (taken["result"], taken["code"], taken["message"]) == (True, "SUCCESS", "")
    assert (await box.ask("tron/chain"))["pool"] == [taken["txid"]]
    assert await box.node("gettransactioninfobyid", value=taken["txid"]) == {}
    assert (await box.send(signed))["code"] == "DUP_TRANSACTION_ERROR"
    await box.tell("tron/mine")
    info = await box.node("gettransactioninfobyid", value=taken["txid"])
    assert info["blockNumber"] == (await box.ask("tron/chain"))["head"]
    assert (await box.send(signed))["code"] == "DUP_TRANSACTION_ERROR"
    calls = (await box.ask("calls", operation="broadcasthex"))["calls"]
    assert [call["effect"] for call in calls] == [True, False, False]


async def test_as_json_it_is_taken_too(box):
    signed = await box.pay(MAIN_KEY, ADDRESS, 5)
    given = {
        "raw_data_hex": signed.raw_data.SerializeToString().hex(),
        "signature": [one.hex() for one in signed.signature],
    }
    taken = await box.node("broadcasttransaction", **given)
    assert (taken["result"], len(taken["txid"])) == (True, 64)
    no = await box.node("broadcasttransaction", **given)
    assert (no["code"], bytes.fromhex(no["message"])) == ("DUP_TRANSACTION_ERROR", b"Dup transaction.")
    assert (await box.node("broadcasttransaction", **given, visible=True))["message"] == "Dup transaction."
    assert "Error" in await box.node("broadcasttransaction", raw_data_hex="zz")
    assert "Error" in await box.node("broadcasthex", transaction="0a")


async def test_another_key_and_no_signature(box):
    code, message = await refused(box, await box.pay(MAIN_KEY, ADDRESS, 5, signer=KEY))
    assert (code, f"is signed by {ADDRESS}" in message) == ("SIGERROR", True)
    signed = await box.pay(MAIN_KEY, ADDRESS, 5)
    del signed.signature[:]
    assert (await refused(box, signed))[0] == "SIGERROR"
    signed.signature.append(b"\x01" * 65)
    assert (await refused(box, signed))[0] == "SIGERROR"


@pytest.mark.parametrize("ahead", [-1, 0, 25 * HOUR_MS])
async def test_an_expiration_that_is_over_or_too_far(box, ahead):
    signed = await box.pay(MAIN_KEY, ADDRESS, 5, expiration=int(time.time() * 1000) + ahead)
    assert (await refused(box, signed))[0] == "TRANSACTION_EXPIRATION_ERROR"


async def test_a_block_that_nobody_knows(box):
    signed = await box.pay(MAIN_KEY, ADDRESS, 5, ref_block_hash=b"\1" * 8)
    assert await refused(box, signed) == ("TAPOS_ERROR", "Tapos check error.")
    head = (await box.ask("tron/chain"))["head"]
    signed = await box.pay(MAIN_KEY, ADDRESS, 5, ref_block_bytes=((head + 1) % 65_536).to_bytes(2, "big"))
    assert (await refused(box, signed))[0] == "TAPOS_ERROR"


@pytest.mark.parametrize(
    ("to", "sun", "told"),
    [
        (ADDRESS, 100_000_000_000, "balance is not sufficient"),
        (ADDRESS, 0, "Amount must be greater than 0"),
        (MAIN, 1, "to yourself"),
        ("TDcj5wXy831UZdN5fkMuXK5PFktfzJDg3e", 1, "to a smartContract"),
    ],
)
async def test_a_payment_that_cannot_be(box, to, sun, told):
    code, message = await refused(box, await box.pay(MAIN_KEY, to, sun))
    assert (code, told in message) == ("CONTRACT_VALIDATE_ERROR", True)


async def test_an_inactive_owner_and_one_without_bandwidth(box):
    code, message = await refused(box, await box.pay(KEY, MAIN, 1))
    assert (code, message) == (
        "CONTRACT_VALIDATE_ERROR",
        f"Contract validate error : account [{ADDRESS}] does not exist",
    )
    await box.tell("tron/account", address=ADDRESS, trx="0.1", bandwidthUsed=600)
    assert await refused(box, await box.pay(KEY, MAIN, 1)) == ("BANDWITH_ERROR", "Account resource insufficient error.")


async def test_a_contract_that_is_none_and_a_limit_out_of_bounds(box):
    code, message = await refused(box, await box.move(MAIN_KEY, ADDRESS, 1, contract=MAIN))
    assert (code, "No contract" in message) == ("CONTRACT_VALIDATE_ERROR", True)
    code, message = await refused(box, await box.move(MAIN_KEY, ADDRESS, 1, fee_limit=15_000_000_001))
    assert (code, "feeLimit must be" in message) == ("CONTRACT_VALIDATE_ERROR", True)
    said = tron_pb2.AccountCreateContract(owner_address=to_raw_address(MAIN), account_address=to_raw_address(ADDRESS))
    assert (await refused(box, await box.signed(MAIN_KEY, "AccountCreateContract", said)))[
        0
    ] == "CONTRACT_VALIDATE_ERROR"


async def test_what_is_in_the_pool_is_already_spent(box):
    await box.tell("tron/account", address=ADDRESS, trx="10")
    assert (await box.send(await box.pay(KEY, MAIN, 6_000_000)))["result"]
    again = await box.send(await box.pay(KEY, MAIN, 6_000_001))
    assert (again["code"], "not sufficient" in again["message"]) == ("CONTRACT_VALIDATE_ERROR", True)


async def test_one_that_expires_in_the_pool_is_never_in_a_block(box):
    taken = await box.send(await box.pay(MAIN_KEY, ADDRESS, 5))
    await box.tell("tron/mine", withPool=False)
    assert (await box.ask("tron/chain"))["pool"] == [taken["txid"]]
    await box.tell("tron/mine", seconds=3_601, withPool=False)
    assert (await box.ask("tron/chain"))["pool"] == []
    await box.tell("tron/settle")
    assert await box.node("gettransactioninfobyid", value=taken["txid"]) == {}
    assert await box.node("getaccount", address=ADDRESS, visible=True) == {}
