"""Whatever has to wait is looked at later and later, never at once again, and whoever was away makes up nothing. Through the jobs,
with what they write down. [spec/disputes §3.4, §10.2, H-O2, H-O3, H-O16, H-O18; §11, 26, 29, 30, 33, 34]"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from models.kernel.clock import now
from models.kernel.sql import fetch, sql
from models.work.operations import Report
from tests.disputes.racing import until_called
from tests.disputes.test_adjusting import changed
from tests.disputes.test_adjusting_races import word
from tests.disputes.test_telling import ended

CREATED, PENDING, FORGOTTEN = (f"process_{name}_disputes" for name in ("created", "pending", "forgotten"))
ADJUST, CALLBACKS, NOTIFY = "process_adjustments", "check_payment_callbacks", "deliver_dispute_notifications"
WELL, BADLY, NOTHING = Report(done=1), Report(failures=1), Report()
HAS_API = {"DISPUTE_FLOW_PROVIDERS_API_EXIST": "true"}
PATIENT = [(100, 128), (10_000, 300)]
"""How old it is, and how long it waits then, by the plain options."""


async def aged(table: str, seconds: float) -> None:
    """The one row of a table began so long ago."""
    born = sql(f"UPDATE {table} SET created_at = saldo_now() - make_interval(secs => {{}}) RETURNING 1", float(seconds))
    assert len(await fetch(born)) == 1


async def away(table: str, *, hours: int) -> None:
    """It was to be looked at so many hours ago, and nobody was there."""
    query = f"UPDATE {table} SET next_check_at = saldo_now() - make_interval(hours => {{}}) RETURNING 1"
    assert len(await fetch(sql(query, hours))) == 1


async def asked(world) -> list[tuple[str, str]]:
    """Whoever was asked, and what, in order."""
    return [(call["system"], call["operation"]) for call in (await world.box.ask("calls"))["calls"]]


async def waits(world, name: str, table: str, seconds: int, *, report: Report = WELL, due: bool = True, then=()):
    """One tick looks at the one row of a table, which then waits exactly so long from that moment on; ticks right after it, also of
    the jobs `then`, take nothing and ask nobody. Answers its row."""
    since = now()
    assert await world.tick(name, due=due) == report
    until, wait = now(), timedelta(seconds=seconds)
    before = await asked(world)
    assert before
    for again in (name, name, *then):
        assert (again, await world.tick(again, due=False)) == (again, NOTHING)
    assert await asked(world) == before
    (row,) = await fetch(sql(f"SELECT * FROM {table}"))
    assert since + wait <= row["next_check_at"] <= until + wait, row["next_check_at"] - until
    assert row["lease_token"] is None
    return row


async def anothers_is_worked_on(world) -> None:
    """Billing has an adjustment of somebody else of the payment, which is pending."""
    await world.box.tell("billing/adjusting", hold=True)
    path = f"{world.box.url}/billing/invoices/inv/payments/pay/adjustments"
    token = "Bearer development-only-billing-token-which-production-refuses"
    body = {"kind": "cash_flow", "reason": "another's", "amount": 1, "currency": "RUB"}
    headers = {"authorization": token, "idempotency-key": "another's"}
    assert (await world.box.client.post(path, json=body, headers=headers)).status_code == 201


# a step back, and a contradiction


@pytest.mark.parametrize(
    ("options", "age", "seconds"),
    [({}, 100, 128), ({}, 10_000, 300), ({"max_time_backoff_sec": "30"}, 100, 30), ({"exponential": "3"}, 100, 162)],
)
async def test_26_one_that_goes_back_a_step_waits_before_it_is_created_again(world, options, age, seconds):
    await world.box.tell("billing/terminals", id=1, url=f"{world.box.url}/quickpay", options=HAS_API | options)
    dispute = await world.pending()
    await fetch(sql("UPDATE dispute SET provider_dispute_id = NULL RETURNING 1"))
    await aged("dispute", age)
    row = await waits(world, PENDING, "dispute", seconds, then=[CREATED])
    assert (row["status"], row["mode"]) == ("created", "automatic")
    assert await world.events(dispute) == ["open", "accept", "step_back"]
    assert len(await world.calls("quickpay", "open")) == 1


async def test_30_after_a_contradiction_it_is_asked_again_later_and_later(world):
    dispute = await world.created(paid={"providerTrxId": "trx-contradicts"})
    await world.create_tick()
    before = await world.read(dispute)
    for age, seconds in PATIENT:
        await aged("dispute", age)
        row = await waits(world, PENDING, "dispute", seconds)
        assert (row["status"], row["version"], row["failures"]) == ("pending", before["version"], 0)
    assert await fetch(sql("SELECT 1 FROM adjustment")) == []
    assert len(await world.calls("quickpay", "check_dispute")) == 2
    assert len(await world.calls("quickpay", "check_payment")) == 3  # once before it was created


# adjustments, and what providers tell


async def test_34_an_adjustment_waits_longer_the_longer_its_payment_is_on_its_way(world):
    dispute = await world.adjusting()
    await world.status("pending")
    for age, seconds in PATIENT:
        await aged("adjustment", age)
        row = await waits(world, ADJUST, "adjustment", seconds)
        assert (row["status"], row["failures"], row["last_error"]) == ("create_adjustment", 0, None)
    assert await world.adjustments() == []
    assert await world.stands(dispute) == "CREATE_ADJUSTMENT"


async def test_33_an_adjustment_waits_longer_the_longer_billing_works_on_another_one(world):
    dispute = await changed(world)
    await anothers_is_worked_on(world)
    for age, seconds in PATIENT:
        await aged("adjustment", age)
        row = await waits(world, ADJUST, "adjustment", seconds)
        assert (row["status"], row["failures"], row["cash_flow_sent_at"]) == ("create_adjustment", 0, None)
    assert len(await world.calls("billing", "adjust")) == 1  # another's
    assert await world.stands(dispute) == "CREATE_ADJUSTMENT"


async def test_33_one_that_billing_puts_off_when_it_is_ordered_waits_and_was_never_sent(world):
    """Another one comes between what billing lists and what it is told."""
    dispute = await changed(world)
    await aged("adjustment", 100)
    await world.script("billing", "adjustments", "slow", seconds=1)
    looked_at = asyncio.create_task(waits(world, ADJUST, "adjustment", 128))
    await until_called(world, "billing", "adjustments")
    await anothers_is_worked_on(world)
    row = await looked_at
    assert (row["status"], row["failures"], row["cash_flow_sent_at"]) == ("create_adjustment", 0, None)
    told = await world.calls("billing", "adjust")
    assert len(told) == 2  # another's, and ours, which came to nothing
    assert await world.events(dispute) == ["open", "accept", "confirm", "send_adjustment", "put_off_adjustment"]
    (answer,) = await world.desk("cancelDisputes", dispute)
    assert (answer["status"], answer["adjustment"]["status"]) == ("CANCELLED", "CANCELLED")


async def a_new_one(world):
    await world.created()
    return CREATED, "dispute", ("quickpay", "check_payment")


async def one_that_is_polled(world):
    await world.pending()
    return PENDING, "dispute", ("quickpay", "check_dispute")


async def an_adjustment(world):
    await world.adjusting()
    return ADJUST, "adjustment", ("billing", "adjust")


async def a_callback(world):
    world.knobs(dispute_callbacks_enabled=True)
    await world.payment("inv-0", providerTrxId="trx-paid")
    await word(world)
    return CALLBACKS, "payment_callback", ("quickpay", "check_payment")


FAILING = [a_new_one, one_that_is_polled, an_adjustment, a_callback]


@pytest.mark.parametrize("what", FAILING)
async def test_what_goes_wrong_is_tried_later_and_later_up_to_a_limit(world, what):
    world.knobs(dispute_back_off_seconds=10, dispute_back_off_max_seconds=50)
    name, table, (system, operation) = await what(world)
    await world.script(system, operation, "error", times=4)
    (before,) = await fetch(sql(f"SELECT * FROM {table}"))
    for failures, seconds in enumerate((10, 20, 40, 50), 1):
        row = await waits(world, name, table, seconds, report=BADLY)
        assert (row["status"], row["failures"]) == (before["status"], failures)
        assert f"gave no answer to {operation}" in row["last_error"]


@pytest.mark.parametrize("what", [a_new_one, an_adjustment])
async def test_what_could_be_looked_at_in_between_begins_with_a_short_wait_again(world, what):
    world.knobs(dispute_back_off_seconds=10)
    name, table, (system, operation) = await what(world)
    await aged(table, 100)
    await world.script(system, operation, "error", times=3)
    for seconds in (10, 20):
        await waits(world, name, table, seconds, report=BADLY)
    await world.status("pending")
    row = await waits(world, name, table, 128)
    assert (row["failures"], row["last_error"]) == (0, None)
    await world.status("failed")
    await waits(world, name, table, 10, report=BADLY)


# after hours away


@pytest.mark.parametrize("what", FAILING)
async def test_29_what_goes_wrong_after_hours_away_is_tried_later_from_now_on(world, what):
    name, table, script = await what(world)
    await world.script(*script, "error")
    await aged(table, 4 * 3_600)
    await away(table, hours=3)
    row = await waits(world, name, table, 5, report=BADLY, due=False)
    assert row["failures"] == 1


async def put_off_by_its_provider(world):
    await world.created(paid={"providerTrxId": "trx-later"})
    return CREATED, "dispute", ["open"]


async def held_back_by_billing(world):
    await world.created(paid={"status": "pending"})
    return CREATED, "dispute", []


async def undecided(world):
    await world.pending()
    return PENDING, "dispute", ["open", "check_dispute"]


async def with_a_human(world):
    await world.manual()
    return FORGOTTEN, "dispute", []


async def waiting_for_its_adjustment(world):
    await world.adjusting()
    return FORGOTTEN, "dispute", []


async def an_adjustment_of_a_payment_on_its_way(world):
    await world.adjusting()
    await world.status("pending")
    return ADJUST, "adjustment", []


@pytest.mark.parametrize(
    "what",
    [
        put_off_by_its_provider, held_back_by_billing, undecided, with_a_human, waiting_for_its_adjustment,
        an_adjustment_of_a_payment_on_its_way,
    ],
)  # fmt: skip
async def test_29_after_hours_away_each_is_looked_at_once_and_then_waits_from_now_on(world, what):
    name, table, told = await what(world)
    await aged(table, 4 * 3_600)
    await away(table, hours=3)
    (before,) = await fetch(sql(f"SELECT * FROM {table}"))
    row = await waits(world, name, table, 300, due=False)
    assert (row["status"], row["version"]) == (before["status"], before["version"])
    calls = [operation for system, operation in await asked(world) if system == "quickpay"]
    assert [operation for operation in calls if operation != "check_payment"] == told


async def test_29_a_merchant_is_told_once_after_hours_away_and_then_later(world):
    await ended(world)
    await world.script("receiver", "notify", "error", times=2)
    for failures, seconds in enumerate((30, 120), 1):
        await away("dispute_notification", hours=3)
        row = await waits(world, NOTIFY, "dispute_notification", seconds, report=BADLY, due=False)
        assert (row["status"], row["attempts_left"], row["failures"]) == ("pending", 5 - failures, failures)
    assert len(await world.calls("receiver", "notify")) == 2
