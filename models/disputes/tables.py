from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from models.disputes.lifecycle import (
    ADJUSTMENTS,
    CALLBACKS,
    DISPUTES,
    NOTIFICATIONS,
    OPEN,
    AdjustmentStatus,
    CallbackStatus,
    DisputeStatus,
    Mode,
    NotificationStatus,
)
from models.kernel.money import Money
from models.kernel.rows import LivingRow

CODE_MAX, REF_MAX, EXTERNAL_MAX, TEXT_MAX, URL_MAX = 64, 40, 200, 1_000, 1_000
LEASE = ("next_check_at", "failures", "last_error", "attempts", "lease_until", "lease_token")
OPEN_ONES = ", ".join(f"'{status}'" for status in sorted(OPEN))


class Dispute(LivingRow):
    """A payer's word against billing's. `dispute_id` is what everybody else knows it by, and the key of what providers are
    asked."""

    lifecycle = DISPUTES
    hidden = frozenset({*LEASE, "payer_email"})

    dispute_id = fields.UUIDField(unique=True)
    invoice_id = fields.CharField(max_length=REF_MAX)
    payment_id = fields.CharField(max_length=REF_MAX)
    party_code = fields.CharField(max_length=CODE_MAX)
    shop_code = fields.CharField(max_length=CODE_MAX)
    shop_name = fields.CharField(max_length=EXTERNAL_MAX, description="when it was created")
    provider_id = fields.IntField(description="who took the payment")
    terminal_id = fields.IntField(description="by which contract of the provider's")
    provider_trx = fields.CharField(max_length=EXTERNAL_MAX, description="the provider's id of the payment")
    currency = fields.CharField(max_length=12)
    cost_minor = fields.BigIntField(description="what the payment was for")
    amount_minor = fields.BigIntField(description="what is disputed")
    changed_minor = fields.BigIntField(null=True, description="what it came to, where that is another amount")
    reason = fields.CharField(max_length=TEXT_MAX, null=True, description="in the merchant's words")
    public_reason = fields.CharField(max_length=EXTERNAL_MAX, null=True, description="the code that a merchant may see")
    provider_message = fields.CharField(max_length=TEXT_MAX, null=True, description="in the provider's words")
    technical_error = fields.CharField(max_length=TEXT_MAX, null=True, description="for staff alone")
    mode = fields.CharEnumField(Mode, max_length=40, default=Mode.AUTOMATIC, description="who works on it")
    status = fields.CharEnumField(DisputeStatus, max_length=40, description="of the dispute's life")
    status_since = fields.DatetimeField()
    unrecoverable = fields.BooleanField(default=False, description="it failed for what only a new dispute can mend")
    provider_dispute_id = fields.CharField(max_length=EXTERNAL_MAX, null=True)
    payer_email = fields.CharField(max_length=EXTERNAL_MAX, null=True)
    risk_score = fields.CharField(max_length=CODE_MAX, null=True)
    polling: Any = fields.JSONField(description="how its terminal wanted to be asked when it was created")
    polling_before = fields.DatetimeField(description="until when its provider is asked")
    adjustment_status = fields.CharEnumField(
        AdjustmentStatus, max_length=40, null=True, description="of its adjustment, where it has one"
    )
    adjustment_sent = fields.BooleanField(default=False, description="whether billing was told")
    notification_status = fields.CharEnumField(
        NotificationStatus, max_length=40, null=True, description="of the merchant's notification, where one is wanted"
    )
    needs_attention = fields.BooleanField(default=False)
    next_check_at = fields.DatetimeField(null=True)
    failures = fields.IntField(default=0, description="in a row")
    last_error = fields.CharField(max_length=TEXT_MAX, null=True)
    attempts = fields.IntField(default=0)
    lease_until = fields.DatetimeField(null=True)
    lease_token = fields.UUIDField(null=True)

    class Meta:
        table = "dispute"
        indexes = (
            Index(fields=("status", "next_check_at", "id")),
            Index(fields=("created_at", "id")),
            Index(fields=("status", "created_at", "id")),
            Index(fields=("party_code", "created_at", "id")),
            Index(fields=("party_code", "shop_code", "created_at", "id")),
            Index(fields=("provider_id", "created_at", "id")),
            Index(fields=("needs_attention", "created_at", "id")),
            Index(fields=("invoice_id", "payment_id", "id")),
            Index(fields=("provider_trx",)),
            Index(fields=("provider_dispute_id",)),
        )
        constraints = (
            UniqueConstraint(
                name="dispute_open_once", fields=("invoice_id", "payment_id"), condition=f"status IN ({OPEN_ONES})"
            ),
            CheckConstraint(
                name="dispute_amounts",
                check="cost_minor >= 0 AND amount_minor > 0 AND (changed_minor IS NULL OR changed_minor > 0)",
            ),
            CheckConstraint(name="dispute_unrecoverable_failed", check="NOT unrecoverable OR status = 'failed'"),
            CheckConstraint(
                name="dispute_watched_while_open",
                check=f"(status IN ({OPEN_ONES})) = (next_check_at IS NOT NULL)",
            ),
        )

    @property
    def cost(self) -> Money:
        return Money(self.cost_minor, self.currency)

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    def audience(self) -> set[str]:
        """`invoice:` is nobody's token: by it those are found who watch one invoice, and may see it for another reason."""
        return {f"party:{self.party_code}", f"shop:{self.party_code}/{self.shop_code}", f"invoice:{self.invoice_id}"}


