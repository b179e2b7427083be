from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from models.inbox.lifecycle import LETTERS, MESSAGES, DeadLetterStatus, InboxMessageStatus
from models.inbox.topics import EVENT_ID_MAX, KEY_MAX, TOPIC_MAX
from models.kernel.rows import LivingRow

REASON_MAX = 500
LETTER_MAX = 512 * 1024


class InboxMessage(LivingRow):
    """Something that another system told us, once for each topic and event id. `created_at` is when it came.

    The digest is of what the sender sent, also after an operator corrected the payload: the sender knows no other.
    """

    lifecycle = MESSAGES
    hidden = frozenset(
        {"payload", "digest", "attempts", "last_error", "next_check_at", "lease_until", "lease_token"}
    )  # fmt: skip

    topic = fields.CharField(max_length=TOPIC_MAX)
    event_id = fields.CharField(max_length=EVENT_ID_MAX)
    key = fields.CharField(max_length=KEY_MAX, null=True)
    digest = fields.CharField(max_length=64)
    payload: Any = fields.JSONField()
    sender = fields.CharField(max_length=128)
    status = fields.CharEnumField(InboxMessageStatus, max_length=40, description="of the message's life")
    reason = fields.CharField(max_length=REASON_MAX, null=True)
    waiting_since = fields.DatetimeField(null=True)
    processed_at = fields.DatetimeField(null=True)
    attempts = fields.IntField(default=0)
    last_error = fields.CharField(max_length=REASON_MAX, null=True)
    next_check_at = fields.DatetimeField(null=True)
    lease_until = fields.DatetimeField(null=True)
    lease_token = fields.UUIDField(null=True)

    class Meta:
        table = "inbox_message"
        constraints = (
            UniqueConstraint(name="inbox_message_once", fields=("topic", "event_id")),
            CheckConstraint(name="inbox_message_waits_since", check="status <> 'waiting' OR waiting_since IS NOT NULL"),
        )

    def audience(self) -> set[str]:
        return {f"service:{self.sender}"}


class DeadLetter(LivingRow):
    """Something that came to nothing: kept whole, with the reason, until a human has decided."""

    lifecycle = LETTERS
    hidden = frozenset({"payload", "fixed_payload"})

    status = fields.CharEnumField(DeadLetterStatus, max_length=40, description="of the letter")
    source = fields.CharField(max_length=80)
    name = fields.CharField(max_length=128)
    payload = fields.TextField()
    reason = fields.CharField(max_length=REASON_MAX)
    deaths = fields.IntField(default=1)
    message_id: int | None
    message: fields.ForeignKeyNullableRelation[InboxMessage] = fields.ForeignKeyField(
        "models.InboxMessage", related_name="letters", on_delete=fields.RESTRICT, null=True
    )
    fixed_payload = fields.TextField(null=True)
    resolved_by = fields.CharField(max_length=128, null=True)
    resolved_reason = fields.CharField(max_length=REASON_MAX, null=True)

    class Meta:
        table = "dead_letter"
        indexes = (Index(fields=("source", "id")), Index(fields=("status", "id")))
        constraints = (UniqueConstraint(name="dead_letter_of_a_message_once", fields=("message_id",)),)

    def audience(self) -> set[str]:
        return set()
