"""What the adapters of providers and the support desk are asked, what each of their answers means, and what adapters push."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gateways import providers as system
from gateways import support as desk
from gateways.disputing import (
    Accepted,
    AlreadyExists,
    Declined,
    DisputeOrder,
    Evidence,
    PaymentChecked,
    RetryLater,
    StillPending,
    Transaction,
    Unexpected,
    Upheld,
)
from gateways.outside import Outside
from gateways.providers import HttpProviders, verify
from gateways.receipts import Forged, Refused, Unsure
from gateways.signing import signed
from gateways.support import HttpSupport
from gateways.webhooks import Message, Unreadable
from models.kernel.money import Money
from settings.outside import DEVELOPMENT_SECRETS
from tests.gateways import payers
from tests.gateways.babbling import Babbling
from tests.gateways.payers import no, unsure
from tests.gateways.served import ok, raw, serving

TOKEN, HUSH = "token-of-the-house", "option-that-is-secret"
TRX = Transaction("inv", "pay", "trx-1", {"api_key": HUSH}, {"rrn": "123"})
TOLD = {
    "invoiceId": "inv", "paymentId": "pay", "providerTrxId": "trx-1", "options": {"api_key": HUSH}, "trxInfo": {"rrn": "123"},
}  # fmt: skip
ORDER = DisputeOrder(
    "d-1", TRX, Money(10_000, "RUB"), "he paid", [Evidence("https://files.example/1", "image/png")], "anna@example.org", "high"
)  # fmt: skip
WORDED = {
    "disputeId": "d-1", "transaction": TOLD, "amount": 10_000, "currency": "RUB", "reason": "he paid",
    "attachments": [{"url": "https://files.example/1", "mimeType": "image/png"}], "payerEmail": "anna@example.org",
    "riskScore": "high",
}  # fmt: skip


@pytest.fixture
async def providers(knobs) -> AsyncIterator[HttpProviders]:
    knobs(providers_token=TOKEN, provider_timeout_seconds=1)
    async with system.connection() as outside:
        yield HttpProviders(outside)


@pytest.fixture
async def support(server, knobs) -> AsyncIterator[HttpSupport]:
    knobs(support_url=server.url, support_token=TOKEN, outside_timeout_seconds=1)
    async with desk.connection() as outside:
        yield HttpSupport(outside)


async def outcome(asked: Any) -> Any:
    try:
        return await asked
    except Unexpected as said:
        return "unexpected", said.reason
    except Unsure as said:
        return unsure(said.reason)


def unexpected(message: Any) -> bytes:
    return ok({"error": {"code": "unexpected", "message": message}}, 500)


NO_ANSWERS = [
    (ok([]), unsure("malformed: no object")),
    (ok(None), unsure("malformed: no object")),
    (ok({}), unsure("malformed: ")),
    (raw(200, b"<html>fine</html>"), unsure("not JSON")),
    (raw(204, b""), unsure("not JSON")),
    (raw(302, b"", "Location: http://elsewhere/"), unsure("status 302")),
    (no(401, "unauthorized"), unsure("status 401")),
    (raw(404, b"Not Found"), unsure("status 404")),
    (no(429, "slow_down"), unsure("status 429")),
    (raw(500, b"Internal Server Error"), unsure("status 500")),
    (no(500, "other"), unsure("status 500")),
    (ok({"error": "unexpected"}, 500), unsure("status 500")),
    (no(502, "unexpected"), unsure("status 502")),
    (no(503, "unexpected"), unsure("status 503")),
    (unexpected("code = 1, description = x"), ("unexpected", "code = 1, description = x")),
    (unexpected("a\0b" + "x" * 2_000), ("unexpected", ("ab" + "x" * 2_000)[:1_000])),
    (unexpected(None), ("unexpected", "")),
    (unexpected(["x"]), ("unexpected", "")),
]
"""What no question is answered with."""


def is_no_answer(found: Any, meant: Any) -> bool:
    return found == meant or (meant == unsure("malformed: ") and found[1].startswith(meant[1]))


# --- a dispute is opened


async def test_a_dispute_is_opened_under_its_id_at_the_adapters_address(providers, server):
    server.answer = lambda _: ok({"result": "success", "providerDisputeId": "theirs-1"})
    assert await providers.open(f"{server.url}/disputes", ORDER) == Accepted("theirs-1")
    [call] = server.calls
    assert (call.method, call.target, call.json) == ("POST", "/base/disputes", WORDED)
    assert call.headers["idempotency-key"] == "d-1"
    assert call.headers["authorization"] == f"Bearer {TOKEN}"


async def test_what_is_not_known_is_not_told(providers, server):
    server.answer = lambda _: ok({"result": "already_exists"})
    await providers.open(server.url, replace(ORDER, reason=None, payer_email=None, risk_score=None, evidence=()))
    rest = {name: value for name, value in WORDED.items() if name not in {"reason", "payerEmail", "riskScore"}}
    assert server.calls[0].json == rest | {"attachments": []}


OPENED = [
    (ok({"result": "success", "disputeId": "d-1", "providerDisputeId": "theirs-1"}), Accepted("theirs-1")),
    (ok({"result": "success", "providerDisputeId": "theirs-1"}, 201), Accepted("theirs-1")),
    (ok({"result": "success", "disputeId": "d-2", "providerDisputeId": "theirs-1"}), unsure("malformed: disputeId")),
    (ok({"result": "success"}), unsure("malformed: providerDisputeId")),
    (ok({"result": "success", "providerDisputeId": " "}), unsure("malformed: providerDisputeId")),
    (ok({"result": "success", "providerDisputeId": 17}), unsure("malformed: providerDisputeId")),
    (ok({"result": "success", "providerDisputeId": "t" * 201}), unsure("malformed: providerDisputeId")),
    (ok({"result": "success", "providerDisputeId": "t\0"}), unsure("malformed: providerDisputeId")),
    (ok({"result": "fail", "code": "no_transfer"}), Declined("no_transfer")),
    (ok({"result": "fail", "code": "no_transfer", "reason": "none came"}), Declined("no_transfer", "none came")),
    (ok({"result": "fail", "code": "x", "reason": "r" * 4_000}), Declined("x", "r" * 1_000)),
    (ok({"result": "fail"}), unsure("malformed: code")),
    (ok({"result": "fail", "code": ""}), unsure("malformed: code")),
    (ok({"result": "fail", "code": "x", "reason": "a\0"}), unsure("malformed: reason")),
    (ok({"result": "fail", "code": "x", "disputeId": "d-2"}), unsure("malformed: disputeId")),
    (ok({"result": "already_exists"}), AlreadyExists()),
    (ok({"result": "retry_later"}), RetryLater()),
    (ok({"result": "SUCCESS", "providerDisputeId": "theirs-1"}), unsure("malformed: result")),
    (ok({"result": "pending"}), unsure("malformed: result")),
]


@pytest.mark.parametrize(
    ("said", "meant"), [*OPENED, *NO_ANSWERS, (None, unsure("connection: ServerDisconnectedError"))]
)
async def test_what_an_answer_to_a_dispute_means(providers, server, said, meant):
    server.answer = lambda _: said
    assert is_no_answer(await outcome(providers.open(server.url, ORDER)), meant)
    assert len(server.calls) == 1  # never again by itself


# --- and looked at


def check(providers, server):
    return providers.check_dispute(f"{server.url}/disputes", "theirs-1", TRX, "RUB")


async def test_a_dispute_is_asked_for_by_the_providers_own_id(providers, server):
    server.answer = lambda _: ok({"result": "pending", "providerDisputeId": "theirs-1"})
    assert await check(providers, server) == StillPending()
    [call] = server.calls
    told = {"providerDisputeId": "theirs-1", "transaction": TOLD, "currency": "RUB"}
    assert (call.method, call.target, call.json) == ("POST", "/base/disputes/status", told)
    assert "idempotency-key" not in call.headers


def decided(result: str, **more: Any) -> bytes:
    return ok({"providerDisputeId": "theirs-1", "result": result, **more})


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        *NO_ANSWERS,
        (decided("success"), Upheld()),
        (decided("success", message="it came in"), Upheld(None, "it came in")),
        (decided("success", changedAmount=8_000, currency="RUB"), Upheld(Money(8_000, "RUB"))),
        (decided("success", changedAmount=8_000), Upheld(Money(8_000, "RUB"))),
        (decided("success", changedAmount=8_000, currency="EUR"), unsure("malformed: changedAmount")),
        (decided("success", changedAmount=0), unsure("malformed: changedAmount")),
        (decided("success", changedAmount=-5), unsure("malformed: changedAmount")),
        (decided("success", changedAmount="8000"), unsure("malformed: changedAmount")),
        (decided("success", changedAmount=10**15 + 1), unsure("malformed: changedAmount")),
        (decided("success", message="a\0"), unsure("malformed: message")),
        (decided("fail", code="no_transfer", reason="none"), Declined("no_transfer", "none")),
        (decided("fail"), unsure("malformed: code")),
        (decided("retry_later"), unsure("malformed: result")),
        (ok({"result": "success"}), unsure("malformed: providerDisputeId")),
        (ok({"result": "success", "providerDisputeId": "theirs-2"}), unsure("malformed: providerDisputeId")),
    ],
)
async def test_what_an_answer_about_a_dispute_means(providers, server, said, meant):
    server.answer = lambda _: said
    assert is_no_answer(await outcome(check(providers, server)), meant)


async def test_a_payment_is_looked_at(providers, server):
    server.answer = lambda _: ok({"success": True, "changedAmount": 8_000, "currency": "RUB"})
    found = await providers.check_payment(f"{server.url}/provider-payments", TRX, "RUB")
    assert found == PaymentChecked(True, Money(8_000, "RUB"))
    [call] = server.calls
    assert (call.target, call.json) == ("/base/provider-payments", {"transaction": TOLD, "currency": "RUB"})


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        *NO_ANSWERS,
        (ok({"success": False}), PaymentChecked(False)),
        (ok({"success": True, "providerTrxId": "trx-1"}), PaymentChecked(True)),
        (ok({"success": True, "providerTrxId": "trx-2"}), unsure("malformed: providerTrxId")),
        (ok({"success": "true"}), unsure("malformed: success")),
        (ok({"success": 1}), unsure("malformed: success")),
        (ok({"success": None}), unsure("malformed: success")),
        (ok({"success": True, "changedAmount": 8_000, "currency": "USD"}), unsure("malformed: changedAmount")),
    ],
)
async def test_what_an_answer_about_a_payment_means(providers, server, said, meant):
    server.answer = lambda _: said
    assert is_no_answer(await outcome(providers.check_payment(server.url, TRX, "RUB")), meant)


async def test_only_questions_are_asked_again(providers, server):
    server.answer = lambda _: None if len(server.calls) == 1 else ok({"success": True})
    assert await outcome(providers.check_payment(server.url, TRX, "RUB")) == PaymentChecked(True)
    assert len(server.calls) == 2


# --- which door there is, and where


@pytest.mark.parametrize(
    ("status", "body", "gone"),
    [
        (404, b"", True),
        (404, b"<html>", True),
        (405, b"", False),
        (200, b"<html>", False),
        (302, b"", False),
        (500, b"", False),
    ],
)
async def test_only_404_says_that_there_is_no_door(providers, server, status, body, gone):
    server.answer = lambda _: raw(status, body, "Location: http://elsewhere/")
    assert await providers.missing(f"{server.url}/disputes") is gone
    assert [(call.method, call.target) for call in server.calls] == [("GET", "/base/disputes")]


async def test_who_does_not_answer_is_not_said_to_have_no_door(providers, server):
    server.answer = lambda _: None
    assert await outcome(providers.missing(server.url)) == unsure("connection: ServerDisconnectedError")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "adapter.example",
        "ftp://adapter.example",
        "//adapter.example",
        "http://",
        "http:// x/",
        "http://[::1",
        "http://a:x/",
    ],
)
async def test_an_address_that_is_none_leads_nowhere(providers, url):
    for asked in (providers.open(url, ORDER), providers.check_payment(url, TRX, "RUB"), providers.missing(url)):
        kind, reason = await outcome(asked)
        assert kind == "Unsure"
        assert not url or url not in reason


async def test_outside_development_adapters_are_asked_over_https_alone(providers, server, knobs):
    knobs(
        env="production",
        database_url="postgres://x",
        redis_url="redis://x",
        token_secret="t" * 32,
        providers_token="p-token",
    )
    knobs(tron_url="")
    for asked in (
        providers.open(server.url, ORDER),
        check(providers, server),
        providers.check_payment(server.url, TRX, "RUB"),
        providers.missing(server.url),
    ):
        assert await outcome(asked) == unsure("its address is none that is asked")
    assert server.calls == []


async def test_each_call_has_the_time_of_providers(server, knobs):
    knobs(provider_timeout_seconds=0.2, outside_timeout_seconds=5)
    server.answer = lambda _: 5
    async with system.connection() as outside:
        assert await outcome(HttpProviders(outside).open(server.url, ORDER)) == unsure("timeout")


async def test_a_slow_adapter_leaves_connections_to_the_others(server, knobs):
    """Of eight connections two are an adapter's at most: those that wait for it do so among themselves."""
    knobs(outside_connections_max=8, provider_timeout_seconds=1)
    async with serving() as slow, system.connection() as outside:
        slow.answer = lambda _: 5
        server.answer = lambda _: ok({"success": True})
        asked = HttpProviders(outside)
        waiting = [asyncio.create_task(outcome(asked.check_payment(slow.url, TRX, "RUB"))) for _ in range(20)]
        while len(slow.calls) < 2:
            await asyncio.sleep(0.01)
        assert await asked.check_payment(server.url, TRX, "RUB") == PaymentChecked(True)
        assert await asyncio.gather(*waiting) == [unsure("timeout")] * 20
        assert len(slow.calls) <= 4  # never more than two at once