class Adjustment(LivingRow):
    """What makes billing put a payment right, once. A child of its dispute, where there is one. `adjustment_id` names it in
    billing, for ever."""

    lifecycle = ADJUSTMENTS
    hidden = frozenset(LEASE)

    adjustment_id = fields.UUIDField(unique=True)
    invoice_id = fields.CharField(max_length=REF_MAX)
    payment_id = fields.CharField(max_length=REF_MAX)
    dispute_id: int | None
    dispute: fields.ForeignKeyNullableRelation[Dispute] = fields.ForeignKeyField(
        "models.Dispute", related_name="adjustments", on_delete=fields.RESTRICT, null=True
    )
    currency = fields.CharField(max_length=12)
    amount_minor = fields.BigIntField(description="what the payment was for")
    changed_minor = fields.BigIntField(null=True, description="what the payer paid, where that is another amount")
    status = fields.CharEnumField(AdjustmentStatus, max_length=40, description="of the job")
    error = fields.CharField(max_length=TEXT_MAX, null=True, description="why it failed")
    cash_flow_sent_at = fields.DatetimeField(null=True, description="written before billing was told")
    captured_sent_at = fields.DatetimeField(null=True, description="the same, of the second of the two")
    give_up_at = fields.DatetimeField(description="when a human gets it")
    next_check_at = fields.DatetimeField(null=True)
    failures = fields.IntField(default=0, description="in a row")
    last_error = fields.CharField(max_length=TEXT_MAX, null=True)
    attempts = fields.IntField(default=0)
    lease_until = fields.DatetimeField(null=True)
    lease_token = fields.UUIDField(null=True)

    class Meta:
        table = "adjustment"
        indexes = (Index(fields=("status", "next_check_at", "id")), Index(fields=("dispute_id",)))
        constraints = (
            UniqueConstraint(name="adjustment_of_a_payment", fields=("invoice_id", "payment_id")),
            CheckConstraint(
                name="adjustment_amounts",
                check="amount_minor >= 0 AND (changed_minor IS NULL OR changed_minor > 0)",
            ),
            CheckConstraint(name="adjustment_failed_for_a_reason", check="(error IS NOT NULL) = (status = 'failed')"),
            CheckConstraint(
                name="adjustment_cancelled_unsent",
                check="status <> 'cancelled' OR (cash_flow_sent_at IS NULL AND captured_sent_at IS NULL)",
            ),
        )

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def changed(self) -> Money | None:
        return None if self.changed_minor is None else Money(self.changed_minor, self.currency)

    @property
    def sent(self) -> bool:
        return self.cash_flow_sent_at is not None or self.captured_sent_at is not None

    def audience(self) -> set[str]:
        return set()


class DisputeNotification(LivingRow):
    """What a merchant's own server is told once its dispute has ended. A child of the dispute."""

    lifecycle = NOTIFICATIONS
    hidden = frozenset({*LEASE, "url"})

    dispute_id: int
    dispute: fields.OneToOneRelation[Dispute] = fields.OneToOneField(
        "models.Dispute", related_name="notification", on_delete=fields.RESTRICT
    )
    url = fields.CharField(max_length=URL_MAX)
    status = fields.CharEnumField(NotificationStatus, max_length=40, description="of its way to the merchant")
    attempts_left = fields.IntField()
    delivered_at = fields.DatetimeField(null=True)
    next_check_at = fields.DatetimeField(null=True, description="null while the dispute is open")
    failures = fields.IntField(default=0, description="in a row")
    last_error = fields.CharField(max_length=TEXT_MAX, null=True)
    attempts = fields.IntField(default=0)
    lease_until = fields.DatetimeField(null=True)
    lease_token = fields.UUIDField(null=True)

    class Meta:
        table = "dispute_notification"
        indexes = (Index(fields=("status", "next_check_at", "id")),)
        constraints = (CheckConstraint(name="notification_attempts", check="attempts_left >= 0"),)

    def audience(self) -> set[str]:
        return set()


