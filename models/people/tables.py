from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from models.kernel.rows import LivingRow
from models.people.lifecycle import LIFECYCLE, PersonStatus

NAME_MAX, IDENTITY_MAX = 64, 64


class Person(LivingRow):
    """Somebody who has a balance. `id` is the number that claims and inputs use."""

    lifecycle = LIFECYCLE

    name = fields.CharField(max_length=NAME_MAX)
    status = fields.CharEnumField(PersonStatus, max_length=40, description="of the person's life")

    class Meta:
        table = "person"
        constraints = (CheckConstraint(name="person_name_not_blank", check="btrim(name) <> ''"),)

    def audience(self) -> set[str]:
        return {owner(self.id)}


class IdentityKind(StrEnum):
    """Who knows the person under the value."""

    EXTERNAL = "external"


class Identity(Model):
    """A name under which another system knows a person; no two people share one."""

    id = fields.BigIntField(primary_key=True)
    person_id: int
    person: fields.ForeignKeyRelation[Person] = fields.ForeignKeyField(
        "models.Person", related_name="identities", on_delete=fields.RESTRICT
    )
    kind = fields.CharEnumField(IdentityKind, max_length=40, description="who knows the person so")
    value = fields.CharField(max_length=IDENTITY_MAX)

    class Meta:
        table = "person_identity"
        constraints = (UniqueConstraint(name="person_identity_once", fields=("kind", "value")),)


def owner(person: int) -> str:
    """Who owns the person's accounts; also the audience of his events."""
    return f"person:{person}"
