"""The inbox; dead letters become part of it, with what was done about each."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from models.inbox.lifecycle import InboxMessageStatus
from models.migrations._sql import script
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint


class Migration(migrations.Migration):
    dependencies = [("models", "0005_positions")]

    operations = [
        ops.CreateModel(
            name="InboxMessage",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("version", fields.BigIntField(default=0)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("topic", fields.CharField(max_length=64)),
                ("event_id", fields.CharField(max_length=128)),
                ("key", fields.CharField(null=True, max_length=200)),
                ("digest", fields.CharField(max_length=64)),
                ("payload", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("sender", fields.CharField(max_length=128)),
                (
                    "status",
                    fields.CharEnumField(
                        description="of the message's life", enum_type=InboxMessageStatus, max_length=40
                    ),
                ),
                ("reason", fields.CharField(null=True, max_length=500)),
                ("waiting_since", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("processed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("attempts", fields.IntField(default=0)),
                ("last_error", fields.CharField(null=True, max_length=500)),
                ("next_check_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("lease_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("lease_token", fields.UUIDField(null=True)),
            ],
            options={
                "table": "inbox_message",
                "app": "models",
                "constraints": [
                    UniqueConstraint(fields=("topic", "event_id"), name="inbox_message_once"),
                    CheckConstraint(
                        check="status <> 'waiting' OR waiting_since IS NOT NULL", name="inbox_message_waits_since"
                    ),
                ],
                "pk_attr": "id",
                "table_description": "Something that another system told us, once for each topic and event id. `created_at` is when it came.",
            },
            bases=["LivingRow"],
        ),
        ops.AlterModelOptions(
            name="DeadLetter",
            options={
                "table": "dead_letter",
                "app": "models",
                "constraints": [UniqueConstraint(fields=("message_id",), name="dead_letter_of_a_message_once")],
                "indexes": [Index(fields=["source", "id"]), Index(fields=["status", "id"])],
                "pk_attr": "id",
                "table_description": "Something that came to nothing: kept whole, with the reason, until a human has decided.",
            },
        ),
        ops.AlterField(
            model_name="DeadLetter",
            name="name",
            field=fields.CharField(max_length=128),
        ),
        # A column that must have a value, for letters that lie there already.
        ops.AddField(
            model_name="DeadLetter",
            name="deaths",
            field=fields.IntField(null=True),
        ),
        ops.RunSQL("UPDATE dead_letter SET deaths = 1"),
        ops.AlterField(
            model_name="DeadLetter",
            name="deaths",
            field=fields.IntField(default=1),
        ),
        ops.AddField(
            model_name="DeadLetter",
            name="fixed_payload",
            field=fields.TextField(null=True, unique=False),
        ),
        ops.AddField(
            model_name="DeadLetter",
            name="message",
            field=fields.ForeignKeyField(
                "models.InboxMessage",
                source_field="message_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name="letters",
                on_delete=OnDelete.RESTRICT,
            ),
        ),
        ops.AddField(
            model_name="DeadLetter",
            name="resolved_by",
            field=fields.CharField(null=True, max_length=128),
        ),
        ops.AddField(
            model_name="DeadLetter",
            name="resolved_reason",
            field=fields.CharField(null=True, max_length=500),
        ),
        ops.AddIndex(
            model_name="DeadLetter",
            index=Index(fields=["status", "id"]),
        ),
        ops.AddConstraint(
            model_name="DeadLetter",
            constraint=UniqueConstraint(fields=("message_id",), name="dead_letter_of_a_message_once"),
        ),
        ops.AddConstraint(
            model_name="InboxMessage",
            constraint=UniqueConstraint(fields=("topic", "event_id"), name="inbox_message_once"),
        ),
        ops.AddConstraint(
            model_name="InboxMessage",
            constraint=CheckConstraint(
                check="status <> 'waiting' OR waiting_since IS NOT NULL", name="inbox_message_waits_since"
            ),
        ),
        ops.RunSQL(script("0006_inbox.sql")),
    ]