async def test_nothing_is_told_of_tokens_options_and_payers(providers, server):
    assert HUSH not in repr(ORDER)
    assert "anna" not in repr(ORDER)
    for said in (ok({}), raw(404, TOKEN.encode()), unexpected("anna@example.org paid"), None):
        server.answer = lambda _, said=said: said
        with capture_logs() as lines, pytest.raises(Unsure) as caught:
            await providers.open(f"{server.url}/hidden-path", ORDER)
        told = "".join(traceback.format_exception(caught.value.with_traceback(None))) + repr(lines)
        assert not [secret for secret in (TOKEN, HUSH, "hidden-path") if secret in told]
        assert "anna" not in repr(lines)


# --- the desk


async def test_the_desk_is_told_without_the_providers_secrets(support, server):
    server.answer = lambda _: ok({"result": "success", "providerDisputeId": "desk-1"})
    assert await support.open(ORDER) == Accepted("desk-1")
    [call] = server.calls
    assert (call.method, call.target) == ("POST", "/base/disputes")
    assert call.json == WORDED | {"transaction": TOLD | {"options": {}}}
    assert (call.headers["idempotency-key"], call.headers["authorization"]) == ("d-1", f"Bearer {TOKEN}")


@pytest.mark.parametrize(("said", "meant"), [*OPENED, *NO_ANSWERS])
async def test_what_an_answer_of_the_desk_means(support, server, said, meant):
    server.answer = lambda _: said
    assert is_no_answer(await outcome(support.open(ORDER)), meant)


