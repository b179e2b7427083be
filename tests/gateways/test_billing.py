"""What billing is asked, and what each of its answers means."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways import billing as system
from gateways.billing import HttpBilling, connection
from gateways.disputing import AdjustmentKind, AdjustmentOrder, BilledAdjustment, BilledPayment, Terminal
from gateways.outside import Outside
from gateways.receipts import Refused, Unsure
from models.kernel.money import Money
from tests.gateways import payers
from tests.gateways.babbling import Babbling
from tests.gateways.payers import no, refused, unsure
from tests.gateways.served import ok, raw

TOKEN = "token-of-the-house"
INVOICE = {"id": "inv", "partyId": "p", "shopId": "s", "shopName": "A shop"}
PAYMENT = {
    "id": "pay", "status": "failed", "amount": 10_000, "currency": "RUB", "createdAt": "2026-01-02T03:04:05+00:00",
    "route": {"providerId": 3, "terminalId": 7}, "providerTrxId": "trx-1", "trxInfo": {"rrn": "123"},
    "payerEmail": "anna@example.org",
}  # fmt: skip
PAID = BilledPayment(
    "inv", "pay", "p", "s", "A shop", "failed", Money(10_000, "RUB"), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    provider=3, terminal=7, provider_trx="trx-1", trx_info={"rrn": "123"}, payer_email="anna@example.org",
)  # fmt: skip
TERMINAL = {"id": 7, "providerId": 3, "url": "https://adapter.example/x"}
CASH_FLOW = AdjustmentOrder("key-1", "inv", "pay", AdjustmentKind.CASH_FLOW, "reason-1", Money(8_000, "RUB"))
CAPTURED = AdjustmentOrder("key-2", "inv", "pay", AdjustmentKind.CAPTURED, "reason-1")


@pytest.fixture
async def billing(server, knobs) -> AsyncIterator[HttpBilling]:
    knobs(billing_url=server.url, billing_token=TOKEN, outside_timeout_seconds=1)
    async with connection() as outside:
        yield HttpBilling(outside)


def billed(of: dict[str, Any] | None = None, **changes: Any) -> bytes:
    """A good answer, but for the changes; a name that is set to None is left out."""
    paid = {name: value for name, value in {**PAYMENT, **changes}.items() if value is not None}
    return ok({"invoice": INVOICE | (of or {}), "payment": paid})


async def outcome(asked: Any) -> Any:
    try:
        return await asked
    except Refused as said:
        return refused(said.code)
    except Unsure as said:
        return unsure(said.reason)


# --- payments


async def test_a_payment_is_asked_for_and_read(billing, server):
    server.answer = lambda _: billed()
    assert await billing.payment("inv", "pay") == PAID
    [call] = server.calls
    assert (call.method, call.target, call.body) == ("GET", "/base/invoices/inv/payments/pay", b"")
    assert call.headers["authorization"] == f"Bearer {TOKEN}"


async def test_ids_never_lead_to_another_path(billing, server):
    invoice, payment = "../x?y#z", "a/b %"
    server.answer = lambda _: billed({"id": invoice}, id=payment)
    assert (await billing.payment(invoice, payment)).payment == payment
    assert server.calls[0].target == "/base/invoices/..%2Fx%3Fy%23z/payments/a%2Fb%20%25"


async def test_what_may_be_missing_is_none(billing, server):
    bare = dict.fromkeys(("route", "providerTrxId", "trxInfo", "payerEmail"))
    server.answer = lambda _: billed({"shopName": None}, **bare)
    paid = await billing.payment("inv", "pay")
    assert (paid.provider, paid.terminal, paid.provider_trx, paid.payer_email) == (None, None, None, None)
    assert (paid.shop_name, paid.trx_info, paid.changed_cost, paid.captured_cost) == ("", {}, None, None)


async def test_other_amounts_are_of_the_same_currency(billing, server):
    server.answer = lambda _: billed(status="CAPTURED", changedAmount=8_000, capturedAmount=9_000)
    paid = await billing.payment("inv", "pay")
    assert (paid.status, paid.changed_cost, paid.captured_cost) == (
        "captured",
        Money(8_000, "RUB"),
        Money(9_000, "RUB"),
    )


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (no(404, "invoice_not_found"), refused("invoice_not_found")),
        (no(404, "payment_not_found"), refused("payment_not_found")),
        (no(404, "terminal_not_found"), unsure("status 404")),
        (no(404, "no_such_page"), unsure("status 404")),
        (raw(404, b"<html>Not Found</html>"), unsure("status 404")),
        (no(403, "payment_not_found"), unsure("status 403")),
        (no(500, "payment_not_found"), unsure("status 500")),
        (no(200, "payment_not_found"), unsure("malformed: invoice")),
        (ok([]), unsure("malformed: no object")),
        (ok({"invoice": INVOICE}), unsure("malformed: payment")),
        (billed({"id": "other"}), unsure("malformed: id")),
        (billed(id="other"), unsure("malformed: id")),
        (billed({"partyId": None}), unsure("malformed: partyId")),
        (billed({"partyId": " "}), unsure("malformed: partyId")),
        (billed({"shopId": "s" * 65}), unsure("malformed: shopId")),
        (billed({"shopName": "a\0"}), unsure("malformed: shopName")),
        (billed(amount=None), unsure("malformed: amount")),
        (billed(amount=-1), unsure("malformed: amount")),
        (billed(amount=100.5), unsure("malformed: amount")),
        (billed(amount="10000"), unsure("malformed: amount")),
        (billed(amount=True), unsure("malformed: amount")),
        (billed(amount=10**15 + 1), unsure("malformed: amount")),
        (billed(currency="XXX"), unsure("malformed: payment")),
        (billed(currency=None), unsure("malformed: currency")),
        (billed(status="half done"), unsure("malformed: payment")),
        (billed(status=None), unsure("malformed: status")),
        (billed(changedAmount=0), unsure("malformed: changedAmount")),
        (billed(changedAmount=-8_000), unsure("malformed: changedAmount")),
        (billed(capturedAmount="9000"), unsure("malformed: capturedAmount")),
        (billed(createdAt="2026-01-02T03:04:05"), unsure("malformed: createdAt")),
        (billed(createdAt="yesterday"), unsure("malformed: createdAt")),
        (billed(createdAt=None), unsure("malformed: createdAt")),
        (billed(route={"providerId": 3}), unsure("malformed: terminalId")),
        (billed(route={"providerId": 2**31, "terminalId": 7}), unsure("malformed: providerId")),
        (billed(route=[3, 7]), unsure("malformed: route")),
        (billed(providerTrxId="t" * 201), unsure("malformed: providerTrxId")),
        (billed(trxInfo={"rrn": 123}), unsure("malformed: trxInfo")),
        (billed(payerEmail="a\0@b"), unsure("malformed: payerEmail")),
    ],
)  # fmt: skip
async def test_what_an_answer_about_a_payment_means(billing, server, said, meant):
    server.answer = lambda _: said
    assert await outcome(billing.payment("inv", "pay")) == meant


# --- the score


def events(*items: tuple[int, str, str | None]) -> bytes:
    told = [
        {"id": id, "paymentId": of, "type": "risk_score" if score else "other"} | {"riskScore": score}
        for id, of, score in items
    ]
    return ok({"events": [{name: value for name, value in one.items() if value} for one in told]})


async def test_the_last_score_of_the_payment_counts(billing, server):
    server.answer = lambda _: events((1, "pay", "low"), (2, "pay", "high"), (3, "other", "fatal"), (4, "pay", None))
    assert await billing.risk_score("inv", "pay") == "high"
    assert server.calls[0].target == "/base/invoices/inv/events?after=0&limit=100"
    server.answer = lambda _: events((1, "pay", None))
    assert await billing.risk_score("inv", "pay") is None


async def test_all_pages_are_read_and_no_more(billing, server):
    def page(call):
        after = int(call.target.partition("after=")[2].partition("&")[0])
        whole = [(id, "pay", f"score-{id}") for id in range(after + 1, 251)]
        return events(*whole[:100])

    server.answer = page
    assert await billing.risk_score("inv", "pay") == "score-250"
    assert [call.target.rpartition("?")[2] for call in server.calls] == [
        f"after={after}&limit=100" for after in (0, 100, 200)
    ]


async def test_events_without_end_are_left(billing, server, monkeypatch):
    monkeypatch.setattr(system, "EVENT_PAGES_MAX", 3)
    same = events(*[(id, "pay", "low") for id in range(1, 101)])
    server.answer = lambda _: same
    assert await billing.risk_score("inv", "pay") == "low"
    assert len(server.calls) == 2  # the second begins where the first did: it leads nowhere
    server.calls.clear()
    server.answer = lambda call: events(*[(len(server.calls) * 1_000 + id, "pay", "low") for id in range(1, 101)])
    assert await billing.risk_score("inv", "pay") == "low"
    assert len(server.calls) == 3


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (ok({}), "malformed: list"),
        (ok({"events": [1]}), "malformed: list"),
        (ok({"events": [{"type": "risk_score", "paymentId": "pay"}]}), "malformed: riskScore"),
        (ok({"events": [{"type": "x", "paymentId": "pay", "id": "1"}]}), "malformed: id"),
        (no(404, "invoice_not_found"), "status 404"),
    ],
)
async def test_events_that_make_no_sense(billing, server, said, reason):
    server.answer = lambda _: said
    assert await outcome(billing.risk_score("inv", "pay")) == unsure(reason)


# --- terminals


async def test_the_terminals_options_win_over_the_proxys_and_those_over_the_providers(billing, server):
    of = {
        "providerOptions": {"a": "provider", "b": "provider", "c": "provider"},
        "proxyOptions": {"b": "proxy", "c": "proxy"},
        "options": {"c": "terminal"},
    }
    server.answer = lambda _: ok(TERMINAL | of)
    merged = {"a": "provider", "b": "proxy", "c": "terminal"}
    assert await billing.terminal(7) == Terminal(7, 3, "https://adapter.example/x", merged)
    assert server.calls[0].target == "/base/terminals/7"
    assert "terminal" not in repr(await billing.terminal(7)).replace("Terminal", "")


async def test_a_terminal_is_remembered_from_when_it_was_read(billing, server, knobs, monkeypatch):
    at = [1_000.0]
    monkeypatch.setattr(system, "monotonic", lambda: at[0])
    server.answer = lambda _: ok(TERMINAL)
    for _ in range(6):  # asked for again and again: it is not remembered for longer by that
        await billing.terminal(7)
        at[0] += 11.9
    assert len(server.calls) == 1
    at[0] = 1_060.0
    server.answer = lambda _: ok(TERMINAL | {"url": "https://new.example"})
    assert (await billing.terminal(7)).url == "https://new.example"
    assert len(server.calls) == 2
    knobs(dispute_terminals_cache_seconds=0)
    await billing.terminal(7)
    assert len(server.calls) == 3


async def test_so_many_terminals_are_remembered_and_no_mistakes(billing, server, monkeypatch):
    monkeypatch.setattr(system, "TERMINALS_MAX", 2)
    server.answer = lambda call: ok(TERMINAL | {"id": int(call.path.rpartition("/")[2])})
    for id in (1, 2, 3, 3, 2, 1):
        await billing.terminal(id)
    assert [call.path.rpartition("/")[2] for call in server.calls] == ["1", "2", "3", "1"]
    server.answer = lambda _: ok(TERMINAL, 500)
    for _ in range(2):
        assert await outcome(billing.terminal(9)) == unsure("status 500")
    assert len(server.calls) == 6


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (no(404, "terminal_not_found"), refused("terminal_not_found")),
        (no(404, "payment_not_found"), unsure("status 404")),
        (ok(TERMINAL | {"id": 8}), unsure("malformed: id")),
        (ok(TERMINAL | {"id": "7"}), unsure("malformed: id")),
        (ok(TERMINAL | {"url": ""}), unsure("malformed: url")),
        (ok(TERMINAL | {"providerId": None}), unsure("malformed: providerId")),
        (ok(TERMINAL | {"options": {"a": 1}}), unsure("malformed: options")),
        (ok(TERMINAL | {"options": ["a"]}), unsure("malformed: options")),
        (ok(TERMINAL | {"options": {str(n): "" for n in range(1_001)}}), unsure("malformed: options")),
    ],
)
async def test_what_an_answer_about_a_terminal_means(billing, server, said, meant):
    server.answer = lambda _: said
    assert await outcome(billing.terminal(7)) == meant


# --- adjustments


LISTED = {"id": "a-1", "kind": "cash_flow", "reason": "r", "amount": 1, "currency": "RUB", "status": "processed"}


async def test_adjustments_of_our_kinds_are_listed(billing, server):
    made = [
        {"id": "a-1", "kind": "cash_flow", "reason": "r1", "amount": 8_000, "currency": "RUB", "status": "pending"},
        {"id": "a-2", "kind": "status_change", "reason": None},
        {"id": "a-3", "kind": "captured", "reason": "r3", "targetReason": "r3", "status": "processed"},
    ]
    server.answer = lambda _: ok({"adjustments": made})
    assert await billing.adjustments("inv", "pay") == [
        BilledAdjustment("a-1", AdjustmentKind.CASH_FLOW, "r1", "", Money(8_000, "RUB"), pending=True),
        BilledAdjustment("a-3", AdjustmentKind.CAPTURED, "r3", "r3"),
    ]
    assert server.calls[0].target == "/base/invoices/inv/payments/pay/adjustments"
    server.answer = lambda _: ok({"adjustments": []})
    assert await billing.adjustments("inv", "pay") == []


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (no(404, "payment_not_found"), refused("payment_not_found")),
        (ok({}), unsure("malformed: list")),  # no word of any is not the word that there are none
        (ok({"adjustments": None}), unsure("malformed: list")),
        (ok({"adjustments": [{"id": "a-1", "kind": "captured"}]}), unsure("malformed: reason")),
        (ok({"adjustments": [{"kind": "captured", "reason": "r"}]}), unsure("malformed: id")),
        (ok({"adjustments": [{"id": "a-1", "reason": "r"}]}), unsure("malformed: kind")),
        (ok({"adjustments": [{"id": "a-1", "kind": "captured", "reason": "r"}]}), unsure("malformed: status")),
        # without its amount nobody could tell what billing was told before
        (ok({"adjustments": [LISTED | {"currency": None}]}), unsure("malformed: currency")),
        (ok({"adjustments": [LISTED | {"currency": "XXX"}]}), unsure("malformed: currency")),
        (ok({"adjustments": [LISTED | {"amount": None}]}), unsure("malformed: amount")),
    ],
)
async def test_what_a_list_of_adjustments_means(billing, server, said, meant):
    server.answer = lambda _: said
    assert await outcome(billing.adjustments("inv", "pay")) == meant


@pytest.mark.parametrize(
    ("order", "body"),
    [
        (CASH_FLOW, {"kind": "cash_flow", "reason": "reason-1", "amount": 8_000, "currency": "RUB"}),
        (CAPTURED, {"kind": "captured", "reason": "reason-1", "targetReason": "reason-1"}),
    ],
)
async def test_an_adjustment_is_made_under_its_key(billing, server, order, body):
    server.answer = lambda _: ok({"id": "adj-1", "kind": order.kind, "reason": "reason-1"}, 201)
    assert await billing.adjust(order) == "adj-1"
    [call] = server.calls
    assert (call.method, call.target) == ("POST", "/base/invoices/inv/payments/pay/adjustments")
    assert (call.json, call.headers["idempotency-key"]) == (body, order.key)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        *[(no(422, code), refused(code)) for code in system.NOT_MADE],
        (no(404, "payment_not_found"), refused("payment_not_found")),
        (no(422, "something_else"), unsure("status 422")),
        (raw(422, b"<html>"), unsure("status 422")),
        (no(409, "conflict"), unsure("status 409")),
        (no(409, "adjustment_pending"), unsure("status 409")),
        (no(500, "adjustment_pending"), unsure("status 500")),
        (ok({"kind": "captured", "reason": "reason-1"}, 201), unsure("malformed: id")),
        (ok({"id": "", "kind": "captured", "reason": "reason-1"}, 201), unsure("malformed: id")),
        (ok({"id": "a", "kind": "cash_flow", "reason": "reason-1"}, 201), unsure("malformed: adjustment")),
        (ok({"id": "a", "kind": "captured", "reason": "reason-2"}, 201), unsure("malformed: adjustment")),
        (ok({"id": "a"}, 201), unsure("malformed: kind")),
        (None, unsure("connection: ServerDisconnectedError")),
    ],
)  # fmt: skip
async def test_what_an_answer_to_an_adjustment_means(billing, server, said, meant):
    server.answer = lambda _: said
    assert await outcome(billing.adjust(CAPTURED)) == meant
    assert len(server.calls) == 1  # never again by itself


# --- whatever comes


class Unreliable:
    def __init__(self) -> None:
        self.outside, self.body = Outside("billing", "http://played"), b""
        self.outside._client = self.client = Babbling(lambda _path: self.body)


UNRELIABLE = Unreliable()
names = st.sampled_from([*INVOICE, *PAYMENT, *TERMINAL, "events", "adjustments", "type", "riskScore", "kind", "reason"])
said = st.dictionaries(names, payers.json, max_size=4)


@given(said | payers.json, said, st.sampled_from([200, 201, 404, 422, 500]))
async def test_whatever_it_answers_the_call_ends_well(whole, part, status):
    UNRELIABLE.client.status = status
    over = {"invoice": INVOICE | part, "payment": PAYMENT | part, "events": [part], "adjustments": [part], "id": 7}
    for value in (whole, over, TERMINAL | part):
        UNRELIABLE.body = orjson.dumps(value)
        billing = HttpBilling(UNRELIABLE.outside)
        for asked, kind in (
            (billing.payment("inv", "pay"), BilledPayment),
            (billing.risk_score("inv", "pay"), (str, type(None))),
            (billing.terminal(7), Terminal),
            (billing.adjustments("inv", "pay"), list),
            (billing.adjust(CAPTURED), str),
        ):
            with contextlib.suppress(Refused, Unsure):
                assert isinstance(await asked, kind)
