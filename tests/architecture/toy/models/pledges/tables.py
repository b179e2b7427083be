from __future__ import annotations

from models.pledges.lifecycle import LIFECYCLE, PledgeStatus
from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from models.kernel.money import Money
from models.kernel.rows import LivingRow
from models.people.tables import Person, owner


class Pledge(LivingRow):
    """Money that a person has set aside."""

    lifecycle = LIFECYCLE

    status = fields.CharEnumField(PledgeStatus, max_length=40, description="of the pledge")
    person_id: int
    person: fields.ForeignKeyRelation[Person] = fields.ForeignKeyField("models.Person", related_name=False)
    amount_minor = fields.BigIntField()
    currency = fields.CharField(max_length=12)

    class Meta:
        table = "pledge"
        constraints = (CheckConstraint(name="pledge_positive", check="amount_minor > 0"),)

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    def audience(self) -> set[str]:
        return {owner(self.person_id)}