async def test_the_desk_is_told_how_a_dispute_stands(support, server):
    assert await support.tell("d-1:3", {"disputeId": "d-1", "status": "manual_pending"}) is None
    [call] = server.calls
    assert (call.target, call.json) == ("/base/messages", {"disputeId": "d-1", "status": "manual_pending"})
    assert call.headers["idempotency-key"] == "d-1:3"
    for said, reason in (
        (ok({}, 500), "status 500"),
        (ok({}, 422), "status 422"),
        (None, "connection: ServerDisconnectedError"),
    ):
        server.answer = lambda _, said=said: said
        assert await outcome(support.tell("d-1:4", {})) == unsure(reason)


# --- whatever comes


class Unreliable:
    def __init__(self) -> None:
        self.outside, self.body = Outside("providers", ""), b""
        self.outside._client = self.client = Babbling(lambda _path: self.body)


UNRELIABLE = Unreliable()
GOOD = {"result": "success", "providerDisputeId": "theirs-1", "disputeId": "d-1", "success": True}
names = st.sampled_from([*GOOD, "changedAmount", "currency", "message", "reason", "code", "error"])


@given(st.dictionaries(names, payers.json, max_size=4) | payers.json, st.sampled_from([200, 404, 500]))
async def test_whatever_they_answer_the_call_ends_well(value, status):
    UNRELIABLE.client.status, asked = status, HttpProviders(UNRELIABLE.outside)
    for said in (value, GOOD | value if isinstance(value, dict) else value):
        UNRELIABLE.body = orjson.dumps(said)
        for call, kinds in (
            (asked.open("http://x", ORDER), (Accepted, Declined, AlreadyExists, RetryLater)),
            (asked.check_dispute("http://x", "theirs-1", TRX, "RUB"), (StillPending, Upheld, Declined)),
            (asked.check_payment("http://x", TRX, "RUB"), PaymentChecked),
            (asked.missing("http://x"), bool),
        ):
            with contextlib.suppress(Refused, Unsure):
                assert isinstance(await call, kinds)


