"""The two providers of the sandbox: their moods, their magic values, what is decided by hand, what they push; our client."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time

import orjson
import pytest

from gateways.disputing import (
    Accepted,
    AlreadyExists,
    Declined,
    DisputeOrder,
    PaymentChecked,
    RetryLater,
    StillPending,
    Transaction,
    Unexpected,
    Upheld,
)
from gateways.providers import HttpProviders, connection
from gateways.receipts import Unsure
from models.kernel.money import Money
from settings.outside import DEVELOPMENT_SECRETS
from tests.sandbox.disputing import checked, known_by, opened, paid, posted
from tests.sandbox.test_bank import ear

__all__ = ["ear"]
RUB = Money(10_000, "RUB")


def of(trx: str) -> Transaction:
    return Transaction("inv", "pay", trx, {"api_key": "x"})


def order(trx: str = "trx-1", id: str = "d-1") -> DisputeOrder:
    return DisputeOrder(id, of(trx), RUB, None, ())


@pytest.fixture
async def providers(knobs):
    knobs(provider_timeout_seconds=1)
    async with connection() as outside:
        yield HttpProviders(outside)


@pytest.fixture
def quick(box):
    return f"{box.url}/quickpay/disputes"


async def listed(box, provider="quickpay"):
    return (await box.ask(f"{provider}/disputes"))["disputes"]


async def counts(box, provider="quickpay"):
    return {one["disputeId"]: (one["asked"], one["opened"], one["checked"]) for one in await listed(box, provider)}


# --- opened once


async def test_a_dispute_is_opened_once_for_its_id(box):
    first = await opened(box, "quickpay", "d-1")
    assert first["disputeId"] == "d-1"
    assert [await opened(box, "quickpay", "d-1") for _ in range(2)] == [first] * 2
    assert await counts(box) == {"d-1": (3, 1, 0)}
    calls = (await box.ask("calls", system="quickpay", operation="open"))["calls"]
    assert [call["effect"] for call in calls] == [True, False, False]
    assert {call["idempotencyKey"] for call in calls} == {"d-1"}
    assert await listed(box, "moodypay") == []


async def test_twenty_at_once_are_one(box):
    answers = await asyncio.gather(*(opened(box, "quickpay", "d-1") for _ in range(20)))
    assert len({answer["providerDisputeId"] for answer in answers}) == 1
    assert await counts(box) == {"d-1": (20, 1, 0)}


async def test_strangers_and_nonsense_are_turned_away(box):
    for path in ("disputes", "disputes/status", "provider-payments"):
        answer = await box.client.post(f"/quickpay/{path}", json={})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
        answer = await posted(box, f"/quickpay/{path}", {"colour": "red"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")
        assert (await box.client.get(f"/nodoorpay/{path}", headers=known_by("providers"))).status_code == 404
    assert await listed(box) == []


# --- magic values, as our client sees them


@pytest.mark.parametrize(
    ("trx", "said"),
    [
        ("trx-declined", Declined("no_transfer", "no such transfer came in")),
        ("trx-unplaced", Declined("disputes_unknown_mapping", "Answer 17: ask by phone")),
        ("trx-exists", AlreadyExists()),
        ("trx-later", RetryLater()),
    ],
)
async def test_what_is_not_opened(box, providers, quick, trx, said):
    assert [await providers.open(quick, order(trx)) for _ in range(3)] == [said] * 3
    assert await listed(box) == []


async def test_what_goes_wrong_inside_is_told_in_its_own_words(box, providers, quick):
    with pytest.raises(Unexpected) as caught:
        await providers.open(quick, order("trx-unexpected"))
    assert all(word in caught.value.reason for word in ("code = ", "description = base64:"))


@pytest.mark.parametrize(
    ("trx", "decided", "looked"),
    [
        ("trx-1", Upheld(None, "the money came in"), PaymentChecked(True)),
        ("trx-changed", Upheld(Money(8_000, "RUB"), "the money came in"), PaymentChecked(True, Money(8_000, "RUB"))),
        ("trx-contradicts", Upheld(None, "the money came in"), PaymentChecked(False)),
        ("trx-refused", Declined("payment_not_found", "no such payment came in"), PaymentChecked(False)),
        ("trx-undecided", StillPending(), PaymentChecked(False)),
        ("trx-paid", Upheld(None, "the money came in"), PaymentChecked(True)),
    ],
)
async def test_how_it_is_decided(box, providers, quick, trx, decided, looked):
    payments = f"{box.url}/quickpay/provider-payments"
    assert await providers.check_payment(payments, of(trx), "RUB") == PaymentChecked("paid" in trx)
    taken = await providers.open(quick, order(trx))
    assert isinstance(taken, Accepted)
    assert await providers.check_dispute(quick, taken.provider_dispute, of(trx), "RUB") == decided
    assert await providers.check_payment(payments, of(trx), "RUB") == looked


async def test_a_dispute_of_nobodys_is_no_answer(providers, quick):
    with pytest.raises(Unsure, match="status 404"):
        await providers.check_dispute(quick, "quickpay-none", of("trx-1"), "RUB")


async def test_only_a_provider_without_a_door_lacks_one(box, providers):
    asked = {
        name: await providers.missing(f"{box.url}/{name}/disputes") for name in ("quickpay", "moodypay", "nodoorpay")
    }
    assert asked == {"quickpay": False, "moodypay": False, "nodoorpay": True}
    with pytest.raises(Unsure, match="status 404"):
        await providers.open(f"{box.url}/nodoorpay/disputes", order())


# --- moods


async def test_the_moody_one_is_slow_wants_it_twice_and_waits_twice(box):
    began = time.monotonic()
    assert (await opened(box, "moodypay", "d-1"))["result"] == "retry_later"
    assert time.monotonic() - began >= 0.3
    id = (await opened(box, "moodypay", "d-1"))["providerDisputeId"]
    assert [(await checked(box, "moodypay", id))["result"] for _ in range(4)] == [
        "pending",
        "pending",
        "success",
        "success",
    ]
    assert await counts(box, "moodypay") == {"d-1": (1, 1, 4)}


async def test_a_mood_is_changed_and_comes_back(box):
    mood = {"latencySeconds": 0, "retryLaterTimes": 0, "pendingTimes": 1}
    assert await box.tell("moodypay/moods", **mood) == {**mood, "latencySeconds": 0.0}
    began = time.monotonic()
    id = (await opened(box, "moodypay", "d-1"))["providerDisputeId"]
    assert [(await checked(box, "moodypay", id))["result"] for _ in range(2)] == ["pending", "success"]
    assert time.monotonic() - began < 0.3
    await box.tell("reset", system="moodypay")
    assert (await box.tell("moodypay/moods"))["retryLaterTimes"] == 1
    assert await listed(box, "moodypay") == []


# --- by hand


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"outcome": "success"}, {"result": "success"}),
        (
            {"outcome": "success", "changedAmount": 5, "message": "m"},
            {"result": "success", "changedAmount": 5, "currency": "RUB", "message": "m"},
        ),
        ({"outcome": "fail"}, {"result": "fail", "code": "refused_by_hand"}),
        ({"outcome": "fail", "code": "c", "reason": "r"}, {"result": "fail", "code": "c", "reason": "r"}),
        ({"outcome": "pending"}, {"result": "pending"}),
    ],
)  # fmt: skip
async def test_a_dispute_is_decided_by_hand(box, given, told):
    id = (await opened(box, "quickpay", "d-1"))["providerDisputeId"]
    shown = await box.tell("quickpay/disputes", disputeId="d-1", **given)
    assert (shown["outcome"], shown["providerDisputeId"]) == (given["outcome"], id)
    assert [await checked(box, "quickpay", id) for _ in range(2)] == [{**told, "providerDisputeId": id}] * 2


async def test_who_changes_his_mind_is_decided_again(box):
    id = (await opened(box, "quickpay", "d-1"))["providerDisputeId"]
    assert (await checked(box, "quickpay", id))["result"] == "success"
    await box.tell("quickpay/disputes", providerDisputeId=id, outcome="fail")
    assert (await checked(box, "quickpay", id))["result"] == "fail"
    assert (await box.tell("quickpay/disputes", 400, disputeId="x", outcome="fail"))["field"] == "disputeId"


async def test_what_is_said_of_a_payment_goes_before_all_else(box):
    assert await paid(box, "quickpay") == {"success": False}
    await box.tell("quickpay/payments", providerTrxId="trx-1", success=True, changedAmount=8_000)
    assert await paid(box, "quickpay") == {"success": True, "changedAmount": 8_000, "currency": "RUB"}
    await opened(box, "quickpay", "d-1")
    await box.tell("quickpay/disputes", disputeId="d-1", outcome="success", payment=False)
    assert await paid(box, "quickpay") == {"success": False}
    assert await paid(box, "moodypay") == {"success": False}


# --- misbehaviour, and our client


@pytest.mark.parametrize("outcome", ["error", "rate_limit", "timeout", "lost_answer", "slow", "malformed"])
async def test_whatever_happens_a_dispute_is_opened_once(box, providers, quick, outcome):
    await box.tell("script", system="quickpay", operation="open", outcome=outcome)
    with pytest.raises(Unsure):
        await providers.open(quick, order())
    assert isinstance(await providers.open(quick, order()), Accepted)
    assert [one[1] for one in (await counts(box)).values()] == [1]


async def test_a_scripted_no(box, providers, quick):
    for operation in ("open", "check_payment", "check_dispute"):
        await box.tell("script", system="quickpay", operation=operation, outcome="refuse")
    assert await providers.open(quick, order()) == Declined("refused_by_script")
    assert await providers.check_payment(
        f"{box.url}/quickpay/provider-payments", of("trx-paid"), "RUB"
    ) == PaymentChecked(False)
    with pytest.raises(Unsure, match="malformed: providerDisputeId"):
        await providers.check_dispute(quick, "theirs", of("trx-1"), "RUB")


# --- what they push


def valid(headers, body):
    at, mac = (part.split("=", 1)[1] for part in headers["providers-signature"].split(","))
    secret = DEVELOPMENT_SECRETS["providers_secret"].encode()
    assert abs(time.time() - int(at)) < 5
    return mac == hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()


async def test_a_payment_that_succeeded_is_told_and_signed(box, ear):
    ear.answers = [200, 503]
    given = {"invoiceId": "inv", "paymentId": "pay", "url": ear.url}
    told = await box.tell("quickpay/tell", **given, id="told-1", times=2)
    assert told == {"id": "told-1", "outcomes": [200, 503]}
    (headers, body), again = ear.heard
    assert valid(headers, body)
    assert again[1] == body
    assert orjson.loads(body) == {"id": "told-1", "type": "payment.succeeded", "invoiceId": "inv", "paymentId": "pay"}
    first, second = [(await box.tell("moodypay/tell", **given))["id"] for _ in range(2)]
    assert first != second


async def test_signatures_that_are_forged_or_missing_and_nobody_there(box, ear):
    given = {"invoiceId": "inv", "paymentId": "pay"}
    await box.tell("quickpay/tell", **given, url=ear.url, signature="forged")
    await box.tell("quickpay/tell", **given, url=ear.url, signature="missing")
    forged, missing = ear.heard
    assert not valid(*forged)
    assert "providers-signature" not in missing[0]
    told = await box.tell("quickpay/tell", **given, url="http://127.0.0.1:1/")
    assert told["outcomes"] == ["ClientConnectorError"]
