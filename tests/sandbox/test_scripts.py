"""Misbehaviour on demand: what happened, and what the caller saw of it."""

from __future__ import annotations

import asyncio
import time

import httpx
import orjson
import pytest

from tests.sandbox.playing import MAIN_KEY, playing, somebody

_, ADDRESS = somebody()


async def script(box, outcome, operation="broadcasthex", **more):
    return await box.tell("script", system="tron", operation=operation, outcome=outcome, **more)


async def pool(box):
    return (await box.ask("tron/chain"))["pool"]


async def last_call(box):
    call = (await box.ask("calls", operation="broadcasthex"))["calls"][-1]
    return call["outcome"], call["effect"]


@pytest.fixture
async def signed(box):
    return (await box.pay(MAIN_KEY, ADDRESS, 5)).SerializeToString().hex()


async def raw(box, signed):
    return await box.client.post("/tron/wallet/broadcasthex", json={"transaction": signed})


async def test_a_refusal_is_the_nodes_own_and_has_no_effect(box, signed):
    await script(box, "refuse")
    answer = (await raw(box, signed)).json()
    assert (answer["result"], answer["code"]) == (False, "CONTRACT_VALIDATE_ERROR")
    assert (await pool(box), await last_call(box)) == ([], ("refuse", False))
    assert (await raw(box, signed)).json()["result"]
    assert await last_call(box) == ("ok", True)


async def test_an_error_and_too_many_requests_have_no_effect(box, signed):
    await script(box, "error", times=2)
    assert [(await raw(box, signed)).status_code for _ in range(2)] == [500, 500]
    await script(box, "rate_limit", seconds=7)
    answer = await raw(box, signed)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert (await pool(box), await last_call(box)) == ([], ("rate_limit", False))


async def test_a_lost_answer_has_its_effect_and_the_connection_is_broken(box, signed):
    await script(box, "lost_answer")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        await raw(box, signed)
    assert len(await pool(box)) == 1
    assert await last_call(box) == ("lost_answer", True)
    assert (await raw(box, signed)).json()["code"] == "DUP_TRANSACTION_ERROR"


async def test_a_timeout_holds_the_connection_and_ends_without_an_answer(box, signed):
    await script(box, "timeout", seconds=0.2)
    began = time.monotonic()
    with pytest.raises(httpx.RemoteProtocolError):
        await raw(box, signed)
    assert 0.2 <= time.monotonic() - began < 2
    await script(box, "timeout")
    with pytest.raises(httpx.ReadTimeout):
        await box.client.post("/tron/wallet/broadcasthex", json={"transaction": signed}, timeout=0.05)
    assert (await pool(box), await last_call(box)) == ([], ("timeout", False))


async def test_a_held_connection_does_not_hinder_the_end(knobs):
    knobs(sandbox_block_seconds=0)
    async with playing() as box:
        await script(box, "timeout", "getnowblock")
        held = asyncio.create_task(box.client.post("/tron/wallet/getnowblock", json={}))
        while not (await box.ask("calls"))["calls"]:
            await asyncio.sleep(0.01)
        box.world.stopping.set()
        with pytest.raises(httpx.RemoteProtocolError):
            await held


async def test_a_slow_answer_has_its_effect_first(box, signed):
    await script(box, "slow", seconds=0.3)
    answer = asyncio.create_task(raw(box, signed))
    while not await pool(box):
        await asyncio.sleep(0.01)
    assert not answer.done()
    assert (await answer).json()["result"]


@pytest.mark.parametrize("kind", ["html", "truncated", "shape"])
async def test_a_malformed_answer_has_its_effect(box, signed, kind):
    await script(box, "malformed", **{"as": kind})
    answer = await raw(box, signed)
    assert answer.status_code == 200
    if kind == "shape":
        assert isinstance(answer.json(), list)
    else:
        with pytest.raises(ValueError):
            orjson.loads(answer.content)
    assert (len(await pool(box)), await last_call(box)) == (1, ("malformed", True))


async def test_malformed_answers_are_of_every_kind_in_turn(box):
    await script(box, "malformed", "getnowblock", times=3)
    answers = [(await box.client.post("/tron/wallet/getnowblock", json={})).content[:1] for _ in range(3)]
    assert sorted(answers) == [b"<", b"[", b"{"]


async def test_scripts_wait_for_the_call_that_fits(box):
    await script(box, "error", "*", match="walletsolidity")
    await script(box, "error", "getaccount", match=ADDRESS)
    assert [one["number"] for one in (await box.ask("scripts"))["scripts"]] == [1, 2]
    assert (await box.client.post("/tron/wallet/getaccount", json={"address": "x"})).status_code == 200
    assert (await box.client.post("/tron/walletsolidity/getnowblock", json={})).status_code == 500
    assert (await box.client.post("/tron/wallet/getaccount", json={"address": ADDRESS})).status_code == 500
    assert (await box.ask("scripts"))["scripts"] == []
    await script(box, "error", "trc20")
    await box.tell("reset", system="bank")
    assert len((await box.ask("scripts"))["scripts"]) == 1
    assert (await box.client.get(f"/tron/v1/accounts/{ADDRESS}/transactions/trc20")).status_code == 500


@pytest.mark.parametrize("operation", ["getaccount", "triggerconstantcontract", "broadcasttransaction", "trc20"])
async def test_every_operation_can_say_no(box, operation):
    await script(box, "refuse", operation)
    if operation == "trc20":
        answer = await box.client.get(f"/tron/v1/accounts/{ADDRESS}/transactions/trc20")
    else:
        answer = await box.client.post(f"/tron/wallet/{operation}", json={})
    assert answer.status_code == (400 if operation == "trc20" else 200)
    assert b"refused by the sandbox" in answer.content or b'"CONTRACT_VALIDATE_ERROR"' in answer.content


async def test_every_answer_can_be_late(box):
    await box.tell("tron/settings", answerSeconds=0.1)
    began = time.monotonic()
    await box.node("getnowblock")
    assert time.monotonic() - began >= 0.1
