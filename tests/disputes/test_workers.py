"""What a worker does with disputes where it lacks something, or where something fails beside them. [spec/disputes §3, §10.2]"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from gateways.wiring import Gateways
from jobs import disputing
from jobs.notifying import SILENT_AFTER
from jobs.running import SLACK_SECONDS, scheduled, woken
from jobs.wiring import BODIES
from jobs.worker import Worker
from models.disputes import operations as disputes
from models.disputes.wiring import JOBS as OURS
from models.kernel.sql import fetch, sql
from models.kernel.viewer import Role
from models.work.jobs import Job
from models.work.operations import Report
from settings import Settings
from tests.disputes.test_telling import ended, hook, messages, notify, received
from tests.disputes.world import WORKER
from tests.make import Asker

ASKING = [job.name for job in OURS if job.name not in ("tell_support", "remove_orphaned_attachments")]


async def rows(table: str, columns: str) -> list[tuple]:
    return [tuple(row) for row in await fetch(sql(f"SELECT {columns} FROM {table} ORDER BY id"))]


@pytest.mark.parametrize("name", ASKING)
async def test_a_worker_that_can_ask_nobody_takes_nothing(world, nothing_written, name):
    """It would wear out what another worker, or this one tomorrow, can do."""
    await world.adjusting()
    await ended(world, "inv-1")
    world.knobs(dispute_callbacks_enabled=True)
    await disputes.payment_callback("inv", "pay", by=world.make.service.viewer)
    tools = replace(world.tools, outside=Gateways())
    await world.due()
    async with nothing_written():
        assert await BODIES[name](tools) == Report()
    for table in ("dispute", "adjustment", "payment_callback", "dispute_notification"):
        assert {row[0] for row in await rows(table, "lease_token")} == {None}


async def test_where_there_is_no_desk_any_more_nothing_waits_for_it(world):
    dispute = await world.manual()
    assert {waits for (waits,) in await rows("support_message", "waits")} == {True}
    world.knobs(support_enabled=False)
    tools = replace(world.tools, outside=replace(world.tools.outside, support=None))
    assert (await BODIES["tell_support"](tools)).done == 2
    assert set(await rows("support_message", "waits, told, lease_token")) == {(False, False, None)}
    world.knobs(support_enabled=True)
    await world.desk("cancelDisputes", dispute)
    await world.tick("tell_support")
    assert await messages(world) == [(dispute, "cancelled")]


async def test_a_late_worker_takes_no_message_from_its_next_one(world, database_url):
    """He waits for whoever claims it, and then sees that it is his no more."""
    await world.created()
    await world.due()
    (mine,) = await disputes.claim_messages(limit=1, lease_seconds=60, by=WORKER)
    other = await asyncpg.connect(database_url)
    try:
        async with other.transaction():
            await other.execute("UPDATE support_message SET lease_token = gen_random_uuid() WHERE id = $1", mine.id)
            late = asyncio.create_task(disputes.told(mine, by=WORKER))
            await asyncio.sleep(0.2)
            assert not late.done()
    finally:
        await other.close()
    assert await late is False
    ((waits, token),) = await rows("support_message", "waits, lease_token")
    assert (waits, token is None) == (True, False)


@pytest.mark.parametrize("times", [1, 2])
async def test_what_could_not_be_concluded_together_is_tried_once_more(world, monkeypatch, times):
    monkeypatch.setattr(disputing, "CONCLUDED_TOGETHER", 2)
    await world.payment("inv-a", providerTrxId="trx-undecided-a")
    await world.payment("inv-b", providerTrxId="trx-undecided-b")
    for invoice in ("inv-a", "inv-b"):
        await world.ask_to_create(invoice)
    await world.create_tick()
    original, tries = disputes.later, []

    async def fails(*args, **kwargs):
        tries.append(args)
        if len(tries) <= times:
            raise ConnectionError("gone")
        return await original(*args, **kwargs)

    monkeypatch.setattr(disputes, "later", fails)
    if times == 1:
        report = await world.poll_tick()
        assert (report, len(tries)) == (Report(2, 0), 2)
        assert await rows("dispute", "failures, lease_token") == [(0, None)] * 2
    else:
        with pytest.raises(ConnectionError):
            await world.poll_tick()
        assert [failures for (failures,) in await rows("dispute", "failures")] == [0, 0]


async def test_a_claim_that_fails_loses_no_conclusion(world, monkeypatch):
    await world.pending()
    world.knobs(dispute_at_once=1)
    claim, claims = disputes.claim_due, []

    async def once(*args, **kwargs):
        claims.append(args)
        if len(claims) > 1:
            raise ConnectionError("gone")
        return await claim(*args, **kwargs)

    monkeypatch.setattr(disputes, "claim_due", once)
    with pytest.raises(ConnectionError):
        await world.poll_tick()
    assert await rows("dispute", "failures, lease_token, attempts") == [(0, None, 0)]


async def test_a_notification_that_ends_whoever_tells_it_is_a_miss(world):
    world.knobs(dispute_attempts_max=2)
    await ended(world, url=hook(world))
    await fetch(sql("UPDATE dispute_notification SET attempts = 2 RETURNING 1"))
    await notify(world)
    assert await rows("dispute_notification", "attempts_left, last_error, attempts") == [(4, "inside", 0)]
    assert await world.calls("receiver", "*") == []


async def test_a_callback_and_a_message_that_do_so_are_put_off(world):
    world.knobs(dispute_attempts_max=2, dispute_callbacks_enabled=True)
    await world.created()
    await disputes.payment_callback("inv", "pay", by=world.make.service.viewer)
    for table, job in (("payment_callback", "check_payment_callbacks"), ("support_message", "tell_support")):
        await fetch(sql(f"UPDATE {table} SET attempts = 2 RETURNING 1"))
        await world.tick(job)
        ((failures, error),) = await rows(table, "failures, last_error")
        assert (failures, "never concluded" in error) == (1, True)
    assert await world.calls("quickpay", "*") == await world.calls("support", "*") == []


@pytest.mark.parametrize("late", [False, True])
async def test_what_is_called_for_meanwhile_is_done_once_more_where_there_is_time(database, monkeypatch, late):
    """Both are one run to arq: a second one that begins late would be cut off between a call and its conclusion."""
    runs, clock = [], [0.0]
    monkeypatch.setattr("jobs.running.time.monotonic", lambda: clock[0])
    job = Job("process_adjustments", "process_adjustments", "", timeout="dispute", alone=True)

    async def body(_tools) -> Report:
        runs.append(1)
        if len(runs) == 1:
            await woken(job, {job.name: body})
            clock[0] += SLACK_SECONDS + 1 if late else 1
        return Report()

    await scheduled(job, {job.name: body})
    assert len(runs) == (1 if late else 2)


async def test_a_job_that_is_off_is_begun_by_no_clock_and_no_event(database, redis, knobs, monkeypatch):
    knobs(jobs_off='["tell_support"]')
    begun = []

    async def begin(job, *_args):
        begun.append(job.name)

    monkeypatch.setattr("jobs.worker.woken", begin)
    worker = Worker()
    await worker.start()
    try:
        inner = worker._arq[0]
        names = {line.name for line in inner.cron_jobs}
        assert names == {f"cron:{name}" for name in BODIES if name != "tell_support"}
        for name in ("tell_support", "process_adjustments"):
            await inner.functions[name].coroutine({})
        assert begun == ["process_adjustments"]
    finally:
        await worker.stop()


def test_a_job_that_is_none_cannot_be_off(knobs):
    knobs(jobs_off='["tell_nobody"]')
    with pytest.raises(ValueError, match="SALDO_JOBS_OFF names what is no job: tell_nobody"):
        Worker()


@pytest.mark.parametrize("name", ["outside", "provider", "receiver"])
def test_a_call_ends_before_its_dispute_must(knobs, name):
    """Else its deadline would end a call of which nothing would be written."""
    knobs(dispute_deadline_seconds=20, **{f"{name}_timeout_seconds": 20})
    with pytest.raises(ValueError, match=f"{name}_timeout_seconds must be below dispute_deadline_seconds"):
        Settings()


async def test_a_server_that_never_answers_holds_up_no_other(world):
    """However many messages wait for it: the rest of them come later, and lose no attempt by it."""
    world.knobs(dispute_at_once=4, receiver_timeout_seconds=1)
    for number in range(30):
        await ended(world, f"inv-{number}", url=hook(world, "dead"))
    await world.payment("inv-other", partyId="other", shopId="o")
    by = Asker.of(Role.MERCHANT, "other", party="other")
    answer = await world.ask_to_create("inv-other", by=by, notificationUrl=hook(world, "other"))
    await world.desk("cancelDisputes", answer["disputeId"])
    await world.script("receiver", "notify", "slow", seconds=5, times=30, match="dead")
    await world.due()
    async with asyncio.timeout(20):
        report = await notify(world, due=False)
    assert len(await received(world, "other")) == 1
    asked = SILENT_AFTER + 4  # those that were at work when the last one was silent
    assert SILENT_AFTER <= report.failures < asked
    left = [left for (left, error) in await rows("dispute_notification", "attempts_left, last_error") if error]
    assert left == [4] * report.failures
    query = (
        "SELECT count(*) FROM dispute_notification WHERE next_check_at > saldo_now() + interval '50 s' AND failures = 0"
    )
    assert (await fetch(sql(query)))[0]["count"] == 30 - report.failures
    assert await rows("dispute_notification", "lease_token") == [(None,)] * 31
