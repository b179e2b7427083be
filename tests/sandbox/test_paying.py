"""What the wallet system and the bank that pays do alike: an order is executed once, whatever becomes of its answer."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from sandbox import paying
from tests.sandbox.paying import DEPOSIT, ORDER, counts, effects, found, headers, listed, posted, sent

pytestmark = pytest.mark.parametrize("kind", [DEPOSIT, ORDER], ids=["wallets", "transfers"])


async def test_an_order_is_executed_and_found(box, kind):
    made = await sent(box, kind, "payout_a.b:1")
    reference = made.pop("reference")
    assert made == {"id": "payout_a.b:1", "amount": "12.34", "currency": "EUR", "status": kind.done}
    assert await found(box, kind, "payout_a.b%3A1") == made | {"reference": reference}
    (call,) = (await box.ask("calls", system=kind.system, operation=kind.operation))["calls"]
    assert (call["idempotencyKey"], call["effect"]) == ("payout_a.b:1", True)


async def test_the_same_again_is_executed_no_more_and_answered_alike(box, kind):
    made = await sent(box, kind, "payout_1")
    assert [await sent(box, kind, "payout_1", 200) for _ in range(2)] == [made, made]
    assert (await counts(box, kind), await effects(box, kind)) == ({"payout_1": (3, 1)}, 1)


async def test_twenty_at_once_are_one(box, kind):
    answers = await asyncio.gather(*(posted(box, kind, "payout_1") for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert len({answer.json()["reference"] for answer in answers}) == 1
    assert (await counts(box, kind), await effects(box, kind)) == ({"payout_1": (20, 1)}, 1)


async def test_another_order_of_the_same_id_is_a_conflict(box, kind):
    made = await sent(box, kind, "payout_1")
    elsewhere = (
        {"walletId": "wallet-2"} if kind is DEPOSIT else {"beneficiary": {**kind.rest["beneficiary"], "iban": "DE2"}}
    )
    for changes in ({"amount": "12.35"}, {"currency": "USD"}, elsewhere):
        assert (await sent(box, kind, "payout_1", 409, **changes))["error"]["code"] == "conflict"
    assert await found(box, kind, "payout_1") == made
    assert await counts(box, kind) == {"payout_1": (1, 1)}


async def test_what_never_came_is_not_found(box, kind):
    assert (await found(box, kind, "payout_1", 404))["error"]["code"] == "not_found"


async def test_the_list_has_all_that_was_ordered(box, kind):
    await sent(box, kind, "payout_1")
    (one,) = await listed(box, kind)
    ordered = {kind.id: "payout_1", "amount": "12.34", "currency": "EUR", **kind.rest}
    assert ordered.items() <= one.items()
    assert (one["key"], one["asked"], one["executed"], one["status"]) == ("payout_1", 1, 1, kind.done)


async def test_strangers_and_nonsense_are_turned_away_without_a_word_about_the_order(box, kind):
    good = {kind.id: "payout_1", "amount": "1", "currency": "EUR", **kind.rest}

    async def said(body, given):
        answer = await box.client.post(kind.path, json=body, headers=given)
        return answer.status_code, answer.json()["error"]["code"]

    ours = headers(kind, "payout_1")
    assert await said(good, {**ours, "Authorization": "Bearer x"}) == (401, "unauthorized")
    assert await said(good, headers(kind)) == (400, "invalid_key")
    assert await said(good, headers(kind, "payout_2")) == (400, "invalid_key")
    for wrong in ({"amount": 1}, {"amount": "much"}, {"colour": "red"}, {kind.id: ""}):
        assert await said(good | wrong, ours) == (400, "invalid_request")
    assert await said([], ours) == (400, "invalid_request")
    answer = await box.client.get(f"{kind.path}/payout_1")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
    assert await listed(box, kind) == []
    box.world.systems[kind.system].token = ""
    assert (await box.client.post(kind.path, json=good, headers={"Idempotency-Key": "payout_1"})).status_code == 201


@pytest.mark.parametrize("amount", ["0", "0.00", "-5", "0.001", "9999999999999999"])
async def test_what_cannot_be_paid_is_refused_and_not_kept(box, kind, amount):
    assert (await sent(box, kind, "payout_1", 422, amount=amount))["error"]["code"] == "amount_not_allowed"
    assert await listed(box, kind) == []
    await sent(box, kind, "payout_1")


# --- held, and settled by hand


async def test_what_is_held_waits_until_it_is_settled(box, kind):
    assert await box.tell(kind.list, hold=True) == {"hold": True}
    for id in ("1", "2", "3"):
        assert (await sent(box, kind, id))["status"] == kind.waiting
        assert (await found(box, kind, id))["status"] == kind.waiting
    assert await counts(box, kind) == dict.fromkeys(("1", "2", "3"), (1, 0))
    settle = f"{kind.system}/settle"
    told = await box.tell(settle, ids=["2", "2"], outcome=kind.refused, code="wallet_blocked")
    assert told == {"settled": ["2"]}
    assert await box.tell(settle, all=True, outcome=kind.done) == {"settled": ["1", "3"]}
    assert await box.tell(settle, all=True, outcome=kind.refused) == {"settled": []}
    assert await counts(box, kind) == {"1": (1, 1), "2": (1, 0), "3": (1, 1)}
    refused = await found(box, kind, "2")
    assert (refused["status"], refused[kind.why]) == (kind.refused, {"code": "wallet_blocked"})
    assert await sent(box, kind, "2", 200) == refused
    assert (await box.tell(settle, 400, ids=["1"], outcome=kind.refused))["field"] == "ids"
    await box.tell(kind.list, hold=False)
    assert (await sent(box, kind, "4"))["status"] == kind.done


async def test_a_refusal_by_hand_has_a_code_of_its_own(box, kind):
    await box.tell(kind.list, hold=True)
    await sent(box, kind, "1")
    await box.tell(f"{kind.system}/settle", ids=["1"], outcome=kind.refused)
    assert (await found(box, kind, "1"))[kind.why] == {"code": "refused_by_hand"}


async def test_a_reset_forgets_all(box, kind):
    await box.tell(kind.list, hold=True)
    await sent(box, kind, "payout_1")
    await box.tell("reset", system=kind.system)
    assert (await listed(box, kind), (await box.ask("calls"))["calls"]) == ([], [])
    await found(box, kind, "payout_1", 404)
    assert (await sent(box, kind, "payout_1"))["status"] == kind.done
    other = ORDER if kind is DEPOSIT else DEPOSIT
    await box.tell("reset", system=other.system)
    assert len(await listed(box, kind)) == 1


async def test_its_memory_is_bounded(box, kind, monkeypatch):
    monkeypatch.setattr(paying, "KEPT", 3)
    for id in ("1", "2", "3", "4"):
        await sent(box, kind, id)
    assert list(await counts(box, kind)) == ["2", "3", "4"]


# --- misbehaviour


async def script(box, kind, outcome, operation=None, **more):
    await box.tell("script", system=kind.system, operation=operation or kind.operation, outcome=outcome, **more)


@pytest.mark.parametrize(("outcome", "status"), [("refuse", 422), ("error", 500), ("rate_limit", 429)])
async def test_what_is_answered_instead_has_no_effect(box, kind, outcome, status):
    await script(box, kind, outcome)
    answer = await posted(box, kind, "payout_1")
    assert answer.status_code == status
    assert outcome != "refuse" or answer.json()["error"]["code"] == "refused_by_script"
    assert await listed(box, kind) == []
    await script(box, kind, outcome, "find")
    assert (await box.client.get(f"{kind.path}/payout_1", headers=headers(kind))).status_code == status


@pytest.mark.parametrize(("outcome", "executed"), [("timeout", 0), ("lost_answer", 1)])
async def test_no_answer_before_or_after_it_was_taken(box, kind, outcome, executed):
    await script(box, kind, outcome, seconds=0.05)
    with pytest.raises(httpx.RemoteProtocolError):
        await posted(box, kind, "payout_1")
    assert len(await listed(box, kind)) == executed
    assert (await sent(box, kind, "payout_1", 200 if executed else 201))["status"] == kind.done
    assert (await counts(box, kind), await effects(box, kind)) == ({"payout_1": (1 + executed, 1)}, 1)


async def test_a_lost_answer_to_what_is_held_is_found_pending(box, kind):
    await box.tell(kind.list, hold=True)
    await script(box, kind, "lost_answer")
    with pytest.raises(httpx.RemoteProtocolError):
        await posted(box, kind, "payout_1")
    assert (await found(box, kind, "payout_1"))["status"] == kind.waiting


@pytest.mark.parametrize("shape", ["html", "truncated", "shape"])
async def test_a_malformed_answer_has_its_effect(box, kind, shape):
    await script(box, kind, "malformed", **{"as": shape})
    assert (await posted(box, kind, "payout_1")).status_code == 200
    assert await counts(box, kind) == {"payout_1": (1, 1)}


async def test_a_slow_answer_has_its_effect_first(box, kind):
    await script(box, kind, "slow", seconds=0.3)
    answer = asyncio.create_task(posted(box, kind, "payout_1"))
    while not await listed(box, kind):
        await asyncio.sleep(0.01)
    assert not answer.done()
    assert (await answer).status_code == 201
