"""How a job is run: noted, measured, and its failure told once; and how a batch is worked through."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import sentry_sdk
import structlog

from gateways.wiring import Gateways
from models.kernel.metrics import JOB_ROWS, JOB_RUNS
from models.kernel.viewer import Viewer
from models.work import operations as work
from models.work.jobs import Job
from models.work.operations import Report
from settings import Settings, settings

log = structlog.get_logger("jobs")
SLACK_SECONDS = 5
"""How much later than the job's own timeout arq ends it."""
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Tools:
    """What a job may use beside the business: who it is, what all jobs do, the outside world, and the settings as they are
    now."""

    by: Viewer
    bodies: Mapping[str, Body] = field(default_factory=dict)
    outside: Gateways = field(default_factory=Gateways)

    @property
    def settings(self) -> Settings:
        return settings()


Body = Callable[[Tools], Awaitable[Report]]


async def measured(job: Job, bodies: Mapping[str, Body], outside: Gateways | None = None) -> Report:
    """Run a job within its timeout, counted and logged; a failure is raised after it was told to Sentry."""
    started = time.perf_counter()
    outcome = "failed"
    try:
        async with asyncio.timeout(job.timeout_seconds):
            report = await bodies[job.name](Tools(Viewer.system(job.name), bodies, outside or Gateways()))
        outcome = "done"
    except Exception as error:
        with sentry_sdk.new_scope() as scope:
            scope.set_tag("job", job.name)
            scope.fingerprint = ["job", job.name, type(error).__name__]
            sentry_sdk.capture_exception(error)
        log.exception("job_failed", job=job.name)
        raise
    finally:
        JOB_RUNS.labels(job.name, outcome).observe(time.perf_counter() - started)
    JOB_ROWS.labels(job.name, "done").inc(report.done)
    JOB_ROWS.labels(job.name, "failed").inc(report.failures)
    if report.done or report.failures:
        log.info("job_done", job=job.name, done=report.done, failures=report.failures)
    return report


_ALONE: dict[str, bool] = {}
"""Jobs of this process that run now and not twice at once; whether one was called for meanwhile."""


async def _by_itself(job: Job, run: Callable[[], Awaitable[None]], *, called: bool) -> None:
    """Run it, unless it runs already and is one that does so alone. A call that came meanwhile is answered by one more run, where
    that could still end before arq ends them both; else the next tick answers it. A tick that came meanwhile is not answered."""
    if not job.alone:
        await run()
        return
    if job.name in _ALONE:
        _ALONE[job.name] |= called
        return
    _ALONE[job.name], until = True, time.monotonic() + SLACK_SECONDS
    try:
        while _ALONE[job.name] and time.monotonic() < until:
            _ALONE[job.name] = False
            await run()
    finally:
        del _ALONE[job.name]


async def scheduled(job: Job, bodies: Mapping[str, Body], outside: Gateways | None = None) -> None:
    """One run by the schedule. It never raises: the next tick tries again, and what went wrong is on record."""
    await _by_itself(job, partial(_scheduled, job, bodies, outside), called=False)


async def _scheduled(job: Job, bodies: Mapping[str, Body], outside: Gateways | None) -> None:
    by = Viewer.system(job.name)
    await work.note_start(job, by=by)
    try:
        report, error = await measured(job, bodies, outside), None
    except Exception as failure:  # noqa: BLE001  told by `measured`, kept by `note_end`
        report, error = Report(), f"{type(failure).__name__}: {failure}"
    await work.note_end(job, report, error, by=by)


async def woken(job: Job, bodies: Mapping[str, Body], outside: Gateways | None = None) -> None:
    """One run because an event called for it. It never raises: what it could not do, the schedule does."""
    await _by_itself(job, partial(_woken, job, bodies, outside), called=True)


async def _woken(job: Job, bodies: Mapping[str, Body], outside: Gateways | None) -> None:
    with contextlib.suppress(Exception):  # told by `measured`
        await measured(job, bodies, outside)


async def each(
    rows: Sequence[R],
    body: Callable[[R], Awaitable[None]],
    *,
    at_once: int,
    failed: Callable[[R, Exception], Awaitable[None]],
) -> Report:
    """Do `body` for every row, up to `at_once` together, outside any unit. A bad row goes to `failed`; the others go on."""
    gate = asyncio.Semaphore(at_once)

    async def one(row: R) -> bool:
        async with gate:
            return await done(row, body, failed)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(row)) for row in rows]
    went_well = sum(task.result() for task in tasks)
    return Report(went_well, len(rows) - went_well)


async def done(row: R, body: Callable[[R], Awaitable[None]], failed: Callable[[R, Exception], Awaitable[None]]) -> bool:
    """Whether `body` could be done for a row; where not, `failed` has it."""
    try:
        await body(row)
    except Exception as error:
        log.exception("row_failed", row=repr(row))
        try:
            await failed(row, error)
        except Exception:
            log.exception("failure_not_kept", row=repr(row))  # its lease brings the row back
        return False
    return True


def tell(what: Exception | str, *, subject: str, step: str, **facts: object) -> None:
    """Whoever reads Sentry hears of it, once for a subject and a step, however often it goes on."""
    with sentry_sdk.new_scope() as scope:
        for name, value in {"subject": subject, "step": step, **facts}.items():
            scope.set_tag(name, str(value))
        scope.fingerprint = [subject, step, str(facts.get("attention", ""))]
        if isinstance(what, str):
            sentry_sdk.capture_message(what)
        else:
            sentry_sdk.capture_exception(what)
