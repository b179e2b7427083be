"""The house's own jobs: run what was asked for, forget what is old."""

from __future__ import annotations

from functools import partial

from jobs.running import Tools, each, measured
from models.inbox import operations as inbox
from models.wiring import JOBS
from models.work import operations as work
from models.work.operations import Report, RunClaim

RUNS_AT_ONCE = 5
PRUNE_BATCH, PRUNE_BATCHES_MAX = 1_000, 100


async def run_requested_jobs(tools: Tools) -> Report:
    """Claim requested runs, run them, conclude each. One that died with its worker is claimed again when its lease ends."""
    lease = tools.settings.job_lease_seconds
    claimed = await work.claim_runs(
        limit=RUNS_AT_ONCE, lease_seconds=lease, attempts_max=tools.settings.job_attempts_max, by=tools.by
    )
    return await each(claimed, partial(_run, tools), at_once=RUNS_AT_ONCE, failed=_left_to_its_lease)


async def _run(tools: Tools, claimed: RunClaim) -> None:
    try:
        report = await measured(JOBS[claimed.job], tools.bodies, tools.outside)
    except Exception as error:
        await work.fail_run(claimed, f"{type(error).__name__}: {error}", by=tools.by)
        raise
    await work.finish_run(claimed, report, by=tools.by)


async def _left_to_its_lease(_claimed: RunClaim, _error: Exception) -> None:
    """A job that failed is concluded by now; one whose conclusion did not get through is taken again."""


async def prune(tools: Tools) -> Report:
    """Forget in small batches what is older than it is kept."""
    total = 0
    for _ in range(PRUNE_BATCHES_MAX):
        gone = await work.forget_old(
            requests_days=tools.settings.request_kept_days,
            runs_days=tools.settings.job_runs_kept_days,
            limit=PRUNE_BATCH,
            by=tools.by,
        )
        gone += await inbox.forget_old(days=tools.settings.inbox_kept_days, limit=PRUNE_BATCH, by=tools.by)
        total += gone
        if gone < PRUNE_BATCH:
            break
    return Report(done=total)
