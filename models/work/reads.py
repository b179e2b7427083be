"""Jobs and their runs as frozen records. Only those who read everything see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self

import orjson

from models.kernel.rows import moment
from models.kernel.sql import FALSE, TRUE, Row, Sql, fetch, join, sql
from models.kernel.viewer import Viewer
from models.unit import NounRecord
from models.work.jobs import Job
from models.work.lifecycle import LIFECYCLE, JobRunStatus


def visible_to(viewer: Viewer) -> Sql:
    return TRUE if viewer.reads_everything else FALSE


@dataclass(frozen=True, slots=True)
class JobRunRecord(NounRecord):
    """A requested run at one version."""

    noun: ClassVar[str] = LIFECYCLE.noun

    id: int
    job: str
    status: JobRunStatus
    requested_by: str
    started_at: datetime | None
    finished_at: datetime | None
    done: int
    failures: int
    result: Mapping[str, Any] | None
    error: str | None
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        times = {name: row[name] and moment(row[name]) for name in ("started_at", "finished_at")}
        return cls(
            id=row["id"],
            job=row["job"],
            status=JobRunStatus(row["status"]),
            requested_by=row["requested_by"],
            done=row["done"],
            failures=row["failures"],
            result=_json(row["result"]),
            error=row["error"],
            version=row["version"],
            created_at=moment(row["created_at"]),
            updated_at=moment(row["updated_at"]),
            **times,
        )

    @property
    def subject(self) -> str:
        return f"{self.noun}:{self.id}"


@dataclass(frozen=True, slots=True)
class LastRun:
    """How a job's last run by its schedule went."""

    started_at: datetime
    finished_at: datetime | None
    done: int
    failures: int
    result: Mapping[str, Any] | None
    error: str | None


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job, how often it runs, how the last run went, and by how many seconds it is late."""

    job: Job
    last: LastRun | None
    lag_seconds: int


async def runs(viewer: Viewer, ids: Sequence[int]) -> dict[int, JobRunRecord]:
    query = [sql("SELECT * FROM job_run r WHERE"), visible_to(viewer) & sql("r.id = ANY({}::bigint[])", list(ids))]
    return {row["id"]: JobRunRecord.of(row) for row in await fetch(join(query))}


async def jobs(viewer: Viewer, known: Sequence[Job]) -> list[JobRecord]:
    """Every job with its last run; a job that never ran is as late as nobody can tell: 0."""
    if not viewer.reads_everything:
        return []
    query = """SELECT *, greatest(0, extract(epoch FROM saldo_now() - started_at))::bigint AS age FROM scheduled_job"""
    rows = {row["name"]: row for row in await fetch(sql(query))}
    return [_job(job, rows.get(job.name)) for job in known]


async def last_result(viewer: Viewer, job: Job) -> Mapping[str, Any] | None:
    """What the last finished run of a job found, scheduled or asked for, whichever ended later."""
    query = sql(
        """SELECT result FROM (
             SELECT result FROM scheduled_job WHERE name = {} AND result IS NOT NULL
              UNION ALL
             (SELECT result FROM job_run WHERE job = {} AND status = 'done' AND result IS NOT NULL
               ORDER BY id DESC LIMIT 1)) x WHERE""",
        job.name,
        job.name,
    )
    rows = await fetch(
        join([query, visible_to(viewer), sql("ORDER BY (result->>'finished_at')::timestamptz DESC LIMIT 1")])
    )
    return _json(rows[0]["result"]) if rows else None


def _job(job: Job, row: Row | None) -> JobRecord:
    if row is None:
        return JobRecord(job, None, 0)
    last = LastRun(
        row["started_at"], row["finished_at"], row["done"], row["failures"], _json(row["result"]), row["error"]
    )
    return JobRecord(job, last, max(0, row["age"] - job.period_seconds))


def _json(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str) else value
