"""Jobs on request: asked for through GraphQL, done by a real worker, and safe when workers come late or die."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import sentry_sdk
from sentry_sdk.transport import Transport

from jobs.running import Report, each, measured, scheduled
from jobs.wiring import BODIES
from jobs.work import run_requested_jobs
from jobs.worker import Worker
from models.kernel.refusals import Busy
from models.kernel.sql import fetch, sql
from models.kernel.viewer import Viewer
from models.ledger import folding
from models.wiring import JOBS
from models.work import operations as work
from models.work.jobs import PRUNE
from server.telemetry import SENTRY
from tests.ledger.books import floored, house, post

RUN = """mutation ($name: JobName!, $key: String) { runJob(input: {name: $name, idempotencyKey: $key}) {
  ... on JobRun { id status version job requestedBy } ... on Refusal { code } } }"""
FOLLOW = "query ($id: ID!) { jobRun(id: $id) { status version done failures error result startedAt finishedAt } }"
JOBS_QUERY = "{ jobs { name periodSeconds lagSeconds about lastRun { done failures error finishedAt } } }"
SYSTEM = Viewer.system("test")


class Told(Transport):
    """Keeps what would be sent to Sentry."""

    def __init__(self, told: list) -> None:
        super().__init__()
        self.told = told

    def capture_envelope(self, envelope) -> None:
        self.told += [event for item in envelope.items if (event := item.get_event())]


@pytest.fixture
async def worker(database, redis) -> AsyncIterator[Worker]:
    running = Worker()
    await running.start()
    yield running
    await running.stop()
    assert not running.failed.is_set()


async def ended(api, make, id: str) -> dict:
    async with asyncio.timeout(15):
        while (run := await api(FOLLOW, by=make.operator, id=id))["status"] not in ("DONE", "FAILED"):
            await asyncio.sleep(0.05)
    return run


async def test_an_operator_asks_for_an_audit_and_reads_what_it_found(worker, api, make):
    await make.person("10 EUR")
    asked = await api(RUN, by=make.operator, name="AUDIT_BOOKS")
    assert asked == {
        "id": asked["id"], "status": "REQUESTED", "version": 0, "job": "AUDIT_BOOKS", "requestedBy": "operator",
    }  # fmt: skip
    run = await ended(api, make, asked["id"])
    assert (run["status"], run["version"], run["failures"], run["error"]) == ("DONE", 2, 0, None)
    report = await api("{ audit { clean transfers findings { check count } } }", by=make.auditor)
    assert (report["clean"], report["transfers"]) == (True, "1")
    assert {finding["check"] for finding in report["findings"]} >= {"zero_sum", "balance_is_entries"}


async def test_hot_accounts_are_folded_all_the_time(worker):
    for _ in range(5):
        await post((house(), floored(1), 1))
    async with asyncio.timeout(5):
        while (await folding.backlog())[0]:
            await asyncio.sleep(0.02)


async def test_every_job_shows_its_schedule_and_its_last_run(worker, api, make):
    async with asyncio.timeout(15):
        while not (jobs := {job["name"]: job for job in await api(JOBS_QUERY, by=make.operator)})["RUN_REQUESTED_JOBS"][
            "lastRun"
        ]:
            await asyncio.sleep(0.1)
    assert set(jobs) == {name.upper() for name in JOBS}
    assert jobs["RUN_REQUESTED_JOBS"]["periodSeconds"] == 5
    assert jobs["RUN_REQUESTED_JOBS"]["lastRun"]["error"] is None


async def test_one_key_asks_for_one_run(api, make):
    runs = [await api(RUN, by=make.operator, name="PRUNE", key="once") for _ in range(2)]
    assert runs[0] == runs[1]
    assert len(await fetch(sql("SELECT 1 FROM job_run"))) == 1


async def test_a_job_that_fails_says_so_and_is_not_tried_for_ever(api, make, monkeypatch):
    async def broken(_tools) -> Report:
        raise RuntimeError("out of luck")

    asked = await api(RUN, by=make.operator, name="PRUNE")
    await measured(JOBS["run_requested_jobs"], {**BODIES, "prune": broken})
    run = await api(FOLLOW, by=make.operator, id=asked["id"])
    assert (run["status"], run["error"]) == ("FAILED", "RuntimeError: out of luck")
    await scheduled(PRUNE, {**BODIES, "prune": broken})
    (job,) = [job for job in await api(JOBS_QUERY, by=make.operator) if job["name"] == "PRUNE"]
    assert job["lastRun"]["error"] == "RuntimeError: out of luck"


async def test_a_failure_is_told_to_sentry_with_its_job_and_no_variables(make, monkeypatch):
    told: list[dict] = []

    async def broken(_tools) -> Report:
        card_number = "4111" * 4
        raise RuntimeError("out of luck") from ValueError(len(card_number))

    sentry_sdk.init("http://key@localhost/1", transport=Told(told), **SENTRY, default_integrations=False)
    try:
        await scheduled(PRUNE, {**BODIES, "prune": broken})
    finally:
        sentry_sdk.init()
    (event,) = told
    assert (event["tags"]["job"], event["fingerprint"]) == ("prune", ["job", "prune", "RuntimeError"])
    assert "4111111111111111" not in str(event)


async def test_a_run_whose_worker_died_is_taken_again_and_the_dead_one_writes_nothing(api, make, nothing_written):
    asked = await api(RUN, by=make.operator, name="PRUNE")
    (dead,) = await work.claim_runs(limit=5, lease_seconds=0, by=SYSTEM)
    (alive,) = await work.claim_runs(limit=5, lease_seconds=60, by=SYSTEM)
    assert (dead.id, alive.attempts) == (alive.id, 2)
    async with nothing_written():
        assert await work.finish_run(dead, Report(done=99), by=SYSTEM) is False
        assert await work.fail_run(dead, "late", by=SYSTEM) is False
    assert await work.finish_run(alive, Report(done=1), by=SYSTEM) is True
    assert (await api(FOLLOW, by=make.operator, id=asked["id"]))["done"] == 1


@pytest.mark.parametrize("after", ["request", "claim", "job"])
async def test_killed_between_two_steps_the_run_still_ends_once(after, api, make, monkeypatch):
    """What a worker leaves behind when it dies after a step, the next one finishes."""
    asked = await api(RUN, by=make.operator, name="PRUNE")
    if after == "claim":
        await work.claim_runs(limit=5, lease_seconds=0, by=SYSTEM)
    if after == "job":
        await work.claim_runs(limit=5, lease_seconds=0, by=SYSTEM)
        await measured(PRUNE, BODIES)
    assert (await measured(JOBS["run_requested_jobs"], BODIES)).done == 1
    assert (await measured(JOBS["run_requested_jobs"], BODIES)).done == 0
    run = await api(FOLLOW, by=make.operator, id=asked["id"])
    assert (run["status"], run["version"]) == ("DONE", 2)
    names = [row["name"] for row in await fetch(sql("SELECT name FROM event WHERE noun = 'job_run' ORDER BY version"))]
    assert names == ["open", "start", "finish"]


async def test_one_bad_row_never_stops_a_batch():
    bad: list[int] = []

    async def body(row: int) -> None:
        if row == 2:
            raise ValueError(row)

    async def failed(row: int, _error: Exception) -> None:
        bad.append(row)

    assert await each([1, 2, 3], body, at_once=2, failed=failed) == Report(done=2, failures=1)
    assert bad == [2]


async def test_old_requests_and_runs_are_forgotten_and_their_events_stay(api, make, knobs):
    asked = await api(RUN, by=make.operator, name="PRUNE", key="old")
    await measured(JOBS["run_requested_jobs"], BODIES)
    events = await fetch(sql("SELECT id FROM event"))
    knobs(request_kept_days=1, job_runs_kept_days=1)
    assert (await measured(PRUNE, BODIES)).done == 0
    await fetch(sql("UPDATE request SET created_at = created_at - interval '2 days' RETURNING 1"))
    await fetch(sql("UPDATE job_run SET updated_at = updated_at - interval '2 days' RETURNING 1"))
    assert (await measured(PRUNE, BODIES)).done == 2
    assert await fetch(sql("SELECT id FROM event")) == events
    assert (await make.error(FOLLOW, by=make.operator, id=asked["id"]))["code"] == "NOT_FOUND"


def test_the_body_of_every_job_is_known():
    assert set(BODIES) == set(JOBS)
    assert BODIES["run_requested_jobs"] is run_requested_jobs


async def test_a_run_that_takes_its_workers_with_it_is_given_up(api, make):
    asked = await api(RUN, by=make.operator, name="PRUNE")
    for _ in range(2):
        assert len(await work.claim_runs(limit=5, lease_seconds=0, attempts_max=2, by=SYSTEM)) == 1
    assert await work.claim_runs(limit=5, lease_seconds=0, attempts_max=2, by=SYSTEM) == []
    run = await api(FOLLOW, by=make.operator, id=asked["id"])
    assert (run["status"], run["error"]) == ("FAILED", "given up after 2 attempts")


async def test_a_failure_that_cannot_be_kept_stops_nobody_else():
    seen: list[int] = []

    async def body(row: int) -> None:
        await asyncio.sleep(0.01 * row)
        if row == 1:
            raise ValueError(row)
        seen.append(row)

    async def failed(_row: int, error: Exception) -> None:
        raise error

    assert await each([1, 2, 3], body, at_once=3, failed=failed) == Report(done=2, failures=1)
    assert seen == [2, 3]


async def test_the_last_audit_is_the_one_that_ended_last(api, make):
    audit = JOBS["audit_books"]
    await scheduled(audit, BODIES)
    asked = await api(RUN, by=make.operator, name="AUDIT_BOOKS")
    await measured(JOBS["run_requested_jobs"], BODIES)
    newest = (await api(FOLLOW, by=make.operator, id=asked["id"]))["result"]["finished_at"]
    await work.note_start(audit, by=SYSTEM)
    told = await api("{ audit { finishedAt } }", by=make.operator)
    assert told["finishedAt"] == newest.replace("+00:00", "Z")


async def test_a_run_that_went_well_is_not_failed_because_its_conclusion_had_to_wait(api, make, monkeypatch):
    asked = await api(RUN, by=make.operator, name="PRUNE")

    async def busy(*_args, **_kwargs) -> bool:
        raise Busy

    with monkeypatch.context() as patched:
        patched.setattr(work, "finish_run", busy)
        assert await measured(JOBS["run_requested_jobs"], BODIES) == Report(done=0, failures=1)
    assert (await api(FOLLOW, by=make.operator, id=asked["id"]))["status"] == "RUNNING"
