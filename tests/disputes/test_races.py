"""Wherever two can meet over a dispute one of them is first, and the other is told or writes nothing. With its guard taken out it
goes wrong. [spec/disputes §10.2]"""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from jobs.wiring import BODIES
from models.disputes.operations import adjusting, deciding, making
from models.kernel.sql import fetch, sql
from models.ledger.audit import audit
from models.wiring import CHECKS
from models.work import claims
from settings import settings
from tests.disputes.test_deaths import hook, leases_end, received

WORKERS = 3


async def differences():
    return [text for finding in (await audit(CHECKS)).findings for text in finding.differences]


def code(answer):
    return answer.get("code") if isinstance(answer, dict) else type(answer).__name__


async def at_once(*calls):
    return await asyncio.gather(*calls, return_exceptions=True)


# --- creating


async def twenty_creates(world):
    """What is wrong after twenty have disputed one payment at once."""
    await world.payment()
    answers = await at_once(*(world.ask_to_create() for _ in range(20)))
    ids = {answer["disputeId"] for answer in answers if isinstance(answer, dict) and "disputeId" in answer}
    odd = [code(answer) for answer in answers if not isinstance(answer, dict) or "disputeId" not in answer]
    return [*(f"{len(ids)} disputes" for _ in range(len(ids) != 1)), *(one for one in odd if one != "BUSY")]


async def test_5_twenty_at_once_are_one(world):
    assert await twenty_creates(world) == []


async def test_5_without_the_lock_of_the_payment_some_fail(world, monkeypatch):
    async def nobody_waits(*_):
        return None

    monkeypatch.setattr(making, "at_payment", nobody_waits)
    assert await twenty_creates(world) != []  # the index lets one in: the others are not told which


# --- two workers


async def two_workers(world, job, calls):
    """How often the outside was asked when several workers run a job at once; each call takes a while."""
    await world.due()
    system, operation = calls
    await world.script(system, operation, "slow", seconds=0.4, times=WORKERS)

    async def worker(number):
        await asyncio.sleep(number * 0.06)  # after the other's claim, and long before its answer
        await BODIES[job](world.tools)

    await at_once(*(worker(number) for number in range(WORKERS)))
    return len(await world.calls(system, operation))


async def given(world, job):
    match job:
        case "process_created_disputes":
            await world.created(paid={"providerTrxId": "trx-undecided"})
            return "quickpay", "open"
        case "process_pending_disputes":
            await world.pending()
            return "quickpay", "check_dispute"
        case "process_adjustments":
            await world.adjusting()
            return "billing", "adjust"
        case "deliver_dispute_notifications":
            dispute = await world.created(notificationUrl=hook(world))
            await world.desk("cancelDisputes", dispute)
            return "receiver", "notify"
    await world.created()
    return "support", "tell"


JOBS = (
    "process_created_disputes", "process_pending_disputes", "process_adjustments", "deliver_dispute_notifications",
    "tell_support",
)  # fmt: skip


@pytest.mark.parametrize("job", JOBS)
async def test_several_workers_ask_once(world, job):
    assert await two_workers(world, job, await given(world, job)) == 1
    assert await differences() == []


@pytest.mark.parametrize(
    "job", [job for job in JOBS if job != "process_adjustments"]
)  # its token is asked once more before it
async def test_without_leases_they_ask_again_and_again(world, job, monkeypatch):
    calls = await given(world, job)
    monkeypatch.setattr(claims, "FREE", "TRUE")
    assert await two_workers(world, job, calls) > 1


# --- cancelled while it is ordered


async def cancelled_while_ordered(world, rounds=4):
    """A dispute is cancelled and nothing is ever ordered, or what is ordered ends it and the cancel is refused."""
    wrong = []
    for number in range(rounds):
        invoice = f"i{number}"
        dispute = await world.created(invoice, paid={"providerTrxId": "trx-paid"})
        await world.create_tick()
        await world.due()
        calls = [BODIES["process_adjustments"](world.tools), world.desk("cancelDisputes", dispute)]
        found = await at_once(*(calls if number % 2 else reversed(calls)))
        answers = next((one for one in found if isinstance(one, list)), [{"code": "none"}])
        await leases_end()
        await world.adjust_tick()
        listed = (await world.box.ask("billing/adjustments"))["adjustments"]
        ordered = len([one for one in listed if one["invoiceId"] == invoice])
        stood = (code(answers[0]), await world.stands(dispute), ordered)
        right = (
            (None, "CANCELLED", 0),
            ("ADJUSTMENT_SENT", "SUCCEEDED", 1),
            ("DISPUTE_STATUS_CHANGE_NOT_ALLOWED", "SUCCEEDED", 1),
        )
        wrong += [] if stood in right else [str(stood)]
    return wrong + await differences()


async def test_36_cancelled_or_ordered_and_never_both(world):
    assert await cancelled_while_ordered(world) == []


