"""Jobs: how they run, and one more run on request."""

from __future__ import annotations

import strawberry

from models.kernel.refusals import NotFound
from models.kernel.viewer import AUDITOR, OPERATOR
from models.wiring import JOBS
from models.work import operations as work
from models.work import reads
from resolvers.access import mutation, query
from resolvers.finding import by_number
from schema.context import Info
from schema.work import RUN, Job, JobRun, RunJobInput, RunJobResult

_runs = by_number(RUN, reads.runs, JobRun.of)
NODES = {RUN: _runs}


@strawberry.type
class Queries:
    @query("Every job, how its last run went, and how late the next one is.", OPERATOR, AUDITOR)
    async def jobs(self, info: Info) -> list[Job] | None:
        return [Job.of(record) for record in await reads.jobs(info.context.viewer, list(JOBS.values()))]

    @query("A run of a job that an operator asked for.", OPERATOR, AUDITOR)
    async def job_run(self, info: Info, id: strawberry.ID) -> JobRun | None:
        found = await _runs(info.context.viewer, [id])
        if not found:
            raise NotFound("job run")
        return found[id]


@strawberry.type
class Mutations:
    @mutation(
        "Ask for one run of a job, apart from its schedule; follow it by `jobRun`.", OPERATOR, does=work.request_run
    )
    async def run_job(self, info: Info, input: RunJobInput) -> RunJobResult:
        request = input.request(info)
        return JobRun.of(await work.request_run(JOBS[input.name.value], by=info.context.viewer, request=request))
