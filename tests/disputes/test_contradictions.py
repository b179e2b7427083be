"""Where two words about one payment meet: a provider's own, its dispute's, an operator's and billing's."""

from __future__ import annotations

import asyncio

import pytest

from jobs.running import scheduled, woken
from models.disputes import operations as disputes
from models.disputes.reads import OfPayment
from models.kernel.refusals import Busy
from models.kernel.sql import fetch, sql
from models.wiring import JOBS
from models.work.operations import Report
from tests.disputes.test_adjusting import job
from tests.disputes.test_telling import TELL, ended, notify
from tests.disputes.world import MERCHANT


async def told(world) -> None:
    world.knobs(dispute_callbacks_enabled=True)
    ids = {"invoiceId": "inv", "paymentId": "pay"}
    answer = await world.make.ask(TELL, by=world.make.service, input=ids)
    assert answer["__typename"] == "PaymentCallback"
    await world.tick("check_payment_callbacks")


async def begun_by_the_provider(world) -> str:
    """A dispute at a provider that has not decided it, and says of its own accord that the payment succeeded."""
    dispute = await world.pending()
    await world.box.tell("quickpay/payments", providerTrxId="trx-undecided", success=True)
    await told(world)
    assert [row["status"] for row in await fetch(sql("SELECT status FROM adjustment"))] == ["create_adjustment"]
    return dispute


ACTIONS = "query ($ref: DisputeRef!) { dispute(ref: $ref) { allowedActions { name allowed } } }"


async def offered(world, dispute) -> set[str]:
    read = await world.make.ask(ACTIONS, by=world.make.operator, ref={"disputeId": dispute})
    return {action["name"] for action in read["allowedActions"] if action["allowed"]}


async def test_a_providers_word_leaves_the_dispute_where_it_is_and_is_shown_by_it(world):
    dispute = await begun_by_the_provider(world)
    read = await world.read(dispute)
    assert (read["status"], read["adjustment"]["status"]) == ("PENDING", "CREATE_ADJUSTMENT")
    assert (await world.events(dispute))[-1] == "start_adjustment"
    assert {"cancel", "settle"} <= await offered(world, dispute)
    await world.script("billing", "adjust", "lost_answer")
    await world.adjust_tick()
    assert not {"cancel", "settle"} & await offered(world, dispute)
    await world.adjust_tick()
    read = await world.read(dispute)
    assert (read["status"], read["adjustment"]["status"]) == ("SUCCEEDED", "SUCCEEDED")


async def test_a_dispute_that_is_born_later_shows_it_too(world):
    await world.payment(providerTrxId="trx-undecided")
    await world.box.tell("quickpay/payments", providerTrxId="trx-undecided", success=True)
    await told(world)
    dispute = (await world.ask_to_create())["disputeId"]
    read = await world.read(dispute)
    assert (read["status"], read["version"], read["adjustment"]["status"]) == ("CREATED", 0, "CREATE_ADJUSTMENT")
    await world.adjust_tick()
    assert await world.stands(dispute) == "SUCCEEDED"


async def test_what_an_operator_has_called_off_no_word_of_a_provider_begins_again(world):
    dispute = await world.adjusting()
    assert (await world.desk("cancelDisputes", dispute))[0]["status"] == "CANCELLED"
    await told(world)
    (row,) = await fetch(sql("SELECT status, detail FROM payment_callback"))
    assert (row["status"], row["detail"]) == ("ignored", "the adjustment of the payment is cancelled")
    await world.adjust_tick()
    assert await world.adjustments() == []


async def test_a_failed_one_is_begun_again_by_it_and_still_shown_by_the_dispute_that_had_it(world):
    first = await world.adjusting()
    await world.script("billing", "adjust", "refuse")
    await world.adjust_tick()
    assert (await world.read(first))["adjustment"]["status"] == "FAILED"
    await told(world)
    assert (await world.read(first))["adjustment"]["status"] == "CREATE_ADJUSTMENT"
    await world.adjust_tick()
    read = await world.read(first)
    assert (read["status"], read["adjustment"]["status"]) == ("FAILED", "SUCCEEDED")
    assert await world.adjustments() == [("captured", 1)]


@pytest.mark.parametrize("verb", ["cancelDisputes", "approveDisputes"])
async def test_an_operator_stops_what_a_providers_word_began(world, verb):
    dispute = await begun_by_the_provider(world)
    more = {"skipProviderCheck": True} if verb == "approveDisputes" else {}
    (answer,) = await world.desk(verb, {"dispute": dispute, **more})
    assert answer["status"] in ("CANCELLED", "SUCCEEDED")
    await world.adjust_tick()
    assert await world.adjustments() == []
    assert [row["status"] for row in await fetch(sql("SELECT status FROM adjustment"))] == ["cancelled"]


@pytest.mark.parametrize("verb", ["cancelDisputes", "approveDisputes"])
async def test_and_not_once_billing_was_told(world, nothing_written, verb):
    dispute = await begun_by_the_provider(world)
    await world.script("billing", "adjust", "lost_answer")
    await world.adjust_tick()
    more = {"skipProviderCheck": True} if verb == "approveDisputes" else {}
    async with nothing_written():
        (answer,) = await world.desk(verb, {"dispute": dispute, **more})
    assert answer["code"] == "ADJUSTMENT_SENT"
    await world.adjust_tick()
    assert await world.stands(dispute) == "SUCCEEDED"


