"""What is done with runs of jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson

from models.events import requests
from models.events.requests import Request
from models.kernel.clock import now
from models.kernel.refusals import NotAllowed
from models.kernel.sql import sql
from models.kernel.viewer import OPERATOR, Viewer
from models.unit import Unit, operation, step
from models.work.claims import claim, release, still_ours
from models.work.jobs import Job
from models.work.lifecycle import JobRunStatus
from models.work.reads import JobRunRecord
from models.work.tables import JobRun

ERROR_MAX = 500


@dataclass(frozen=True, slots=True)
class Report:
    """What a run of a job did: rows done, rows that failed, and what is worth keeping of it."""

    done: int = 0
    failures: int = 0
    result: dict[str, Any] | None = field(default=None)


@dataclass(frozen=True, slots=True)
class RunClaim:
    """A requested run that is ours until its lease ends."""

    id: int
    job: str
    attempts: int
    token: UUID


@operation(answers=JobRunRecord, refuses=(NotAllowed,))
async def request_run(work: Unit, job: Job, *, by: Viewer, request: Request | None = None) -> JobRun:
    """Ask for one run of a job, apart from its schedule; a worker takes it within a second or so."""
    if not by.has(OPERATOR):
        raise NotAllowed("run_job")
    return await work.open(JobRun(job=job.name, requested_by=by.subject), job=job.name)


@step()
async def claim_runs(
    work: Unit, *, limit: int, lease_seconds: int, attempts_max: int = 5, by: Viewer
) -> list[RunClaim]:
    """Take requested runs, and those whose worker went away with them, which go by the same claim."""
    due = sql("r.status IN ('requested', 'running')")
    rows = await claim(work, JobRun, due, limit=limit, lease_seconds=lease_seconds)
    for run in rows:
        if run.status is JobRunStatus.REQUESTED:
            run.started_at = now()
            await work.move(run, "start")
    return [
        RunClaim(run.id, run.job, run.attempts, _token(run))
        for run in rows
        if not await _given_up(work, run, attempts_max)
    ]


async def _given_up(work: Unit, run: JobRun, attempts_max: int) -> bool:
    """A run that has been claimed too often takes its workers with it: it fails, and a human decides."""
    if run.attempts <= attempts_max:
        return False
    run.error, run.finished_at = f"given up after {attempts_max} attempts", now()
    release(run)
    await work.move(run, "fail", error=run.error)
    return True


@step()
async def finish_run(work: Unit, claimed: RunClaim, report: Report, *, by: Viewer) -> bool:
    """Conclude a run. False: the lease went to another worker, and nothing is written."""
    run = await still_ours(work, JobRun, claimed.id, claimed.token)
    if run is None:
        return False
    run.done, run.failures, run.result, run.finished_at = report.done, report.failures, report.result, now()
    release(run)
    await work.move(run, "finish", done=report.done, failures=report.failures)
    return True


@step()
async def fail_run(work: Unit, claimed: RunClaim, error: str, *, by: Viewer) -> bool:
    """Conclude a run that could not end well. False: the lease went to another worker, and nothing is written."""
    run = await still_ours(work, JobRun, claimed.id, claimed.token)
    if run is None:
        return False
    run.error, run.finished_at = error[:ERROR_MAX], now()
    release(run)
    await work.move(run, "fail", error=run.error)
    return True


@step()
async def note_start(work: Unit, job: Job, *, by: Viewer) -> None:
    """A scheduled run begins: bookkeeping, no event."""
    await work.db.execute(
        """INSERT INTO scheduled_job (name, started_at, done, failures) VALUES ($1, saldo_now(), 0, 0)
           ON CONFLICT (name) DO UPDATE SET started_at = saldo_now(), finished_at = NULL""",
        job.name,
    )


@step()
async def note_end(work: Unit, job: Job, report: Report, error: str | None, *, by: Viewer) -> None:
    """A scheduled run has ended, well or not: bookkeeping, no event."""
    await work.db.execute(
        """UPDATE scheduled_job SET finished_at = saldo_now(), done = $2, failures = $3,
                  result = coalesce($4::jsonb, result), error = $5 WHERE name = $1""",
        job.name,
        report.done,
        report.failures,
        None if report.result is None else orjson.dumps(report.result).decode(),
        error and error[:ERROR_MAX],
    )


@step()
async def forget_old(work: Unit, *, requests_days: int, runs_days: int, limit: int, by: Viewer) -> int:
    """Remove what is older than it is kept: idempotency keys, and ended runs. Events stay. Answers how many went."""
    gone = await requests.forget(work.db, days=requests_days, limit=limit)
    runs = await work.db.fetch(
        """DELETE FROM job_run WHERE id IN (
             SELECT id FROM job_run WHERE status IN ('done', 'failed') AND updated_at < saldo_now() - make_interval(days => $1)
              ORDER BY id LIMIT $2) RETURNING id""",
        runs_days,
        limit,
    )
    return gone + len(runs)


def _token(run: JobRun) -> UUID:
    if run.lease_token is None:
        raise AssertionError("a claimed row has a token")
    return run.lease_token