# --- what they push

SECRET = DEVELOPMENT_SECRETS["providers_secret"]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
AT = int(NOW.timestamp())
PUSHED = {"id": "told-1", "type": "payment.succeeded", "invoiceId": "inv", "paymentId": "pay"}


def pushed(*, secret: str = SECRET, at: int = AT, header: str = "Providers-Signature", **changes: Any) -> Message:
    body = orjson.dumps({**PUSHED, **changes})
    return verify({header: signed(secret, at, body)}, body, NOW)


def test_a_push_tells_of_a_payment():
    kept = {"invoiceId": "inv", "paymentId": "pay"}
    assert pushed(more="x") == Message("providers", "told-1", "payment.succeeded", kept)
    assert pushed(invoiceId="i" * 40).payload["invoiceId"] == "i" * 40


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"secret": "another secret of thirty-two bytes"}, "wrong signature"),
        ({"secret": DEVELOPMENT_SECRETS["bank_secret"]}, "wrong signature"),
        ({"at": AT - 301}, "too old"),
        ({"at": AT + 301}, "too old"),
        ({"header": "Bank-Signature"}, "no signature"),
    ],
)
def test_what_is_not_signed_by_a_provider_now_is_forged(given, reason):
    with pytest.raises(Forged, match=reason):
        pushed(**given)


def test_without_a_secret_all_is_forged(knobs):
    knobs(providers_secret="")
    with pytest.raises(Forged, match="no secret is set"):
        pushed(secret="")


def test_its_age_is_a_setting(knobs):
    knobs(providers_age_max_seconds=10)
    with pytest.raises(Forged, match="too old"):
        pushed(at=AT - 11)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": ""}, "id"),
        ({"id": 7}, "id"),
        ({"type": "payment.failed"}, "type"),
        *[({name: value}, name) for name in ("invoiceId", "paymentId") for value in (None, "", " ", 7, "a\0", "i" * 41)],
    ],
)  # fmt: skip
def test_a_push_that_makes_no_sense_is_kept_for_a_human(changes, reason):
    with pytest.raises(Unreadable) as caught:
        pushed(**changes)
    assert caught.value.reason == reason
    assert (caught.value.event_id == "told-1") is (reason != "id")


def test_a_push_that_is_no_object_is_kept_for_a_human():
    for body in (b"", b"[1]", b"\xff"):
        with pytest.raises(Unreadable, match="not a JSON object"):
            verify({"providers-signature": signed(SECRET, AT, body)}, body, NOW)
