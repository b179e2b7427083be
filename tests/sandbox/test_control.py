"""Control calls: what they refuse, what they remember, and that worlds do not touch each other."""

from __future__ import annotations

import pytest

from sandbox import calls
from sandbox.app import app
from sandbox.calls import Calls
from tests.sandbox.playing import playing, somebody

_, ADDRESS = somebody()


@pytest.mark.parametrize(
    ("path", "given", "field", "told"),
    [
        ("script", {"system": "moon", "operation": "*", "outcome": "error"}, "system", "there is no system moon"),
        ("script", {"system": "tron", "operation": "fly", "outcome": "error"}, "operation", "no operation fly"),
        ("script", {"system": "tron", "operation": "*", "outcome": "explode"}, "outcome", "should be"),
        ("script", {"system": "tron", "operation": "*", "outcome": "error", "times": 0}, "times", "greater than"),
        ("script", {"system": "tron", "operation": "*", "outcome": "error", "as": "html"}, "as", "malformed"),
        ("script", {"system": "bank", "operation": "*", "outcome": "error"}, "system", "speaks first"),
        ("reset", {"system": "moon"}, "system", "there is no system"),
        ("tron/deposit", {"amount": "1"}, "", "address and amount"),
        ("tron/deposit", {"address": "nobody", "amount": "1"}, "address", "no Tron address"),
        ("tron/deposit", {"address": ADDRESS, "amount": "-1"}, "amount", "0 or more"),
        ("tron/deposit", {"address": ADDRESS, "amount": "0.0000001"}, "amount", "six places"),
        ("tron/deposit", {"address": ADDRESS, "amount": "NaN"}, "amount", "0 or more"),
        ("tron/deposit", {"address": ADDRESS, "amount": "much"}, "amount", "no decimal"),
        ("tron/deposit", {"address": ADDRESS, "amount": "1", "token": "?"}, "token", "neither USDT nor FAKE"),
        ("tron/deposit", {"address": ADDRESS, "amount": "1", "colour": 1}, "colour", "not permitted"),
        ("tron/mine", {"blocks": 0}, "blocks", "greater than"),
        ("tron/settings", {"blockSeconds": -1}, "blockSeconds", "greater than"),
        ("tron/account", {}, "address", "required"),
        ("tron/lie", {"balance": "1"}, "", "go together"),
        ("bank/transfer", {"reference": "x", "amount": "one", "currency": "EUR"}, "amount", "no decimal"),
        ("bank/deliver", {"ids": ["none"]}, "ids", "there is no transfer"),
        (
            "script",
            {"system": "wallets", "operation": "order", "outcome": "error"},
            "operation",
            "it has deposit, find",
        ),
        ("wallets/deposits", {}, "hold", "required"),
        ("wallets/settle", {"outcome": "succeeded"}, "", "give ids, or all"),
        ("wallets/settle", {"ids": ["x"], "all": True, "outcome": "succeeded"}, "", "give ids, or all"),
        ("wallets/settle", {"all": True, "outcome": "executed"}, "outcome", "succeeded or failed"),
        ("wallets/settle", {"all": True, "outcome": "succeeded", "code": "x"}, "code", "why one is failed"),
        ("wallets/settle", {"all": True, "outcome": "failed", "code": "No!"}, "code", "match pattern"),
        ("billing/settle", {}, "", "give ids, or all"),
        ("billing/settle", {"ids": ["x"], "all": True}, "", "give ids, or all"),
        ("transfers/settle", {"ids": ["none"], "outcome": "executed"}, "ids", "none that is accepted has the id none"),
    ],
)
async def test_what_makes_no_sense_is_told_with_its_field(box, path, given, field, told):
    answer = await box.tell(path, 400, **given)
    assert (answer["field"], told in answer["error"]) == (field, True), answer


async def test_a_body_that_is_no_object(box):
    for body in (b"{", b"[]"):
        answer = await box.client.post("/control/script", content=body)
        assert (answer.status_code, "error" in answer.json()) == (400, True)


async def test_calls_are_remembered_with_key_body_and_effect(box):
    await box.client.post("/tron/wallet/getaccount", json={"address": ADDRESS}, headers={"Idempotency-Key": "k1"})
    await box.client.get("/tron/wallet/getaccount", params={"address": ADDRESS, "visible": "true"})
    await box.client.post("/tron/wallet/getnowblock", content=b"not json")
    first, second, third = (await box.ask("calls", system="tron"))["calls"]
    assert [call["number"] for call in (first, second, third)] == [1, 2, 3]
    assert (first["operation"], first["idempotencyKey"], first["body"]) == ("getaccount", "k1", {"address": ADDRESS})
    assert (first["outcome"], first["effect"], first["method"]) == ("ok", False, "POST")
    assert (second["path"], second["body"]) == (f"/tron/wallet/getaccount?address={ADDRESS}&visible=true", None)
    assert third["body"] == "not json"
    assert (await box.ask("calls", after=2))["calls"] == [third]
    assert (await box.ask("calls", operation="getnowblock"))["calls"] == [third]
    assert (await box.ask("calls", system="bank"))["calls"] == []
    await box.ask("calls", 400, system="moon")
    await box.tell("reset", system="tron")
    assert (await box.ask("calls"))["calls"] == []


def test_the_memory_of_calls_is_bounded(monkeypatch):
    monkeypatch.setattr(calls, "KEPT", 10)
    memory = Calls()
    for _ in range(25):
        memory.add("tron", "getaccount", method="POST", path="/", body=b"x" * 100_000, key=None, outcome="ok")
    found = memory.found(None, None, 0)
    assert ([call["number"] for call in found], len(found[0]["body"])) == (list(range(16, 26)), 8 * 1024)


async def test_two_worlds_side_by_side(knobs):
    knobs(sandbox_block_seconds=0)
    async with playing() as one, playing() as other:
        await one.deposit(ADDRESS, "5")
        await one.tell("script", system="tron", operation="*", outcome="error")
        assert (await other.balance(ADDRESS), len((await other.ask("scripts"))["scripts"])) == (0, 0)
        assert len((await one.ask("calls"))["calls"]) == 0
        assert (await one.client.get("/healthz")).json() == {"status": "ok"}


def test_it_is_not_made_in_production(knobs):
    knobs(env="production", database_url="postgres://x", redis_url="redis://x", token_secret="x" * 32)
    with pytest.raises(RuntimeError, match="in development only"):
        app()
