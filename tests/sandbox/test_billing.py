"""The billing of the sandbox: payments, terminals, adjustments that are made once, and our client beside it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from gateways.billing import HttpBilling, connection
from gateways.disputing import AdjustmentKind, AdjustmentOrder, BilledAdjustment
from gateways.receipts import Refused, Unsure
from models.kernel.money import Money
from tests.sandbox.disputing import billed, known_by, posted, put, stands

PAYMENT = "invoices/inv/payments/pay"
CAPTURED = AdjustmentOrder("key-1", "inv", "pay", AdjustmentKind.CAPTURED, "reason-1")
CASH_FLOW = AdjustmentOrder("key-2", "inv", "pay", AdjustmentKind.CASH_FLOW, "reason-1", Money(8_000, "RUB"))


@pytest.fixture
async def billing(box, knobs):
    knobs(billing_url=f"{box.url}/billing", outside_timeout_seconds=1, dispute_terminals_cache_seconds=0)
    async with connection() as outside:
        yield HttpBilling(outside)


async def adjusted(box, key, status=201, **body):
    answer = await posted(box, f"/billing/{PAYMENT}/adjustments", body, "billing", key)
    assert answer.status_code == status, answer.text
    return answer.json()


async def made(box):
    listed = (await box.ask("billing/adjustments"))["adjustments"]
    return [(one["key"], one["status"], one["asked"], one["made"]) for one in listed]


# --- what it is asked


async def test_a_payment_has_sensible_defaults(box):
    assert await put(box) == await billed(box, PAYMENT)
    told = await billed(box, PAYMENT)
    assert told["invoice"] == {"id": "inv", "partyId": "p", "shopId": "s", "shopName": "A shop"}
    age = datetime.now(UTC) - datetime.fromisoformat(told["payment"].pop("createdAt"))
    assert timedelta(hours=23) < age < timedelta(hours=25)
    assert told["payment"] == {
        "id": "pay", "status": "failed", "amount": 10_000, "currency": "RUB",
        "route": {"providerId": 1, "terminalId": 1}, "providerTrxId": "trx-inv-pay",
    }  # fmt: skip


async def test_what_is_said_of_a_payment_is_told(box):
    said = {
        "status": "captured", "currency": "EUR", "changedAmount": 5, "capturedAmount": 6, "payerEmail": "a@b",
        "providerTrxId": None, "trxInfo": {"rrn": "1"}, "createdAt": "2026-01-02T03:04:05+03:00", "terminalId": None,
    }  # fmt: skip
    await put(box, **said)
    told = (await billed(box, PAYMENT))["payment"]
    assert told == {
        "id": "pay", "status": "captured", "amount": 10_000, "currency": "EUR", "changedAmount": 5, "capturedAmount": 6,
        "payerEmail": "a@b", "trxInfo": {"rrn": "1"}, "createdAt": "2026-01-02T00:04:05+00:00",
    }  # fmt: skip
    await stands(box, "refunded", changedAmount=7)
    told = (await billed(box, PAYMENT))["payment"]
    assert (told["status"], told["changedAmount"], told["capturedAmount"]) == ("refunded", 7, 6)
    assert (await stands(box, "failed", "other", 400))["field"] == "paymentId"


async def test_what_is_not_there_is_not_found(box):
    assert (await billed(box, PAYMENT, 404))["error"]["code"] == "invoice_not_found"
    await put(box)
    assert (await billed(box, "invoices/inv/payments/other", 404))["error"]["code"] == "payment_not_found"
    assert (await billed(box, "terminals/9", 404))["error"]["code"] == "terminal_not_found"


async def test_events_come_by_pages_and_hold_the_scores(box):
    await put(box, riskScores=["low", "high"])
    await put(box, "other", riskScores=["fatal"])
    events = (await billed(box, "invoices/inv/events", limit=3))["events"]
    assert [(one["id"], one["type"], one["paymentId"]) for one in events] == [
        (1, "payment_started", "pay"),
        (2, "risk_score", "pay"),
        (3, "risk_score", "pay"),
    ]
    rest = (await billed(box, "invoices/inv/events", after=3))["events"]
    assert [(one["id"], one.get("riskScore")) for one in rest] == [(4, None), (5, "fatal")]


async def test_nonsense_about_events_and_an_invoice_of_nobodys(box):
    assert await billed(box, "invoices/none/events") == {"events": []}
    for wrong in ({"after": "x"}, {"after": -1}, {"limit": 0}):
        assert (await billed(box, "invoices/inv/events", 400, **wrong))["error"]["code"] == "invalid_request"


async def test_a_route_names_the_provider_of_its_terminal_or_the_one_that_is_said(box):
    async def route(**given):
        return (await put(box, **given))["payment"]["route"]

    assert await route(terminalId=2) == {"providerId": 2, "terminalId": 2}
    assert await route(terminalId=9) == {"providerId": 1, "terminalId": 9}
    assert await route(terminalId=2, providerId=8) == {"providerId": 8, "terminalId": 2}
    await box.tell("billing/terminals", id=2, providerId=5, url="http://elsewhere")
    assert await route(terminalId=2) == {"providerId": 5, "terminalId": 2}


async def test_terminals_of_the_start_and_others(box):
    found = [await billed(box, f"terminals/{id}") for id in (1, 2, 3)]
    assert [one["url"] for one in found] == [f"{box.url}/{name}" for name in ("quickpay", "moodypay", "nodoorpay")]
    assert ["DISPUTE_FLOW_PROVIDERS_API_EXIST" in one["options"] for one in found] == [True, True, False]
    await box.tell("billing/terminals", id=1, providerId=5, url="http://elsewhere", proxyOptions={"a": "b"})
    assert await billed(box, "terminals/1") == {
        "id": 1, "providerId": 5, "url": "http://elsewhere", "options": {}, "providerOptions": {}, "proxyOptions": {"a": "b"},
    }  # fmt: skip


async def test_strangers_are_turned_away(box):
    await put(box)
    for path in (PAYMENT, "terminals/1", "invoices/inv/events", f"{PAYMENT}/adjustments"):
        answer = await box.client.get(f"/billing/{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
    wrong = known_by("billing") | {"Authorization": "Bearer x"}
    assert (await box.client.get(f"/billing/{PAYMENT}", headers=wrong)).status_code == 401


# --- adjustments


async def test_an_adjustment_is_made_once_for_its_key(box):
    await put(box)
    body = {"kind": "cash_flow", "reason": "r", "amount": 8_000, "currency": "RUB"}
    first = await adjusted(box, "k", **body)
    assert await adjusted(box, "k", 200, **body) == first
    assert (await adjusted(box, "k", 409, **body | {"amount": 1}))["error"]["code"] == "conflict"
    assert await made(box) == [("k", "processed", 3, 1)]
    assert (await billed(box, PAYMENT))["payment"]["changedAmount"] == 8_000
    calls = (await box.ask("calls", operation="adjust"))["calls"]
    assert [(call["idempotencyKey"], call["effect"]) for call in calls] == [("k", True), ("k", False), ("k", False)]


async def test_twenty_at_once_are_one(box):
    await put(box)
    answers = await asyncio.gather(
        *(
            posted(box, f"/billing/{PAYMENT}/adjustments", {"kind": "captured", "reason": "r"}, "billing", "k")
            for _ in range(20)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert await made(box) == [("k", "processed", 20, 1)]


async def test_what_cannot_be_adjusted_is_refused_and_not_kept(box):
    await put(box)
    await adjusted(box, "k", kind="captured", reason="r")
    assert (await billed(box, PAYMENT))["payment"]["status"] == "captured"
    again = await adjusted(box, "k2", 422, kind="captured", reason="r2")
    assert again["error"]["code"] == "invalid_payment_target_status"
    for key, body in (
        ("", {"kind": "captured", "reason": "r"}),
        ("k", {"kind": "x", "reason": "r"}),
        ("k", {"kind": "captured"}),
        ("k", {"kind": "captured", "reason": "r", "amount": 1, "currency": "RUB"}),
        ("k", {"kind": "cash_flow", "reason": "r"}),
        ("k", {"kind": "cash_flow", "reason": "r", "amount": "1", "currency": "RUB"}),
        ("k", {"kind": "cash_flow", "reason": "r", "amount": 1, "currency": "RUB", "targetReason": "r"}),
        ("k", {"kind": "cash_flow", "reason": "r", "amount": 1}),
    ):
        assert (await adjusted(box, key, 400, **body))["error"]["code"] == "invalid_request"
    assert len(await made(box)) == 1


@pytest.mark.parametrize(
    ("status", "cash_flow", "captured"),
    [
        ("failed", None, None),
        ("cancelled", None, None),
        ("captured", None, "invalid_payment_target_status"),
        ("pending", "invalid_payment_status", "invalid_payment_status"),
        ("refunded", "invalid_payment_status", "invalid_payment_status"),
    ],
)
async def test_which_payments_can_be_adjusted_how(box, status, cash_flow, captured):
    await put(box, status=status)
    sums = {"kind": "cash_flow", "amount": 5, "currency": "RUB"}
    for key, body, code in (("1", sums, cash_flow), ("2", {"kind": "captured"}, captured)):
        answer = await adjusted(box, key, 422 if code else 201, reason="r", **body)
        assert answer.get("error", {}).get("code") == code
    told = (await billed(box, PAYMENT))["payment"]
    assert told["status"] == (status if captured else "captured")
    assert told.get("changedAmount") == (None if cash_flow else 5)


async def test_what_is_settled_twice_is_made_once(box):
    await put(box)
    await box.tell("billing/adjusting", hold=True)
    id = (await adjusted(box, "k", kind="captured", reason="r"))["id"]
    assert await box.tell("billing/settle", ids=[id, id]) == {"settled": [id]}
    assert (await box.tell("billing/settle", 400, ids=[id]))["field"] == "ids"
    assert await made(box) == [("k", "processed", 1, 1)]
    (one,) = (await box.ask("billing/adjustments"))["adjustments"]
    assert (one["invoiceId"], one["paymentId"], one["kind"], one["reason"]) == ("inv", "pay", "captured", "r")


async def test_while_one_is_pending_no_other_is_made(box):
    await put(box)
    await put(box, "other")
    await box.tell("billing/adjusting", hold=True)
    first = await adjusted(box, "k", kind="cash_flow", reason="r", amount=5, currency="RUB")
    assert (await adjusted(box, "k2", 422, kind="captured", reason="r"))["error"]["code"] == "adjustment_pending"
    assert (await adjusted(box, "k", 200, kind="cash_flow", reason="r", amount=5, currency="RUB"))[
        "status"
    ] == "pending"
    assert "changedAmount" not in (await billed(box, PAYMENT))["payment"]
    assert (await box.tell("billing/settle", 400, ids=["x"]))["field"] == "ids"
    assert await box.tell("billing/settle", ids=[first["id"]]) == {"settled": [first["id"]]}
    assert (await billed(box, PAYMENT))["payment"]["changedAmount"] == 5
    await adjusted(box, "k2", kind="captured", reason="r")
    assert len((await box.tell("billing/settle", all=True))["settled"]) == 1
    assert await made(box) == [("k", "processed", 2, 1), ("k2", "processed", 1, 1)]


async def test_a_reset_forgets_all(box):
    await put(box)
    await box.tell("billing/terminals", id=1, url="http://elsewhere")
    await box.tell("billing/adjusting", hold=True)
    await adjusted(box, "k", kind="captured", reason="r")
    await box.tell("reset", system="billing")
    assert (await billed(box, PAYMENT, 404), await made(box))[1] == []
    assert (await billed(box, "terminals/1"))["url"] == f"{box.url}/quickpay"
    await put(box)
    assert (await adjusted(box, "k", kind="captured", reason="r"))["status"] == "processed"


# --- our client beside it


async def test_our_client_reads_all_of_it(box, billing):
    await put(box, riskScores=["low", "high"], payerEmail="a@b")
    paid = await billing.payment("inv", "pay")
    assert (paid.party, paid.shop, paid.cost, paid.terminal, paid.provider_trx) == (
        "p",
        "s",
        Money(10_000, "RUB"),
        1,
        "trx-inv-pay",
    )
    assert await billing.risk_score("inv", "pay") == "high"
    assert (await billing.terminal(2)).url == f"{box.url}/moodypay"
    id = await billing.adjust(CASH_FLOW)
    assert await billing.adjust(CASH_FLOW) == id
    ours = BilledAdjustment(id, AdjustmentKind.CASH_FLOW, "reason-1", amount=Money(8_000, "RUB"))
    assert await billing.adjustments("inv", "pay") == [ours]
    await billing.adjust(CAPTURED)
    paid = await billing.payment("inv", "pay")
    assert (paid.status, paid.changed_cost) == ("captured", Money(8_000, "RUB"))


@pytest.mark.parametrize(
    ("prepare", "code"),
    [
        ({}, "invalid_payment_status"),
        ({"billing/adjusting": {"hold": True}}, "adjustment_pending"),
        ({"script": {"system": "billing", "operation": "adjust", "outcome": "refuse"}}, "invalid_payment_status"),
        ({"reset": {}}, "invoice_not_found"),
    ],
)
async def test_a_definite_no(box, billing, prepare, code):
    await put(box, **({} if prepare else {"status": "refunded"}))
    for path, told in prepare.items():
        await box.tell(path, **told)
    if code == "adjustment_pending":
        await billing.adjust(CASH_FLOW)
    with pytest.raises(Refused) as no:
        await billing.adjust(CAPTURED)
    assert no.value.code == code


@pytest.mark.parametrize("outcome", ["error", "rate_limit", "timeout", "lost_answer", "slow", "malformed"])
async def test_whatever_happens_an_adjustment_is_made_once(box, billing, outcome):
    await put(box)
    await box.tell("script", system="billing", operation="adjust", outcome=outcome)
    with pytest.raises(Unsure):
        await billing.adjust(CASH_FLOW)
    id = await billing.adjust(CASH_FLOW)
    assert [one.id for one in await billing.adjustments("inv", "pay")] == [id]
    assert [one[3] for one in await made(box)] == [1]
