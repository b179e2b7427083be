"""Disputes carried to their providers and after their answers. [spec/disputes §11, 15-30]"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from models.disputes.lifecycle import Polling
from models.kernel.sql import fetch, sql
from tests.disputes.world import MERCHANT

# created


async def test_15_nothing_is_taken_before_it_is_due_and_the_oldest_first(world):
    first = await world.created("one")
    assert (await world.tick("process_created_disputes", due=False)).done == 0
    second = await world.created("two")
    ages = ((first, 10), (second, 20))
    for dispute, seconds in ages:
        await fetch(
            sql(
                "UPDATE dispute SET next_check_at = saldo_now() - make_interval(secs => {}) WHERE dispute_id = {} RETURNING 1",
                seconds, dispute,
            )
        )  # fmt: skip
    world.knobs(dispute_at_once=1)
    assert (await world.tick("process_created_disputes", due=False)).done == 2
    assert [call["idempotencyKey"] for call in await world.calls("quickpay", "open")] == [second, first]


@pytest.mark.parametrize(("captured", "changed"), [(10_100, {"minorUnits": "10100"}), (10_000, None)])
async def test_16_a_payment_that_was_captured_meanwhile_ends_it_well(world, captured, changed):
    dispute = await world.created(paid={"status": "captured", "capturedAmount": captured})
    await world.create_tick()
    read = await world.read(dispute)
    assert (read["status"], read["changedAmount"], read["publicReason"]) == ("SUCCEEDED", changed, "approved")
    assert await world.calls("quickpay", "*") == []
    assert await world.adjustments() == []


@pytest.mark.parametrize("status", ["refunded", "charged_back", "something_else"])
async def test_17_a_payment_that_went_another_way_ends_it_badly(world, status):
    dispute = await world.created(paid={"status": status})
    await world.create_tick()
    read = await world.read(dispute)
    assert (read["status"], read["publicReason"]) == ("FAILED", "server_error")
    assert read["technicalError"] == f"payment status restrictions: {status}"


@pytest.mark.parametrize("status", ["pending", "processed"])
async def test_a_payment_that_has_not_ended_holds_it_back_and_then_calls_a_human(world, status):
    dispute = await world.created(paid={"status": status})
    before = await world.read(dispute)
    for _ in range(2):
        assert (await world.create_tick()).failures == 0
    read = await world.read(dispute)
    assert (read["status"], read["version"]) == ("CREATED", before["version"])
    assert read["nextCheckAt"] > before["nextCheckAt"]
    assert await world.calls("quickpay", "*") == []
    await world.status("captured")
    await world.past_deadline(dispute)
    await world.status(status)
    await world.create_tick()
    read = await world.read(dispute)
    assert (read["status"], read["mode"]) == ("MANUAL_PENDING", "MANUAL")
    assert "has not ended in billing" in read["technicalError"]


async def test_without_the_rule_a_payment_on_its_way_is_taken_to_its_provider(world):
    world.knobs(dispute_hold_until_final=False)
    dispute = await world.created(paid={"status": "pending", "providerTrxId": "trx-undecided"})
    await world.create_tick()
    assert await world.stands(dispute) == "PENDING"


async def test_18_a_payment_that_succeeded_after_all_needs_no_dispute_there(world):
    dispute = await world.created(paid={"providerTrxId": "trx-paid"})
    await world.create_tick()
    read = await world.read(dispute)
    assert (read["status"], read["publicReason"]) == ("CREATE_ADJUSTMENT", "approved")
    assert read["adjustment"]["status"] == "CREATE_ADJUSTMENT"
    assert await world.calls("quickpay", "open") == []
    assert await world.events(dispute) == ["open", "confirm"]


async def test_19_a_provider_takes_it_and_without_a_door_the_desk_does(world):
    first = await world.created(
        "one", paid={"providerTrxId": "trx-undecided", "payerEmail": "a@b.c", "riskScores": ["low", "high"]}
    )
    second = await world.created("two", paid={"terminalId": 3})
    await world.create_tick()
    read = await world.read(first)
    assert (read["status"], read["mode"], read["riskScore"]) == ("PENDING", "AUTOMATIC", "high")
    assert read["providerDisputeId"].startswith("quickpay-")
    (there,) = (await world.box.ask("quickpay/disputes"))["disputes"]
    assert (there["disputeId"], there["payerEmail"], there["riskScore"], there["amount"]) == (
        first,
        "a@b.c",
        "high",
        10_000,
    )
    read = await world.read(second)
    assert (read["status"], read["mode"], read["technicalError"]) == (
        "MANUAL_PENDING", "MANUAL", "dispute via the support desk",
    )  # fmt: skip
    (desk,) = (await world.box.ask("support/disputes"))["disputes"]
    assert desk["disputeId"] == second


async def test_the_files_that_a_provider_gets_can_be_fetched(world):
    dispute = await world.pending()
    (there,) = (await world.box.ask("quickpay/disputes"))["disputes"]
    url = there["attachments"][0]["url"]
    answer = await world.make.http.get(url[url.index("/attachments/") :])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert await world.stands(dispute) == "PENDING"


async def test_without_a_desk_the_people_of_the_house_are_it(world):
    from dataclasses import replace  # noqa: PLC0415

    world.tools = replace(world.tools, outside=replace(world.tools.outside, support=None))
    dispute = await world.manual()
    assert (await world.read(dispute))["providerDisputeId"] == f"house:{dispute}"


@pytest.mark.parametrize(
    ("trx", "status", "public", "message"),
    [
        ("trx-declined", "FAILED", "no_transfer", "no such transfer came in"),
        ("trx-unplaced", "MANUAL_PENDING", None, "Answer 17: ask by phone"),
    ],
)
async def test_20_what_a_provider_declines(world, trx, status, public, message):
    dispute = await world.created(paid={"providerTrxId": trx})
    await world.create_tick()
    read = await world.read(dispute)
    assert (read["status"], read["publicReason"], read["providerMessage"]) == (status, public, message)
    if status == "FAILED":
        told = await world.read(dispute, MERCHANT)
        assert (told["publicStatus"], told["publicReason"]) == ("FAILED", "no_transfer")


async def test_21_one_that_exists_there_and_one_that_is_to_come_later(world):
    exists = await world.created("one", paid={"providerTrxId": "trx-exists"})
    later = await world.created("two", paid={"providerTrxId": "trx-later"})
    before = await world.read(later)
    await world.create_tick()
    assert (await world.read(exists))["mode"] == "MANUAL"
    assert await world.stands(exists) == "ALREADY_EXIST_CREATED"
    read = await world.read(later)
    assert (read["status"], read["version"]) == ("CREATED", before["version"])
    assert read["nextCheckAt"] > before["nextCheckAt"]
    await world.past_deadline(later)
    await world.create_tick()
    read = await world.read(later)
    assert (read["status"], "wants to be asked later" in read["technicalError"]) == ("MANUAL_PENDING", True)


async def test_22_an_adapter_that_has_no_door_after_all(world):
    await world.box.tell(
        "billing/terminals", id=5, providerId=3, url=f"{world.box.url}/nodoorpay",
        options={"DISPUTE_FLOW_PROVIDERS_API_EXIST": "1"},
    )  # fmt: skip
    dispute = await world.created(paid={"terminalId": 5})
    await world.create_tick()
    assert await world.stands(dispute) == "MANUAL_PENDING"
    assert len((await world.box.ask("support/disputes"))["disputes"]) == 1


async def test_22_an_adapter_that_says_what_went_wrong(world):
    dispute = await world.created(paid={"providerTrxId": "trx-unexpected"})
    await world.create_tick()
    read = await world.read(dispute)
    assert (read["status"], read["technicalError"]) == (
        "MANUAL_PENDING", "provider result unexpected: code = 42, description = the acquirer is closed",
    )  # fmt: skip


@pytest.mark.parametrize("outcome", ["error", "timeout", "malformed", "rate_limit"])
async def test_23_an_adapter_that_does_not_answer_stops_no_other(world, outcome):
    first = await world.created("one")
    second = await world.created("two", paid={"providerTrxId": "trx-undecided"})
    before = await world.read(first)
    await world.script("quickpay", "open", outcome, match=first)
    report = await world.create_tick()
    assert (report.done, report.failures) == (1, 1)
    read = await world.read(first)
    assert (read["status"], read["version"], read["lastError"] is None) == ("CREATED", before["version"], False)
    assert await world.stands(second) == "PENDING"
    await world.create_tick()
    assert await world.stands(first) == "PENDING"
    (there,) = [one for one in (await world.box.ask("quickpay/disputes"))["disputes"] if one["disputeId"] == first]
    assert there["opened"] == 1


async def test_what_fails_again_and_again_goes_to_a_human(world):
    world.knobs(dispute_failures_max=3)
    dispute = await world.created()
    await world.script("quickpay", "check_payment", "error", times=9)
    for _ in range(3):
        assert await world.stands(dispute) == "CREATED"
        await world.create_tick()
    read = await world.read(dispute)
    assert (read["status"], read["mode"]) == ("MANUAL_PENDING", "MANUAL")
    assert "providers gave no answer to check_payment" in read["technicalError"]


async def test_24_files_that_are_gone(world):
    dispute = await world.created()
    storage = world.tools.outside.storage
    await storage.remove(list(await storage.older(-10, 100)))
    await world.create_tick()
    read = await world.read(dispute)
    assert (read["status"], read["technicalError"]) == ("FAILED", "no attachments")
    assert await world.calls("quickpay", "open") == []


@pytest.mark.parametrize("status", ["CREATED", "PENDING"])
async def test_a_payment_or_an_invoice_that_is_gone(world, status):
    first = await world.created("one") if status == "CREATED" else await world.pending()
    await world.box.tell("reset", system="billing")
    await world.create_tick()
    await world.poll_tick()
    read = await world.read(first)
    assert (read["status"], read["technicalError"]) == ("FAILED", "invoice not found")


# pending


async def test_26_one_that_nobody_there_knows_goes_back_a_step(world):
    dispute = await world.pending()
    await fetch(sql("UPDATE dispute SET provider_dispute_id = NULL RETURNING 1"))
    await world.poll_tick()
    assert await world.stands(dispute) == "CREATED"
    await world.create_tick()
    assert await world.stands(dispute) == "PENDING"
    (there,) = (await world.box.ask("quickpay/disputes"))["disputes"]
    assert (there["asked"], there["opened"]) == (2, 1)


async def test_27_what_is_decided_late_is_decided_all_the_same(world):
    dispute = await world.pending()
    await world.past_deadline(dispute)
    await world.decide(dispute, "success", changedAmount=8_000, message="found it")
    await world.poll_tick()
    read = await world.read(dispute)
    assert (read["status"], read["changedAmount"], read["providerMessage"]) == (
        "CREATE_ADJUSTMENT", {"minorUnits": "8000"}, "found it",
    )  # fmt: skip
    assert read["adjustment"]["changedAmount"] == {"minorUnits": "8000"}


async def test_27_what_is_undecided_at_the_deadline_goes_to_a_human(world):
    dispute = await world.expired()
    read = await world.read(dispute)
    assert (read["status"], read["mode"], read["publicReason"]) == ("POOLING_EXPIRED", "MANUAL", None)


@pytest.mark.parametrize(
    ("options", "age", "seconds"),
    [
        ({}, 0, 2), ({}, 1, 2), ({}, 2, 4), ({}, 7, 8), ({}, 15, 16), ({}, 60, 64), ({}, 255, 256), ({}, 256, 300),
        ({}, 10_000, 300),
        ({"exponential": "1"}, 10_000, 2),
        ({"exponential": "3"}, 60, 162),
        ({"exponential": "3", "dispute_exponential": "2"}, 60, 64),
        ({"default_initial_exponential_sec": "5"}, 60, 80),
        ({"max_time_backoff_sec": "30"}, 60, 30),
        ({"max_time_backoff_sec": "30", "dispute_max_time_backoff_sec": "70"}, 60, 64),
        ({"exponential": "0"}, 60, 64), ({"exponential": "x"}, 60, 64), ({"default_initial_exponential_sec": "-1"}, 60, 64),
        ({"max_time_backoff_sec": "٣"}, 60, 64), ({"exponential": "9" * 400}, 60, 64),
    ],
)  # fmt: skip
def test_28_how_long_it_is_waited(options, age, seconds):
    assert Polling.of(options, 600).interval(timedelta(seconds=age)) == timedelta(seconds=seconds)


def test_29_after_hours_away_there_is_one_question_and_no_storm():
    polling, born = Polling(), datetime(2026, 1, 1, tzinfo=UTC)
    due, now = born + timedelta(minutes=10), born + timedelta(hours=2, minutes=10)
    assert polling.next_check(since=born, last=due, now=now) == now + timedelta(seconds=300)
    early = born + timedelta(minutes=9)
    assert polling.next_check(since=born, last=due, now=early) == due + timedelta(seconds=300)


async def test_29_a_poll_that_finds_nothing_is_no_news(world):
    dispute = await world.pending()
    before = await world.read(dispute)
    for _ in range(3):
        await world.poll_tick()
    assert (await world.tick("process_pending_disputes", due=False)).done == 0
    read = await world.read(dispute)
    assert (read["version"], read["status"]) == (before["version"], "PENDING")
    wait = datetime.fromisoformat(read["nextCheckAt"]) - datetime.now(UTC)
    assert timedelta(0) < wait <= timedelta(seconds=4)
    assert len(await world.calls("quickpay", "check_dispute")) == 3


async def test_30_a_provider_that_contradicts_itself(world):
    dispute = await world.created(paid={"providerTrxId": "trx-contradicts"})
    await world.create_tick()
    for _ in range(2):
        await world.poll_tick()
    read = await world.read(dispute)
    assert (read["status"], read["adjustment"]) == ("PENDING", None)
    await world.past_deadline(dispute)
    await world.poll_tick()
    read = await world.read(dispute)
    assert (read["status"], read["adjustment"]) == ("MANUAL_PENDING", None)
    assert "does not confirm the payment" in read["technicalError"]


async def test_a_provider_that_says_no(world):
    dispute = await world.created(paid={"providerTrxId": "trx-refused"})
    await world.create_tick()
    await world.poll_tick()
    read = await world.read(dispute)
    assert (read["status"], read["publicReason"], read["providerMessage"]) == (
        "FAILED", "payment_not_found", "no such payment came in",
    )  # fmt: skip
    assert await world.read(dispute, MERCHANT)


@pytest.mark.parametrize(
    "given",
    [{"changedAmount": 0}, {"changedAmount": -5}, {"changedAmount": 2**63}],
)
async def test_an_answer_that_makes_no_sense_is_no_answer(world, given):
    dispute = await world.pending()
    await world.decide(dispute, "success", **given)
    report = await world.poll_tick()
    assert report.failures == 1
    read = await world.read(dispute)
    assert (read["status"], read["changedAmount"], read["adjustment"]) == ("PENDING", None, None)


async def test_the_moody_provider_comes_to_an_end(world):
    await world.box.tell("moodypay/moods", latencySeconds=0.01)
    dispute = await world.created(paid={"terminalId": 2, "providerTrxId": "trx-changed"})
    for _ in range(2):
        await world.create_tick()
    for _ in range(3):
        assert await world.stands(dispute) == "PENDING"
        await world.poll_tick()
    for _ in range(2):
        assert await world.stands(dispute) == "CREATE_ADJUSTMENT"
        await world.adjust_tick()
    read = await world.read(dispute, MERCHANT)
    assert (read["publicStatus"], read["changedAmount"]) == ("SUCCEEDED", {"minorUnits": "8000"})
    assert await world.adjustments() == [("cash_flow", 1), ("captured", 1)]
