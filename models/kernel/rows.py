"""What the tables of all nouns share, and how a row becomes text for PostgreSQL. Rows have no behaviour of their own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Self

from tortoise import fields
from tortoise.models import Model

from models.kernel.lifecycle import Lifecycle

KEPT_BY_THE_UNIT = frozenset({"id", "version", "created_at", "updated_at"})


class LivingRow(Model):
    """A row with a life: born by `Unit.open`, its status set by `Unit.move` alone, its events numbered by `version`."""

    lifecycle: ClassVar[Lifecycle]
    hidden: ClassVar[frozenset[str]] = frozenset()
    """Columns that never enter an event: secrets, leases, bookkeeping."""

    id = fields.BigIntField(primary_key=True)
    version = fields.BigIntField(default=0)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()
    status: Any

    class Meta:
        abstract = True

    @property
    def noun(self) -> str:
        return self.lifecycle.noun

    @property
    def subject(self) -> str:
        """What its events are about: "person:7"."""
        return f"{self.noun}:{self.id}"

    def audience(self) -> set[str]:
        """The tokens of those who may see its events; staff always may."""
        raise NotImplementedError

    @classmethod
    def data_columns(cls) -> list[str]:
        return [cls._meta.fields_db_projection[name] for name in cls._data_fields()]

    @classmethod
    def _data_fields(cls) -> list[str]:
        return sorted(cls._meta.fields_db_projection.keys() - KEPT_BY_THE_UNIT)

    def data(self) -> list[Any]:
        """The values of `data_columns`, as the database takes them."""
        return [self._meta.fields_map[name].to_db_value(getattr(self, name), self) for name in self._data_fields()]

    @classmethod
    def birth(cls) -> str:
        """The statement that bears a row of `$1`, its id, and its `data`."""
        columns = [f'"{name}"' for name in cls.data_columns()]
        places = ", ".join(f"${n}" for n in range(2, len(columns) + 2))
        return f"""INSERT INTO "{cls._meta.db_table}" (id, version, created_at, updated_at, {", ".join(columns)})
                   SELECT $1, 0, t, t, {places} FROM saldo_now() t RETURNING *"""

    @classmethod
    def change(cls) -> str:
        """The statement that writes the `data` of the row `$1` as its next version."""
        pairs = ", ".join(f'"{name}" = ${n}' for n, name in enumerate(cls.data_columns(), start=2))
        return f"""UPDATE "{cls._meta.db_table}" SET {pairs}, version = version + 1,
                   updated_at = greatest(saldo_now(), updated_at) WHERE id = $1 RETURNING *"""

    def columns(self) -> dict[str, Any]:
        """The row as the database holds it, column by column: what its record is made of."""
        return {column: getattr(self, name) for name, column in self._meta.fields_db_projection.items()}

    @classmethod
    def loaded(cls, row: Mapping[str, Any]) -> Self:
        return cls._init_from_db(**row)


def moment(value: datetime | str) -> datetime:
    """A point in time, from a column or from an event's snapshot of it."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)
