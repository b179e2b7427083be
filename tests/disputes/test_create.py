"""Creating disputes and asking for their status. [spec/disputes §11, 1-14]"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from models.kernel.sql import fetch, sql
from models.kernel.viewer import Role
from tests.disputes.world import CREATE, JPEG, MERCHANT, PNG, READ, attached
from tests.make import Asker

OPEN = ["CREATED", "PENDING", "MANUAL_PENDING", "ALREADY_EXIST_CREATED", "CREATE_ADJUSTMENT", "POOLING_EXPIRED"]


async def rows(table: str) -> int:
    return int((await fetch(sql(f"SELECT count(*) FROM {table}")))[0][0])


async def files(world) -> int:
    return len(await world.tools.outside.storage.older(-10, 100))


async def test_1_a_failed_payment_is_disputed_with_a_picture(world):
    await world.payment()
    before = datetime.now(UTC)
    told = await world.ask_to_create(reason="he paid")
    assert (told["publicStatus"], told["amount"], told["reason"]) == ("PENDING", {"minorUnits": "10000"}, "he paid")
    assert told["attachments"] == [{"mimeType": "image/png", "sizeBytes": len(PNG), "addedBy": "MERCHANT"}]
    read = await world.read(told["disputeId"])
    assert (read["status"], read["mode"], read["invoiceId"], read["shopId"]) == ("CREATED", "AUTOMATIC", "inv", "s")
    checked, deadline = (datetime.fromisoformat(read[name]) for name in ("nextCheckAt", "pollingBefore"))
    assert timedelta(seconds=2) <= checked - before < timedelta(seconds=4)
    assert timedelta(minutes=600) <= deadline - before < timedelta(minutes=600, seconds=4)
    assert await world.events(told["disputeId"]) == ["open"]


async def test_2_a_terminal_says_how_long_its_provider_is_asked(world):
    await world.box.tell(
        "billing/terminals", id=9, providerId=1, url=f"{world.box.url}/quickpay",
        options={"DISPUTE_FLOW_MAX_TIME_POLLING_MIN": "5"},
    )  # fmt: skip
    before = datetime.now(UTC)
    dispute = await world.created(paid={"terminalId": 9})
    deadline = datetime.fromisoformat((await world.read(dispute))["pollingBefore"])
    assert timedelta(minutes=5) <= deadline - before < timedelta(minutes=5, seconds=4)


async def into(world, status: str) -> str:
    match status:
        case "CREATED":
            return await world.created()
        case "PENDING":
            return await world.pending()
        case "MANUAL_PENDING":
            return await world.manual()
        case "ALREADY_EXIST_CREATED":
            return await world.existing()
        case "CREATE_ADJUSTMENT":
            return await world.adjusting()
    return await world.expired()


@pytest.mark.parametrize("status", OPEN)
async def test_3_while_one_is_open_it_is_answered_and_nothing_is_added(world, nothing_written, status):
    dispute = await into(world, status)
    stored = await files(world)
    async with nothing_written():
        answer = await world.ask_to_create(notificationUrl="https://m.example/hook")
        await fetch(sql("DELETE FROM request WHERE key <> 'key-1' RETURNING 1"))
    assert answer["disputeId"] == dispute
    assert await files(world) == stored


async def test_4_once_it_has_ended_another_may_be_created(world):
    first = await world.created()
    await world.desk("cancelDisputes", first)
    second = (await world.ask_to_create())["disputeId"]
    assert second != first
    await world.status("captured")
    await world.create_tick()
    assert await world.stands(second) == "SUCCEEDED"
    await world.status("failed")
    third = (await world.ask_to_create())["disputeId"]
    assert third not in (first, second)


async def test_5_twenty_at_once_are_one(world):
    await world.payment()
    answers = await asyncio.gather(*(world.ask_to_create() for _ in range(20)))
    while busy := [n for n, answer in enumerate(answers) if answer["__typename"] == "Busy"]:
        for n in busy:
            answers[n] = await world.ask_to_create()
    assert len({answer["disputeId"] for answer in answers}) == 1
    assert (await rows("dispute"), await rows("dispute_attachment")) == (1, 1)


@pytest.mark.parametrize(
    ("attachments", "code", "path"),
    [
        ([attached(PNG, "video/mp4")], "UNEXPECTED_MIME_TYPE", "attachments.0.mimeType"),
        ([attached(), attached(PNG, "image/jpeg")], "UNEXPECTED_MIME_TYPE", "attachments.1.mimeType"),
        ([attached(b"<html>hello</html>", "image/png")], "UNEXPECTED_MIME_TYPE", "attachments.0.mimeType"),
        ([attached(PNG, "no type")], "UNEXPECTED_MIME_TYPE", "attachments.0.mimeType"),
        ([attached(b"", "image/png")], "INVALID_INPUT", "attachments.0"),
        ([attached(PNG + bytes(3_000_000)), attached(JPEG, "text/plain")], "UNEXPECTED_MIME_TYPE", "attachments.1.mimeType"),
        ([attached()] * 11, "TOO_MANY_ATTACHMENTS", "attachments"),
        ([], "INVALID_INPUT", "attachments"),
        ([{"mimeType": "image/png"}], "INVALID_INPUT", "attachments.0"),
        ([{"data": "not base64!", "mimeType": "image/png"}], "INVALID_INPUT", "attachments.0.data"),
    ],
)  # fmt: skip
async def test_6_files_that_are_not_what_they_say_are_refused_and_nothing_is_stored(
    world, nothing_written, attachments, code, path
):
    await world.payment()
    async with nothing_written():
        answer = await world.ask_to_create(attachments=attachments)
    assert (answer["__typename"], answer["code"], answer["fields"][0]["path"]) == ("InvalidInput", code, path)
    assert await files(world) == 0
    assert await world.calls("billing", "payment") == []


async def test_7_a_payment_of_a_month_ago_is_too_old(world, nothing_written):
    now = datetime.now(UTC)
    await world.payment(createdAt=(now - timedelta(days=31)).isoformat())
    async with nothing_written():
        answer = await world.ask_to_create()
    assert (answer["__typename"], answer["code"], answer["message"]) == (
        "DisputeNotPossible", "PAYMENT_EXPIRED", "Blocked: Payment expired",
    )  # fmt: skip
    moscow = (now - timedelta(days=30) + timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    await world.payment(createdAt=moscow)
    assert (await world.ask_to_create())["__typename"] == "Dispute"


async def test_8_a_payment_that_never_began_or_has_no_route(world, nothing_written):
    await world.payment(providerTrxId=None)
    async with nothing_written():
        answer = await world.ask_to_create()
        assert (answer["code"], answer["message"]) == ("PAYMENT_NOT_STARTED", "Blocked: Payment was not initiated")
        await world.payment(terminalId=None)
        assert (await world.ask_to_create())["code"] == "INVOICE_PAYMENT_NOT_FOUND"
        assert (await world.ask_to_create(payment="other"))["code"] == "INVOICE_PAYMENT_NOT_FOUND"
        assert (await world.ask_to_create(invoice="x" * 41))["code"] == "INVOICE_PAYMENT_NOT_FOUND"
        await world.payment(terminalId=77)  # a terminal that billing does not know
        assert (await world.ask_to_create())["code"] == "INVOICE_PAYMENT_NOT_FOUND"
    assert await files(world) == 0


async def test_10_the_amount_is_the_payments_unless_another_is_said(world, nothing_written):
    await world.payment()
    for amount in ("0", "-1", "1.001"):
        async with nothing_written():
            answer = await world.ask_to_create(amount={"amount": amount, "currency": "RUB"})
        assert answer["code"] == "INVALID_AMOUNT"
    async with nothing_written():
        assert (await world.ask_to_create(amount={"amount": "1", "currency": "EUR"}))["code"] == "INVALID_AMOUNT"
    told = await world.ask_to_create(amount={"amount": "80", "currency": "RUB"})
    assert told["amount"] == {"minorUnits": "8000"}


async def test_11_a_storage_that_fails_at_the_second_file_leaves_no_row(world, nothing_written, monkeypatch):
    from gateways.receipts import Unsure  # noqa: PLC0415

    await world.payment()
    storage = world.make.http._transport.app.state.outside.storage
    put, calls = type(storage).put, []

    async def failing(self, key, data, mime_type):
        calls.append(key)
        if len(calls) == 2:
            raise Unsure("storage", "put", "full")
        await put(self, key, data, mime_type)

    monkeypatch.setattr(type(storage), "put", failing)
    async with nothing_written():
        wanted = {"invoiceId": "inv", "paymentId": "pay", "idempotencyKey": "k"}
        wanted |= {"attachments": [attached(), attached(JPEG, "image/jpeg")]}
        error = await world.make.error(CREATE, by=MERCHANT, input=wanted)
    assert error == {"code": "UPSTREAM_UNAVAILABLE", "status": 503}
    assert await files(world) == 1
    world.knobs(orphan_seconds=3_600)
    assert (await world.tick("remove_orphaned_attachments")).done == 0  # not yet: it might be somebody's in a moment


async def test_12_what_a_merchant_is_told_of_each_status(world):
    for status in OPEN:
        dispute = await into(world, status)
        told = await world.read(dispute, MERCHANT)
        assert (told["publicStatus"], told["publicReason"], told["changedAmount"]) == ("PENDING", None, None)
        done = await world.desk("cancelDisputes", {"dispute": dispute, "publicReason": "not_ours"})
        assert done[0]["__typename"] == "Dispute", done
        told = await world.read(dispute, MERCHANT)
        assert (told["publicStatus"], told["publicReason"], told["changedAmount"]) == ("FAILED", "not_ours", None)
    dispute = await world.manual()
    await world.desk(
        "approveDisputes",
        {"dispute": dispute, "skipProviderCheck": True, "changedAmount": {"amount": "80", "currency": "RUB"}},
    )
    told = await world.read(dispute, MERCHANT)
    assert (told["publicStatus"], told["publicReason"], told["changedAmount"]) == (
        "SUCCEEDED", None, {"minorUnits": "8000"},
    )  # fmt: skip


async def test_13_unknown_malformed_and_unrecoverable_ones_look_the_same(world, make):
    dispute = await world.created(paid={"status": "refunded"})
    await world.create_tick()
    told = await world.read(dispute)
    assert (told["status"], told["publicReason"], told["technicalError"]) == (
        "FAILED", "server_error", "payment status restrictions: refunded",
    )  # fmt: skip
    for ref in (
        {"disputeId": dispute},
        {"disputeId": "00000000-0000-0000-0000-000000000000"},
        {"disputeId": "no id"},
        {"id": "x"},
        {"payment": {"invoiceId": "inv", "paymentId": "pay"}},
    ):
        assert await make.error(READ, by=MERCHANT, ref=ref) == {"code": "DISPUTE_NOT_FOUND", "status": 404}
    world.knobs(dispute_hide_unrecoverable=False)
    assert (await world.read(dispute, MERCHANT))["publicReason"] == "server_error"


async def test_14_asking_for_the_status_asks_nobody_outside(world):
    dispute = await world.pending()
    await world.box.tell("reset", system="quickpay")
    before = len(await world.calls("billing", "*"))
    await world.read(dispute, MERCHANT)
    assert await world.calls("quickpay", "check_dispute") == []
    assert len(await world.calls("billing", "*")) == before


async def test_the_same_key_again_is_answered_without_asking_anybody(world):
    await world.payment()
    first = await world.ask_to_create(key="once")
    asked = len(await world.calls("billing", "payment"))
    await world.script("billing", "*", "error", times=100)
    again = await world.ask_to_create(key="once")
    assert again["disputeId"] == first["disputeId"]
    assert len(await world.calls("billing", "payment")) == asked
    other = await world.ask_to_create(key="once", reason="another")
    assert other["code"] == "IDEMPOTENCY_KEY_CONFLICT"


async def test_no_payment_is_disputed_for_ever(world, nothing_written):
    world.knobs(disputes_per_payment_max=2)
    await world.payment()
    for _ in range(2):
        await world.desk("cancelDisputes", (await world.ask_to_create())["disputeId"])
    async with nothing_written():
        assert (await world.ask_to_create())["code"] == "TOO_MANY_DISPUTES"


@pytest.mark.parametrize(
    "asker",
    [
        Asker.of(Role.MERCHANT, "other", party="q"),
        Asker.of(Role.MERCHANT, "other-shop", party="p", shops=["t"]),
    ],
)
async def test_54_a_foreign_payment_is_like_one_that_is_not(world, nothing_written, asker):
    await world.payment()
    async with nothing_written():
        assert (await world.ask_to_create(by=asker))["code"] == "INVOICE_PAYMENT_NOT_FOUND"
    dispute = (await world.ask_to_create())["disputeId"]
    assert await world.make.error(READ, by=asker, ref={"disputeId": dispute}) == {
        "code": "DISPUTE_NOT_FOUND", "status": 404,
    }  # fmt: skip
    his = Asker.of(Role.MERCHANT, "his-shop", party="p", shops=["s"])
    assert (await world.read(dispute, his))["disputeId"] == dispute


@pytest.mark.parametrize("outcome", ["error", "timeout", "malformed", "lost_answer"])
async def test_55_when_billing_does_not_answer_nothing_is_stored(world, nothing_written, outcome):
    await world.payment()
    await world.script("billing", "payment", outcome, times=9)
    async with nothing_written():
        error = await world.make.error(
            CREATE, by=MERCHANT,
            input={"invoiceId": "inv", "paymentId": "pay", "idempotencyKey": "k", "attachments": [attached()]},
        )  # fmt: skip
    assert error == {"code": "UPSTREAM_UNAVAILABLE", "status": 503}
    assert await files(world) == 0
