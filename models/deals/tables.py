from __future__ import annotations

from uuid import uuid4

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from models.deals.lifecycle import LIFECYCLE, DealStatus, DisputeStatus, Resolution
from models.kernel.money import Money
from models.kernel.rows import LivingRow
from models.people.tables import Person, owner

TITLE_MAX, DESCRIPTION_MAX = 128, 10_000


class Deal(LivingRow):
    """What a customer and a performer have agreed on, or may. `id` is its number."""

    lifecycle = LIFECYCLE

    title = fields.CharField(max_length=TITLE_MAX)
    description = fields.TextField()
    price_minor = fields.BigIntField()
    fee_minor = fields.BigIntField()
    currency = fields.CharField(max_length=12)
    status = fields.CharEnumField(DealStatus, max_length=40, description="of the deal's life")
    customer_id: int
    customer: fields.ForeignKeyRelation[Person] = fields.ForeignKeyField(
        "models.Person", related_name="bought", on_delete=fields.RESTRICT
    )
    performer_id: int
    performer: fields.ForeignKeyRelation[Person] = fields.ForeignKeyField(
        "models.Person", related_name="performed", on_delete=fields.RESTRICT
    )
    service = fields.CharField(max_length=64, null=True, description="the service that made it for the customer")
    chat_id = fields.UUIDField(default=uuid4, unique=True)
    deadline_at = fields.DatetimeField(null=True)
    confirmed_at = fields.DatetimeField(null=True)
    closed_at = fields.DatetimeField(null=True)
    overdue = fields.BooleanField(default=False)
    dispute_status = fields.CharEnumField(DisputeStatus, max_length=40, null=True, description="of the deal's dispute")

    class Meta:
        table = "deal"
        indexes = (
            Index(fields=("customer_id", "id")),
            Index(fields=("performer_id", "id")),
            Index(fields=("status", "id")),
            Index(fields=("updated_at", "id")),
            Index(fields=("service", "id")),
            Index(fields=("deadline_at", "id")),
        )
        constraints = (
            CheckConstraint(name="deal_price_positive", check="price_minor > 0"),
            CheckConstraint(name="deal_fee_below_price", check="fee_minor >= 0 AND fee_minor < price_minor"),
            CheckConstraint(name="deal_of_two", check="customer_id <> performer_id"),
            CheckConstraint(name="deal_title_not_blank", check="btrim(title) <> ''"),
            CheckConstraint(
                name="deal_dispute_open_while_confirmed",
                check="dispute_status IS DISTINCT FROM 'open' OR status = 'confirm_performer'",
            ),
        )

    @property
    def price(self) -> Money:
        return Money(self.price_minor, self.currency)

    @property
    def fee(self) -> Money:
        return Money(self.fee_minor, self.currency)

    def audience(self) -> set[str]:
        mine = {owner(self.customer_id), owner(self.performer_id)}
        return mine | ({f"service:{self.service}"} if self.service else set())


class DealDispute(Model):
    """Why a deal is disputed, and how that ended: a part of the deal, whose events tell what becomes of it."""

    id = fields.BigIntField(primary_key=True)
    deal_id: int
    deal: fields.OneToOneRelation[Deal] = fields.OneToOneField(
        "models.Deal", related_name="dispute", on_delete=fields.RESTRICT
    )
    opened_by = fields.BigIntField(description="the number of the person who opened it")
    title = fields.CharField(max_length=TITLE_MAX)
    description = fields.TextField()
    resolution = fields.CharEnumField(Resolution, max_length=40, null=True, description="in whose favour it was closed")
    performer_minor = fields.BigIntField(null=True)
    resolved_by = fields.CharField(max_length=128, null=True)
    comment = fields.TextField(default="")
    created_at = fields.DatetimeField()
    closed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "deal_dispute"
        constraints = (
            CheckConstraint(
                name="deal_dispute_closed_whole",
                check="(resolution IS NULL) = (closed_at IS NULL) AND (resolution IS NULL) = (resolved_by IS NULL)",
            ),
        )