@pytest.mark.broken_books
async def test_36_without_looking_at_what_was_sent_it_goes_wrong(world, monkeypatch):
    dispute = await world.adjusting()
    await world.script("billing", "adjust", "lost_answer")
    await world.adjust_tick()

    async def never_mind(*_):
        return None

    monkeypatch.setattr(deciding, "_call_off", never_mind)
    monkeypatch.setattr("models.disputes.lifecycle.moves.nothing_sent", lambda _row: None)
    await fetch(sql("UPDATE dispute SET adjustment_sent = false RETURNING 1"))
    (answer,) = await world.desk("cancelDisputes", dispute)
    assert (answer["status"], await world.adjustments()) == ("CANCELLED", [("captured", 1)])
    assert await differences() != []


# --- a job ends while its dispute is held


async def ended_while_held(world, dispute):
    other = await asyncpg.connect(settings().database_url)
    try:
        async with other.transaction():
            await other.fetch("SELECT FROM dispute WHERE dispute_id = $1 FOR NO KEY UPDATE", dispute)
            tick = asyncio.create_task(world.adjust_tick())
            await asyncio.sleep(0.4)
    finally:
        await other.close()
    await tick


async def test_37_a_job_and_its_dispute_end_together(world):
    dispute = await world.adjusting()
    await world.script("billing", "adjust", "slow", seconds=0.1)
    await ended_while_held(world, dispute)
    await leases_end()
    await world.adjust_tick()
    read = await world.read(dispute)
    assert (read["status"], read["adjustment"]["status"]) == ("SUCCEEDED", "SUCCEEDED")


@pytest.mark.broken_books
async def test_37_whoever_passes_over_a_held_dispute_ends_the_job_alone(world, monkeypatch):
    dispute = await world.adjusting()

    async def passed_over(_work, _invoice, _payment):
        return None

    monkeypatch.setattr(adjusting, "locked_open", passed_over)
    await world.adjust_tick()
    read = await world.read(dispute)
    assert (read["status"], read["adjustment"]["status"]) == ("CREATE_ADJUSTMENT", "SUCCEEDED")
    assert await differences() != []


# --- whoever comes too late


async def overtaken(world):
    """A poll that takes long, and an operator who ends the dispute meanwhile and a merchant who begins another one."""
    dispute = await world.pending()
    await world.script("quickpay", "check_dispute", "slow", seconds=0.4)
    await world.decide(dispute, "success", payment=True)
    tick = asyncio.create_task(world.poll_tick())
    while not await world.calls("quickpay", "check_dispute"):
        await asyncio.sleep(0.01)
    await world.desk("cancelDisputes", dispute)
    await tick
    return await world.stands(dispute), await world.events(dispute)


async def test_44_whoever_is_overtaken_writes_nothing(world):
    assert await overtaken(world) == ("CANCELLED", ["open", "accept", "cancel"])


async def test_44_a_time_that_is_moved_never_brings_an_old_status_back(world):
    """The forgotten are looked at while an operator resumes one: what it was is not written over what it is."""
    dispute = await world.expired()
    await world.script("billing", "payment", "slow", seconds=0.3)
    tick = asyncio.create_task(world.tick("process_forgotten_disputes"))
    await asyncio.sleep(0.1)
    await world.desk("resumeDisputes", dispute)
    resumed = await world.read(dispute)
    await tick
    assert await world.read(dispute) == resumed


async def put_back_after_a_verb(world):
    """When the dispute is due after a resume that came while it was looked at."""
    dispute = await world.expired()
    await world.script("billing", "payment", "slow", seconds=0.3)
    tick = asyncio.create_task(world.tick("process_forgotten_disputes"))
    await asyncio.sleep(0.1)
    await world.desk("resumeDisputes", dispute)
    await fetch(sql("UPDATE dispute SET next_check_at = '2020-01-01' RETURNING 1"))
    await tick
    return (await fetch(sql("SELECT next_check_at FROM dispute")))[0][0].year


async def test_a_claim_that_is_over_moves_no_time(world):
    assert await put_back_after_a_verb(world) == 2020


async def test_one_bad_row_stops_no_other(world):
    bad = await world.created("bad")
    good = [await world.created(f"good{n}", paid={"providerTrxId": "trx-undecided"}) for n in range(3)]
    await world.script("billing", "payment", "malformed", match="/bad/", times=9)
    world.knobs(dispute_at_once=1)
    await world.create_tick()
    assert [await world.stands(one) for one in (bad, *good)] == ["CREATED", "PENDING", "PENDING", "PENDING"]


async def test_notifications_of_many_are_each_told_once(world):
    for number in range(4):
        dispute = await world.created(f"n{number}", notificationUrl=hook(world, "all"))
        await world.desk("cancelDisputes", dispute)
    await world.due()
    await at_once(*(BODIES["deliver_dispute_notifications"](world.tools) for _ in range(WORKERS)))
    told = [one["delivery"] for one in await received(world, "all")]
    assert len(told) == len(set(told)) == 4
