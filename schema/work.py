"""Jobs and their runs, as operators and auditors see them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, cast

import strawberry
from strawberry.scalars import JSON

from models.wiring import JOBS
from models.work import reads
from models.work.lifecycle import JobRunStatus
from schema.enums import enum_of
from schema.events import Event, Told
from schema.inputs import Asked
from schema.node import Node, global_id
from schema.refusals import Busy, IdempotencyKeyConflict, InvalidInput, NotAllowed

RUN = "JobRun"

strawberry.enum(JobRunStatus, description="Of a run's life.")
if TYPE_CHECKING:
    JobName: TypeAlias = Any
else:
    JobName = enum_of(
        "JobName", {name.upper(): name for name in JOBS}, "The jobs there are. The list grows: have a default."
    )


@strawberry.type(description="How a job's last run by its schedule went.")
class JobLastRun:
    started_at: datetime = strawberry.field(description="When it began.")
    finished_at: datetime | None = strawberry.field(
        description="When it ended; null while it runs, or if its worker died."
    )
    done: int = strawberry.field(description="Rows that it worked on.")
    failures: int = strawberry.field(description="Rows that failed; the others went on.")
    error: str | None = strawberry.field(description="What ended it, if it could not end well.")

    @classmethod
    def of(cls, run: reads.LastRun) -> JobLastRun:
        return cls(
            started_at=run.started_at,
            finished_at=run.finished_at,
            done=run.done,
            failures=run.failures,
            error=run.error,
        )


@strawberry.type(description="A job that workers run by a schedule.")
class Job:
    name: JobName = strawberry.field(description="Pass it to runJob.")
    about: str = strawberry.field(description="What it does.")
    period_seconds: int = strawberry.field(description="How often it runs.")
    lag_seconds: int = strawberry.field(description="By how much the next run is overdue.")
    last_run: JobLastRun | None = strawberry.field(description="Null when it never ran.")

    @classmethod
    def of(cls, record: reads.JobRecord) -> Job:
        return cls(
            name=JobName(record.job.name),
            about=record.job.about,
            period_seconds=record.job.period_seconds,
            lag_seconds=record.lag_seconds,
            last_run=JobLastRun.of(record.last) if record.last else None,
        )


@strawberry.type(description="A run of a job that an operator asked for.")
class JobRun(Node):
    job: JobName = strawberry.field(description="Which job.")
    status: JobRunStatus = strawberry.field(description="Of the run's life.")
    requested_by: str = strawberry.field(description="Who asked for it.")
    started_at: datetime | None = strawberry.field(description="When a worker took it.")
    finished_at: datetime | None = strawberry.field(description="When it ended.")
    done: int = strawberry.field(description="Rows that it worked on.")
    failures: int = strawberry.field(description="Rows that failed; the others went on.")
    result: JSON | None = strawberry.field(description="What it found, where it looks for something.")
    error: str | None = strawberry.field(description="What ended it, if it could not end well.")

    @classmethod
    def of(cls, record: reads.JobRunRecord) -> JobRun:
        return cls(
            id=global_id(RUN, record.id),
            job=JobName(record.job),
            status=record.status,
            requested_by=record.requested_by,
            started_at=record.started_at,
            finished_at=record.finished_at,
            done=record.done,
            failures=record.failures,
            result=cast(JSON, record.result),
            error=record.error,
            version=record.version,
            created_at=record.created_at,
            updated_at=record.updated_at,
            subject=record.subject,
        )


@strawberry.type(description="Something that happened to a run of a job.")
class JobRunEvent(Event):
    run: JobRun = strawberry.field(description="As the run was right after.")

    @classmethod
    def carried(cls, told: Told) -> dict[str, Any]:
        return {"run": JobRun.of(reads.JobRunRecord.of(told.event.snapshot))}


@strawberry.input(description="One run of a job, apart from its schedule.")
class RunJobInput(Asked):
    name: JobName = strawberry.field(description="Which job.")
    idempotency_key: str | None = strawberry.field(default=None, description="The same key again: the same run again.")


RunJobResult = Annotated[
    JobRun | NotAllowed | InvalidInput | Busy | IdempotencyKeyConflict, strawberry.union("RunJobResult")
]
