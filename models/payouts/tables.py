from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from models.kernel.money import Money
from models.kernel.rows import LivingRow
from models.parties.lifecycle import ToolKind
from models.parties.tables import CODE_MAX, PayoutTool, Shop
from models.payouts.lifecycle import (
    DELIVERIES,
    PAYOUTS,
    SCHEDULES,
    AttemptKind,
    AttemptState,
    DeliveryStatus,
    PayoutStatus,
    RunOutcome,
    ScheduleStatus,
)

PAYOUT_ID_MAX = 50
"""Its plan is `payout_<id>`, the revert's `revert_payout_<id>`: a plan's id has 64 characters."""
DETAILS_MAX, ERROR_MAX, CRON_MAX, ZONE_MAX = 500, 500, 100, 64


class PayoutSchedule(LivingRow):
    """When a shop's money is paid out by itself."""

    lifecycle = SCHEDULES
    hidden = frozenset({"failures", "last_error", "attempts", "lease_until", "lease_token"})

    shop_id: int
    shop: fields.OneToOneRelation[Shop] = fields.OneToOneField(
        "models.Shop", related_name="schedule", on_delete=fields.RESTRICT
    )
    party_code = fields.CharField(max_length=CODE_MAX)
    shop_code = fields.CharField(max_length=CODE_MAX)
    currency = fields.CharField(max_length=12)
    cron = fields.CharField(max_length=CRON_MAX)
    time_zone = fields.CharField(max_length=ZONE_MAX)
    least_minor = fields.BigIntField(description="less than this waits for the next run")
    auto_confirm = fields.BooleanField(default=False)
    status = fields.CharEnumField(ScheduleStatus, max_length=40, description="whether it runs")
    last_slot = fields.DatetimeField(null=True, description="the moment of the last run, as the schedule has it")
    last_outcome = fields.CharEnumField(RunOutcome, max_length=40, null=True, description="what the last run came to")
    last_payout = fields.CharField(max_length=PAYOUT_ID_MAX, null=True)
    last_refusal = fields.CharField(max_length=CODE_MAX, null=True, description="the code of why it came to nothing")
    needs_attention = fields.BooleanField(default=False)
    next_at = fields.DatetimeField(null=True)
    failures = fields.IntField(default=0, description="in a row")
    last_error = fields.CharField(max_length=ERROR_MAX, null=True)
    attempts = fields.IntField(default=0, description="to run the moment that is due")
    lease_until = fields.DatetimeField(null=True)
    lease_token = fields.UUIDField(null=True)

    class Meta:
        table = "payout_schedule"
        indexes = (Index(fields=("next_at", "id")), Index(fields=("party_code", "id")))
        constraints = (CheckConstraint(name="payout_schedule_least", check="least_minor > 0"),)

    @property
    def least(self) -> Money:
        return Money(self.least_minor, self.currency)

    def audience(self) -> set[str]:
        return {f"party:{self.party_code}", f"shop:{self.party_code}/{self.shop_code}"}


