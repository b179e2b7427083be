"""What operators do, and what nobody works on. [spec/disputes §11, 39-46]"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from models.kernel.sql import fetch, sql
from settings import settings
from tests.disputes.test_create import into
from tests.disputes.world import MERCHANT, attached

MONEY = {"amount": "80", "currency": "RUB"}
HUMAN = ["PENDING", "MANUAL_PENDING", "POOLING_EXPIRED"]


@pytest.mark.parametrize("status", HUMAN)
async def test_39_by_the_operators_word_it_has_succeeded(world, status):
    dispute = await into(world, status)
    asked = len(await world.calls("billing", "*"))
    (answer,) = await world.desk(
        "approveDisputes",
        {"dispute": dispute, "skipProviderCheck": True, "changedAmount": MONEY, "providerMessage": "by phone"},
    )
    assert (answer["status"], answer["changedAmount"], answer["publicReason"], answer["technicalError"]) == (
        "SUCCEEDED", {"minorUnits": "8000"}, "approved", None,
    )  # fmt: skip
    assert answer["providerMessage"] == "by phone"
    assert len(await world.calls("billing", "*")) == asked


@pytest.mark.parametrize("skip", [True, False])
async def test_39_one_that_waits_for_its_adjustment_succeeds_either_way(world, skip):
    dispute = await world.adjusting()
    (answer,) = await world.desk(
        "approveDisputes", {"dispute": dispute, "skipProviderCheck": skip, "changedAmount": MONEY}
    )
    assert (answer["status"], answer["changedAmount"]) == ("SUCCEEDED", {"minorUnits": "8000"})
    assert answer["adjustment"]["status"] == ("CANCELLED" if skip else "CREATE_ADJUSTMENT")
    await world.adjust_tick()
    assert await world.adjustments() == ([] if skip else [("captured", 1)])


@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("status", ["CREATED", "ALREADY_EXIST_CREATED", "FAILED", "CANCELLED"])
async def test_39_from_elsewhere_nothing_changes(world, nothing_written, status, skip):
    if status == "FAILED":
        dispute = await world.created(paid={"providerTrxId": "trx-declined"})
        await world.create_tick()
    elif status == "CANCELLED":
        dispute = await world.created()
        await world.desk("cancelDisputes", dispute)
    else:
        dispute = await into(world, status)
    async with nothing_written():
        (answer,) = await world.desk("approveDisputes", {"dispute": dispute, "skipProviderCheck": skip})
    assert answer == {"__typename": "IllegalMove", "code": "DISPUTE_STATUS_CHANGE_NOT_ALLOWED"}


async def test_40_each_item_is_answered_for_itself(world):
    denied = await world.pending()
    await world.payment("paid", providerTrxId="trx-undecided-2")
    paid = (await world.ask_to_create("paid"))["disputeId"]
    await world.create_tick()
    await world.box.tell("quickpay/payments", providerTrxId="trx-undecided-2", success=True, changedAmount=9_000)
    silent = await world.created("silent", paid={"providerTrxId": "trx-undecided-3"})
    await world.create_tick()
    await world.script("quickpay", "check_payment", "error", match="trx-undecided-3", times=2)
    before = await world.read(denied)
    answers = await world.desk(
        "approveDisputes",
        *({"dispute": one, "skipProviderCheck": False} for one in (denied, silent, paid)),
        {"dispute": {"disputeId": "no id"}, "skipProviderCheck": False},
    )
    assert [one.get("code") for one in answers] == [
        "PAYMENT_NOT_CONFIRMED", "UPSTREAM_UNAVAILABLE", None, "DISPUTE_NOT_FOUND",
    ]  # fmt: skip
    assert answers[2]["status"] == "CREATE_ADJUSTMENT"
    assert (answers[2]["changedAmount"], answers[2]["adjustment"]["changedAmount"]) == (
        {"minorUnits": "9000"}, {"minorUnits": "9000"},
    )  # fmt: skip
    assert await world.read(denied) == before


async def test_40_what_the_operator_says_is_shown_and_billing_gets_the_providers(world):
    dispute = await world.pending()
    await world.box.tell("quickpay/payments", providerTrxId="trx-undecided", success=True, changedAmount=9_000)
    (answer,) = await world.desk(
        "approveDisputes", {"dispute": dispute, "skipProviderCheck": False, "changedAmount": MONEY}
    )
    assert (answer["changedAmount"], answer["adjustment"]["changedAmount"]) == (
        {"minorUnits": "8000"}, {"minorUnits": "9000"},
    )  # fmt: skip


async def test_41_only_one_that_exists_there_is_bound(world, nothing_written):
    dispute = await world.existing()
    (answer,) = await world.desk("bindDisputes", {"dispute": dispute, "providerDisputeId": "theirs-7"})
    assert (answer["status"], answer["providerDisputeId"], answer["mode"]) == ("PENDING", "theirs-7", "AUTOMATIC")
    async with nothing_written():
        (again,) = await world.desk("bindDisputes", {"dispute": dispute, "providerDisputeId": "other"})
    assert (again["status"], again["providerDisputeId"]) == ("PENDING", "theirs-7")
    await world.desk("cancelDisputes", dispute)
    other = await world.adjusting()
    async with nothing_written():
        (answer,) = await world.desk("bindDisputes", {"dispute": other, "providerDisputeId": "other"})
    assert answer["code"] == "DISPUTE_STATUS_CHANGE_NOT_ALLOWED"


async def test_42_only_one_whose_time_is_over_is_resumed_with_a_new_deadline(world, nothing_written):
    dispute = await world.expired()
    before = datetime.now(UTC)
    (answer,) = await world.desk("resumeDisputes", dispute)
    deadline = datetime.fromisoformat(answer["pollingBefore"]) - before
    assert (answer["status"], answer["mode"]) == ("PENDING", "AUTOMATIC")
    assert timedelta(minutes=600) <= deadline < timedelta(minutes=600, seconds=5)
    await world.poll_tick()
    assert await world.stands(dispute) == "PENDING"
    await world.desk("cancelDisputes", dispute)
    other = await world.manual()
    async with nothing_written():
        (answer,) = await world.desk("resumeDisputes", other)
    assert answer["code"] == "DISPUTE_STATUS_CHANGE_NOT_ALLOWED"


@pytest.mark.parametrize("status", [*HUMAN, "CREATED", "ALREADY_EXIST_CREATED", "CREATE_ADJUSTMENT"])
async def test_43_a_message_changes_the_message_alone(world, nothing_written, status):
    dispute = await into(world, status)
    before = await world.read(dispute)
    item = {"dispute": dispute, "providerMessage": "they will call"}
    if status in HUMAN:
        (answer,) = await world.desk("updateDisputeMessages", item)
        assert answer == before | {
            "providerMessage": "they will call",
            "version": before["version"] + 1,
            "__typename": "Dispute",
        }
    else:
        async with nothing_written():
            (answer,) = await world.desk("updateDisputeMessages", item)
        assert answer["code"] == "DISPUTE_STATUS_CHANGE_NOT_ALLOWED"


async def test_44_a_command_never_takes_an_older_dispute(world):
    older = await world.created()
    await world.desk("cancelDisputes", older)
    newer = (await world.ask_to_create())["disputeId"]
    by_payment = {"dispute": {"payment": {"invoiceId": "inv", "paymentId": "pay"}}}
    other = await asyncpg.connect(settings().database_url)
    try:
        async with other.transaction():
            await other.fetch("SELECT FROM dispute WHERE dispute_id = $1 FOR NO KEY UPDATE", newer)
            waiting = asyncio.create_task(world.desk("cancelDisputes", by_payment))
            await asyncio.sleep(0.2)
            assert not waiting.done()
    finally:
        await other.close()
    (answer,) = await waiting
    assert (answer["disputeId"], answer["status"]) == (newer, "CANCELLED")


async def test_44_a_worker_that_is_overtaken_writes_nothing(world):
    dispute = await world.created(paid={"providerTrxId": "trx-undecided"})
    await world.script("quickpay", "open", "slow", seconds=0.5)
    tick = asyncio.create_task(world.create_tick())
    while not await world.calls("quickpay", "open"):
        await asyncio.sleep(0.01)
    (answer,) = await world.desk("cancelDisputes", dispute)
    assert answer["status"] == "CANCELLED"
    await tick
    assert await world.events(dispute) == ["open", "cancel"]


@pytest.mark.parametrize("status", ["MANUAL_PENDING", "ALREADY_EXIST_CREATED", "POOLING_EXPIRED", "CREATE_ADJUSTMENT"])
@pytest.mark.parametrize(
    ("paid", "ends"), [("captured", "SUCCEEDED"), ("refunded", "FAILED"), ("failed", None), ("pending", None)]
)
async def test_45_what_billing_settles_of_those_that_nobody_asks_about(world, status, paid, ends):
    dispute = await into(world, status)
    before = await world.read(dispute)
    await world.status(paid)
    await world.tick("process_forgotten_disputes")
    read = await world.read(dispute)
    assert read["status"] == (ends or status)
    if ends is None:
        assert (read["version"], read["nextCheckAt"] > before["nextCheckAt"]) == (before["version"], True)
    elif status == "CREATE_ADJUSTMENT":
        assert read["adjustment"]["status"] == ends
        await world.adjust_tick()
        assert await world.adjustments() == []


async def test_45_what_was_moved_meanwhile_stays_where_it_is(world):
    dispute = await world.expired()
    await world.script("billing", "payment", "slow", seconds=0.5)
    tick = asyncio.create_task(world.tick("process_forgotten_disputes"))
    before = len(await world.calls("billing", "payment"))
    while len(await world.calls("billing", "payment")) == before:
        await asyncio.sleep(0.01)
    await world.desk("resumeDisputes", dispute)
    resumed = await world.read(dispute)
    await tick
    assert await world.read(dispute) == resumed


async def test_whoever_waits_for_a_human_for_too_long_is_shown_once(world):
    dispute = await world.manual()
    await world.tick("process_forgotten_disputes")
    assert (await world.read(dispute))["needsAttention"] is False
    await fetch(sql("UPDATE dispute SET status_since = saldo_now() - interval '25 hours' RETURNING 1"))
    for _ in range(2):
        await world.tick("process_forgotten_disputes")
    assert (await world.read(dispute))["needsAttention"] is True
    assert (await world.events(dispute)).count("call_for_attention") == 1
    counts = await world.make.ask(
        "{ disputeCounts { publicStatus status count needsAttention } }", by=world.make.operator
    )
    assert counts == [{"publicStatus": "PENDING", "status": "MANUAL_PENDING", "count": 1, "needsAttention": 1}]
    await world.desk("approveDisputes", {"dispute": dispute, "skipProviderCheck": True})
    assert (await world.read(dispute))["needsAttention"] is False


async def test_one_that_billing_never_answers_about_is_shown_once(world):
    world.knobs(dispute_failures_max=2)
    dispute = await world.manual()
    await world.script("billing", "payment", "error", times=9)
    for _ in range(4):
        await world.tick("process_forgotten_disputes")
    read = await world.read(dispute)
    assert (read["status"], read["needsAttention"], "billing" in read["lastError"]) == ("MANUAL_PENDING", True, True)
    assert (await world.events(dispute)).count("call_for_attention") == 1


async def test_46_one_that_was_approved_and_is_cancelled_was_not_approved(world):
    dispute = await world.created(paid={"providerTrxId": "trx-changed"})
    await world.create_tick()
    await world.poll_tick()
    assert (await world.read(dispute))["changedAmount"] == {"minorUnits": "8000"}
    await world.desk("cancelDisputes", dispute)
    told = await world.read(dispute, MERCHANT)
    assert (told["publicStatus"], told["publicReason"], told["changedAmount"]) == ("FAILED", None, None)
    read = await world.read(dispute)
    assert (read["publicReason"], read["changedAmount"]) == (None, None)


async def test_what_is_asked_twice_by_one_key_is_done_once(world):
    first, second = await world.manual(), await world.created("two")
    answers = await world.desk("cancelDisputes", first, second, idempotencyKey="k")
    again = await world.desk("cancelDisputes", first, second, idempotencyKey="k")
    assert [one["disputeId"] for one in again] == [one["disputeId"] for one in answers] == [first, second]
    assert await world.events(first) == ["open", "escalate", "cancel"]


async def test_a_version_that_is_not_the_present_one_is_refused(world, nothing_written):
    dispute = await world.manual()
    async with nothing_written():
        (answer,) = await world.desk("cancelDisputes", {"dispute": dispute, "expectedVersion": 0})
    assert answer["code"] == "VERSION_CONFLICT"
    (answer,) = await world.desk("cancelDisputes", {"dispute": dispute, "expectedVersion": 1})
    assert answer["status"] == "CANCELLED"


ADD = """mutation ($input: AddDisputeEvidenceInput!) { addDisputeEvidence(input: $input) {
  __typename ... on Dispute { attachments { mimeType addedBy } } ... on Refusal { code } } }"""
SAY = """mutation ($input: CommentDisputeInput!) { commentDispute(input: $input) {
  __typename ... on Dispute { comments { text writtenBy } } ... on Refusal { code } } }"""


async def test_the_same_key_again_is_answered_though_it_has_ended_meanwhile(world, api, nothing_written):
    dispute = await world.manual()
    wanted = {"dispute": {"disputeId": dispute}, "attachments": [attached()], "idempotencyKey": "once"}
    first = await api(ADD, by=MERCHANT, input=wanted)
    said = {"dispute": {"disputeId": dispute}, "text": "please", "idempotencyKey": "words"}
    assert (await api(SAY, by=MERCHANT, input=said))["__typename"] == "Dispute"
    await world.desk("cancelDisputes", dispute)
    async with nothing_written():
        assert await api(ADD, by=MERCHANT, input=wanted) == first
        assert (await api(SAY, by=MERCHANT, input=said))["__typename"] == "Dispute"


async def test_files_and_words_are_added_while_it_is_open(world, api, make, nothing_written):
    dispute = await world.manual()
    ref = {"disputeId": dispute}
    told = await api(ADD, by=MERCHANT, input={"dispute": ref, "attachments": [attached()]})
    assert [one["addedBy"] for one in told["attachments"]] == ["MERCHANT", "MERCHANT"]
    await api(SAY, by=MERCHANT, input={"dispute": ref, "text": "please"})
    told = await api(SAY, by=make.operator, input={"dispute": ref, "text": "we look"})
    assert told["comments"] == [
        {"text": "please", "writtenBy": "MERCHANT"}, {"text": "we look", "writtenBy": "OPERATOR"},
    ]  # fmt: skip
    stored = len(await world.tools.outside.storage.older(-10, 100))
    world.knobs(dispute_attachments_max=2, attachments_max=2)
    async with nothing_written():
        told = await api(ADD, by=MERCHANT, input={"dispute": ref, "attachments": [attached()]})
        assert told["code"] == "TOO_MANY_ATTACHMENTS"
    await world.desk("cancelDisputes", dispute)
    async with nothing_written():
        told = await api(ADD, by=MERCHANT, input={"dispute": ref, "attachments": [attached()]})
        assert told["code"] == "DISPUTE_CLOSED"
        assert (await api(SAY, by=MERCHANT, input={"dispute": ref, "text": "x"}))["code"] == "DISPUTE_CLOSED"
        assert (await api(SAY, by=MERCHANT, input={"dispute": {"disputeId": "x"}, "text": "x"}))[
            "code"
        ] == "DISPUTE_NOT_FOUND"
    assert (
        len(await world.tools.outside.storage.older(-10, 100)) == stored + 1
    )  # of the one that came too late; cleared away