class PaymentCallback(LivingRow):
    """A provider's word that a payment succeeded after all; whether it is so is asked."""

    lifecycle = CALLBACKS
    hidden = frozenset({*LEASE, "again"})

    invoice_id = fields.CharField(max_length=REF_MAX)
    payment_id = fields.CharField(max_length=REF_MAX)
    status = fields.CharEnumField(CallbackStatus, max_length=40, description="what came of it")
    detail = fields.CharField(max_length=TEXT_MAX, null=True, description="why it came to that")
    give_up_at = fields.DatetimeField()
    again = fields.BooleanField(default=False, description="whether it was told again while it waits")
    next_check_at = fields.DatetimeField(null=True)
    failures = fields.IntField(default=0, description="in a row")
    last_error = fields.CharField(max_length=TEXT_MAX, null=True)
    attempts = fields.IntField(default=0)
    lease_until = fields.DatetimeField(null=True)
    lease_token = fields.UUIDField(null=True)

    class Meta:
        table = "payment_callback"
        indexes = (Index(fields=("status", "next_check_at", "id")),)
        constraints = (
            UniqueConstraint(
                name="payment_callback_once", fields=("invoice_id", "payment_id"), condition="status = 'received'"
            ),
        )

    def audience(self) -> set[str]:
        return set()


class DisputeAttachment(Model):
    """A file that shows that the payer paid. It is kept elsewhere, under `key`."""

    id = fields.BigIntField(primary_key=True)
    dispute_id: int
    dispute: fields.ForeignKeyRelation[Dispute] = fields.ForeignKeyField(
        "models.Dispute", related_name="attachments", on_delete=fields.RESTRICT
    )
    key = fields.CharField(max_length=EXTERNAL_MAX, unique=True)
    mime_type = fields.CharField(max_length=100)
    size_bytes = fields.IntField()
    sha256 = fields.CharField(max_length=64)
    added_by = fields.CharField(max_length=40, description="the role of whoever added it")
    created_at = fields.DatetimeField()

    class Meta:
        table = "dispute_attachment"
        indexes = (Index(fields=("dispute_id", "id")),)
        constraints = (CheckConstraint(name="dispute_attachment_size", check="size_bytes > 0"),)


class DisputeComment(Model):
    """Words about a dispute, for all who may see it."""

    id = fields.BigIntField(primary_key=True)
    dispute_id: int
    dispute: fields.ForeignKeyRelation[Dispute] = fields.ForeignKeyField(
        "models.Dispute", related_name="comments", on_delete=fields.RESTRICT
    )
    text = fields.CharField(max_length=TEXT_MAX)
    written_by = fields.CharField(max_length=40, description="the role of whoever wrote it")
    created_at = fields.DatetimeField()

    class Meta:
        table = "dispute_comment"
        indexes = (Index(fields=("dispute_id", "id")),)


class SupportMessage(Model):
    """What the support desk is to be told: that a dispute has another status. Written with the move, so never of one that was
    undone; what it says is the event of that version."""

    id = fields.BigIntField(primary_key=True)
    dispute_id: int
    dispute: fields.ForeignKeyRelation[Dispute] = fields.ForeignKeyField(
        "models.Dispute", related_name="support_messages", on_delete=fields.RESTRICT
    )
    version = fields.BigIntField(description="of the event that it tells")
    created_at = fields.DatetimeField()
    waits = fields.BooleanField(default=True)
    ended_at = fields.DatetimeField(null=True, description="when it was told, or given up")
    told = fields.BooleanField(default=False)
    next_check_at = fields.DatetimeField()
    failures = fields.IntField(default=0, description="in a row")
    last_error = fields.CharField(max_length=TEXT_MAX, null=True)
    attempts = fields.IntField(default=0)
    lease_until = fields.DatetimeField(null=True)
    lease_token = fields.UUIDField(null=True)

    class Meta:
        table = "support_message"
        indexes = (Index(fields=("waits", "next_check_at", "id")), Index(fields=("dispute_id", "id")))
        constraints = (UniqueConstraint(name="support_message_once", fields=("dispute_id", "version")),)