class Payout(LivingRow):
    """Money on its way out of a shop. `payout_id` is what everybody else knows it by."""

    lifecycle = PAYOUTS
    hidden = frozenset({"auto_confirm"})

    payout_id = fields.CharField(max_length=PAYOUT_ID_MAX, unique=True)
    shop_id: int
    shop: fields.ForeignKeyRelation[Shop] = fields.ForeignKeyField(
        "models.Shop", related_name="payouts", on_delete=fields.RESTRICT
    )
    party_code = fields.CharField(max_length=CODE_MAX)
    shop_code = fields.CharField(max_length=CODE_MAX)
    tool_id: int
    tool: fields.ForeignKeyRelation[PayoutTool] = fields.ForeignKeyField(
        "models.PayoutTool", related_name="payouts", on_delete=fields.RESTRICT
    )
    tool_code = fields.CharField(max_length=CODE_MAX)
    tool_kind = fields.CharEnumField(ToolKind, max_length=40, description="how the tool takes money")
    destination: Any = fields.JSONField(description="where the tool led when the payout was created")
    currency = fields.CharField(max_length=12)
    requested_minor = fields.BigIntField(description="what was asked for")
    amount_minor = fields.BigIntField(description="what the merchant gets")
    fee_minor = fields.BigIntField()
    cash_flow: Any = fields.JSONField(
        description="[{source_type, source_id, destination_type, destination_id, amount_minor, details}], as it is held"
    )
    status = fields.CharEnumField(PayoutStatus, max_length=40, description="of the payout's life")
    sequence = fields.IntField(default=0, description="how often the status has changed")
    cancel_details = fields.CharField(max_length=DETAILS_MAX, null=True)
    failure = fields.CharField(max_length=ERROR_MAX, null=True, description="why it failed, as the outside said")
    delivery_status = fields.CharEnumField(
        DeliveryStatus, max_length=40, null=True, description="of its delivery, where it has one"
    )
    needs_attention = fields.BooleanField(default=False)
    schedule_id: int | None
    schedule: fields.ForeignKeyNullableRelation[PayoutSchedule] = fields.ForeignKeyField(
        "models.PayoutSchedule", related_name="payouts", on_delete=fields.RESTRICT, null=True
    )
    slot = fields.DatetimeField(null=True, description="the moment of the schedule that it was made for")
    auto_confirm = fields.BooleanField(default=False, description="its schedule confirms it; else a human does")

    class Meta:
        table = "payout"
        indexes = (
            Index(fields=("party_code", "id")),
            Index(fields=("party_code", "updated_at", "id")),
            Index(fields=("party_code", "status", "id")),
            Index(fields=("party_code", "shop_code", "id")),
            Index(fields=("created_at", "id")),
            Index(fields=("status", "id")),
            Index(fields=("updated_at", "id")),
            Index(fields=("delivery_status", "id")),
            Index(fields=("needs_attention", "id")),
        )
        constraints = (
            UniqueConstraint(name="payout_once_for_a_slot", fields=("schedule_id", "slot")),
            CheckConstraint(name="payout_amounts", check="requested_minor > 0 AND amount_minor > 0"),
            CheckConstraint(
                name="payout_cancelled_with_details", check="cancel_details IS NULL OR status = 'cancelled'"
            ),
            CheckConstraint(name="payout_failed_for_a_reason", check="(failure IS NOT NULL) = (status = 'failed')"),
            CheckConstraint(name="payout_of_a_slot_whole", check="(schedule_id IS NULL) = (slot IS NULL)"),
        )

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    def audience(self) -> set[str]:
        return {f"party:{self.party_code}", f"shop:{self.party_code}/{self.shop_code}"}


class Delivery(LivingRow):
    """How a confirmed payout gets to where it goes. A child of the payout, whose events tell of it."""

    lifecycle = DELIVERIES
    hidden = frozenset({"failures", "last_error", "next_check_at", "attempts", "lease_until", "lease_token"})

    payout_id: int
    payout: fields.OneToOneRelation[Payout] = fields.OneToOneField(
        "models.Payout", related_name="delivery", on_delete=fields.RESTRICT
    )
    kind = fields.CharEnumField(ToolKind, max_length=40, description="of the tool: who is told of it")
    status = fields.CharEnumField(DeliveryStatus, max_length=40, description="of the delivery")
    reference = fields.CharField(max_length=128, null=True, description="what the outside system calls it")
    failures = fields.IntField(default=0, description="in a row")
    last_error = fields.CharField(max_length=ERROR_MAX, null=True)
    next_check_at = fields.DatetimeField(null=True)
    attempts = fields.IntField(default=0)
    lease_until = fields.DatetimeField(null=True)
    lease_token = fields.UUIDField(null=True)

    class Meta:
        table = "delivery"
        indexes = (Index(fields=("status", "next_check_at", "id")),)

    def audience(self) -> set[str]:
        return set()


class DeliveryAttempt(Model):
    """One call of the outside system: written before it is made. A part of the delivery."""

    id = fields.BigIntField(primary_key=True)
    delivery_id: int
    delivery: fields.ForeignKeyRelation[Delivery] = fields.ForeignKeyField(
        "models.Delivery", related_name="calls", on_delete=fields.RESTRICT
    )
    number = fields.IntField()
    kind = fields.CharEnumField(AttemptKind, max_length=40, description="what was asked")
    state = fields.CharEnumField(AttemptState, max_length=40, description="how it ended")
    detail = fields.CharField(
        max_length=ERROR_MAX, default="", description="the reference, the code, or why nobody knows"
    )
    started_at = fields.DatetimeField()
    finished_at = fields.DatetimeField(null=True)

    class Meta:
        table = "delivery_attempt"
        constraints = (UniqueConstraint(name="delivery_attempt_once", fields=("delivery_id", "number")),)