async def test_a_provider_that_confirms_the_payment_and_declines_the_dispute_is_read_by_a_human(world):
    dispute = await begun_by_the_provider(world)
    await world.decide(dispute, "fail", code="no_transfer", reason="nothing came in")
    await world.poll_tick()
    read = await world.read(dispute)
    assert (read["status"], read["providerMessage"]) == ("MANUAL_PENDING", "nothing came in")
    assert "has confirmed the payment: no_transfer" in read["technicalError"]


async def test_what_is_told_again_while_it_is_asked_about_is_asked_about_again(world):
    world.knobs(dispute_callbacks_enabled=True)
    await world.payment(providerTrxId="trx-none")
    ids = {"invoiceId": "inv", "paymentId": "pay"}
    await world.make.ask(TELL, by=world.make.service, input=ids)
    await world.script("quickpay", "check_payment", "slow", seconds=0.5)
    tick = asyncio.create_task(world.tick("check_payment_callbacks"))
    while not await world.calls("quickpay", "check_payment"):
        await asyncio.sleep(0.01)
    await world.box.tell("quickpay/payments", providerTrxId="trx-none", success=True)
    await world.make.ask(TELL, by=world.make.service, input=ids)
    await tick
    await world.tick("check_payment_callbacks")
    assert [row["status"] for row in await fetch(sql("SELECT status FROM payment_callback"))] == ["confirmed"]


async def test_an_order_of_which_nobody_knows_stays_sent_whatever_billing_says_of_another(world, nothing_written):
    dispute = await world.adjusting()
    await world.box.tell("billing/adjusting", hold=True)
    await world.script("billing", "adjust", "lost_answer")
    await world.adjust_tick()
    await world.script("billing", "adjustments", "malformed")  # it does not see it among the others
    await world.adjust_tick()
    assert (await job(dispute))["captured_sent_at"] is not None
    async with nothing_written():
        assert (await world.desk("cancelDisputes", dispute))[0]["code"] == "ADJUSTMENT_SENT"


async def test_a_job_that_begins_again_with_another_amount_goes_to_a_human(world):
    first = await world.created(paid={"providerTrxId": "trx-undecided"})
    await world.create_tick()
    await world.decide(first, "success", changedAmount=8_000, payment=True)
    await world.poll_tick()
    await world.adjust_tick()
    await world.script("billing", "adjust", "refuse")
    await world.adjust_tick()
    assert (await world.stands(first), await world.adjustments()) == ("FAILED", [("cash_flow", 1)])
    await world.box.tell("quickpay/payments", providerTrxId="trx-undecided", success=True, changedAmount=7_000)
    second = (await world.ask_to_create())["disputeId"]
    await world.create_tick()
    await world.adjust_tick()
    read = await world.read(second)
    assert (read["status"], read["technicalError"]) == (
        "MANUAL_PENDING", "billing was told another amount of this payment before",
    )  # fmt: skip
    assert await world.adjustments() == [("cash_flow", 1)]


async def test_what_was_decided_on_another_status_is_decided_again(world, nothing_written):
    await world.manual()
    which, by = OfPayment("inv", "pay"), world.make.operator.viewer
    async with nothing_written():
        with pytest.raises(Busy):
            await disputes.settle(which, adjusted=True, by=by)


async def test_a_merchant_is_told_why_he_was_not_told_in_a_word(world, monkeypatch):
    dispute = await ended(world)
    await world.script("receiver", "notify", "error")
    await notify(world)
    assert (await world.read(dispute, MERCHANT))["notification"]["lastError"] == "status_500"

    async def broken(self, message):
        raise RuntimeError("SELECT something FROM inside")

    monkeypatch.setattr(type(world.tools.outside.receivers), "post", broken)
    await notify(world)
    told_so = (await world.read(dispute, MERCHANT))["notification"]
    assert (told_so["lastError"], told_so["attemptsLeft"]) == ("inside", 3)


async def test_what_nobody_ever_concludes_is_a_failure_and_then_a_humans(world):
    world.knobs(dispute_attempts_max=2, dispute_failures_max=2)
    dispute = await world.created()
    await fetch(sql("UPDATE dispute SET attempts = 2 RETURNING 1"))
    for status in ("CREATED", "MANUAL_PENDING"):
        await world.create_tick()
        assert await world.stands(dispute) == status
    assert await world.calls("quickpay", "*") == []
    assert "never concluded" in (await world.read(dispute))["technicalError"]


async def test_a_job_runs_once_at_a_time_and_once_more_if_it_was_called_for(world):
    runs, going = [], asyncio.Event()

    async def body(_tools) -> Report:
        runs.append(1)
        await going.wait()
        return Report()

    name = "process_created_disputes"
    first = asyncio.create_task(scheduled(JOBS[name], {name: body}))
    while not runs:
        await asyncio.sleep(0.01)
    await scheduled(JOBS[name], {name: body})
    await woken(JOBS[name], {name: body})
    assert len(runs) == 1
    going.set()
    await first
    assert len(runs) == 2
