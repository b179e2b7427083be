"""The first tables of people and of work. Constraints follow their tables: CreateModel alone would not make them."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from models.inbox.lifecycle import DeadLetterStatus
from models.people.lifecycle import PersonStatus
from models.people.tables import IdentityKind
from models.work.lifecycle import JobRunStatus
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="DeadLetter",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("version", fields.BigIntField(default=0)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "status",
                    fields.CharEnumField(description="of the letter", enum_type=DeadLetterStatus, max_length=40),
                ),
                ("source", fields.CharField(max_length=80)),
                ("name", fields.CharField(max_length=120)),
                ("payload", fields.TextField(unique=False)),
                ("reason", fields.CharField(max_length=500)),
            ],
            options={
                "table": "dead_letter",
                "app": "models",
                "indexes": [Index(fields=["source", "id"])],
                "pk_attr": "id",
                "table_description": "Something that reached a queue and could not be understood: kept whole, with the reason.",
            },
            bases=["LivingRow"],
        ),
        ops.CreateModel(
            name="JobRun",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("version", fields.BigIntField(default=0)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("job", fields.CharField(max_length=80)),
                (
                    "status",
                    fields.CharEnumField(description="of the run's life", enum_type=JobRunStatus, max_length=40),
                ),
                ("requested_by", fields.CharField(max_length=128)),
                ("started_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("finished_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("done", fields.IntField(default=0)),
                ("failures", fields.IntField(default=0)),
                ("result", fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads)),
                ("error", fields.CharField(null=True, max_length=500)),
                ("attempts", fields.IntField(default=0)),
                ("lease_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("lease_token", fields.UUIDField(null=True)),
            ],
            options={
                "table": "job_run",
                "app": "models",
                "constraints": [
                    CheckConstraint(
                        check="status <> 'running' OR lease_token IS NOT NULL", name="job_run_leased_while_running"
                    )
                ],
                "indexes": [Index(fields=["job", "id"]), Index(fields=["status", "id"])],
                "pk_attr": "id",
                "table_description": "A run of a job that an operator asked for.",
            },
            bases=["LivingRow"],
        ),
        ops.CreateModel(
            name="Person",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("version", fields.BigIntField(default=0)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("name", fields.CharField(max_length=64)),
                (
                    "status",
                    fields.CharEnumField(description="of the person's life", enum_type=PersonStatus, max_length=40),
                ),
            ],
            options={
                "table": "person",
                "app": "models",
                "constraints": [CheckConstraint(check="btrim(name) <> ''", name="person_name_not_blank")],
                "pk_attr": "id",
                "table_description": "Somebody who has a balance. `id` is the number that claims and inputs use.",
            },
            bases=["LivingRow"],
        ),
        ops.CreateModel(
            name="Identity",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "person",
                    fields.ForeignKeyField(
                        "models.Person",
                        source_field="person_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="identities",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "kind",
                    fields.CharEnumField(description="who knows the person so", enum_type=IdentityKind, max_length=40),
                ),
                ("value", fields.CharField(max_length=64)),
            ],
            options={
                "table": "person_identity",
                "app": "models",
                "constraints": [UniqueConstraint(fields=("kind", "value"), name="person_identity_once")],
                "pk_attr": "id",
                "table_description": "A name under which another system knows a person; no two people share one.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ScheduledJob",
            fields=[
                ("name", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=80)),
                ("started_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("finished_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("done", fields.IntField(default=0)),
                ("failures", fields.IntField(default=0)),
                ("result", fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads)),
                ("error", fields.CharField(null=True, max_length=500)),
            ],
            options={
                "table": "scheduled_job",
                "app": "models",
                "pk_attr": "name",
                "table_description": "The last run of a job by its schedule: bookkeeping, nobody's news.",
            },
            bases=["Model"],
        ),
        ops.AddConstraint(
            "JobRun",
            CheckConstraint(
                check="status <> 'running' OR lease_token IS NOT NULL", name="job_run_leased_while_running"
            ),
        ),
        ops.AddConstraint("Person", CheckConstraint(check="btrim(name) <> ''", name="person_name_not_blank")),
        ops.AddConstraint("Identity", UniqueConstraint(fields=("kind", "value"), name="person_identity_once")),
    ]
