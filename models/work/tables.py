from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from models.kernel.rows import LivingRow
from models.work.lifecycle import LIFECYCLE, JobRunStatus


class JobRun(LivingRow):
    """A run of a job that an operator asked for."""

    lifecycle = LIFECYCLE
    hidden = frozenset({"lease_until", "lease_token", "attempts"})

    job = fields.CharField(max_length=80)
    status = fields.CharEnumField(JobRunStatus, max_length=40, description="of the run's life")
    requested_by = fields.CharField(max_length=128)
    started_at = fields.DatetimeField(null=True)
    finished_at = fields.DatetimeField(null=True)
    done = fields.IntField(default=0)
    failures = fields.IntField(default=0)
    result: Any = fields.JSONField(null=True)
    error = fields.CharField(max_length=500, null=True)
    attempts = fields.IntField(default=0)
    lease_until = fields.DatetimeField(null=True)
    lease_token = fields.UUIDField(null=True)

    class Meta:
        table = "job_run"
        indexes = (Index(fields=("job", "id")), Index(fields=("status", "id")))
        constraints = (
            CheckConstraint(
                name="job_run_leased_while_running", check="status <> 'running' OR lease_token IS NOT NULL"
            ),
        )

    def audience(self) -> set[str]:
        return set()


class ScheduledJob(Model):
    """The last run of a job by its schedule: bookkeeping, nobody's news."""

    name = fields.CharField(max_length=80, primary_key=True)
    started_at = fields.DatetimeField()
    finished_at = fields.DatetimeField(null=True)
    done = fields.IntField(default=0)
    failures = fields.IntField(default=0)
    result: Any = fields.JSONField(null=True)
    error = fields.CharField(max_length=500, null=True)

    class Meta:
        table = "scheduled_job"
