"""Keyset pages: a list is cut by where it stopped, never by how many came before."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Generic, TypeVar

import orjson

from models.kernel.refusals import CursorExpired, FieldProblem, InvalidInput
from models.kernel.sql import TRUE, Row, Sql, fetch, join, sql
from settings import settings

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Column:
    """A column to order by and the type that a cursor brings for it."""

    name: str
    type: type[int] | type[str] | type[datetime]

    def read(self, value: object) -> Any:
        if self.type is datetime and isinstance(value, str):
            return datetime.fromisoformat(value)
        if type(value) is not self.type or (isinstance(value, int) and abs(value) >= 2**63):
            raise ValueError(f"{value!r} is no {self.type.__name__}")
        return value


@dataclass(frozen=True, slots=True)
class Order:
    """An order of a list; its columns end with a unique one, and one index serves them."""

    name: str
    columns: tuple[Column, ...]
    descending: bool = False

    def by(self, *, backwards: bool) -> Sql:
        way = "DESC" if self.descending != backwards else "ASC"
        return Sql("ORDER BY " + ", ".join(f"{column.name} {way}" for column in self.columns))

    def beyond(self, cursor: str, *, backwards: bool) -> Sql:
        """What comes after `cursor` on the way. Raises CursorExpired for one that is not of this order."""
        names = ", ".join(column.name for column in self.columns)
        values = self._read(cursor)
        sign = "<" if self.descending != backwards else ">"
        return Sql(f"({names}) {sign} ({', '.join('{}' for _ in values)})", values)

    def cursor(self, row: Row) -> str:
        values = [row[column.name.rpartition(".")[2]] for column in self.columns]
        return base64.urlsafe_b64encode(orjson.dumps([self.name, *values])).rstrip(b"=").decode()

    def _read(self, cursor: str) -> tuple[Any, ...]:
        try:
            name, *values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            if name != self.name or len(values) != len(self.columns):
                raise ValueError(name)
            return tuple(column.read(value) for column, value in zip(self.columns, values, strict=True))
        except (ValueError, TypeError, binascii.Error, OverflowError):
            raise CursorExpired from None


@dataclass(frozen=True, slots=True)
class Cut:
    """Which part of a list is asked for: `first` after `after`, or `last` before `before`."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None

    def __post_init__(self) -> None:
        limit = settings().page_max
        problems = [
            FieldProblem(name, f"must be between 0 and {limit}")
            for name, size in (("first", self.first), ("last", self.last))
            if size is not None and not 0 <= size <= limit
        ]
        if self.first is not None and self.last is not None:
            problems.append(FieldProblem("last", "cannot stand beside first"))
        if problems:
            raise InvalidInput(*problems)

    @property
    def backwards(self) -> bool:
        return self.last is not None

    @property
    def size(self) -> int:
        if self.last is not None:
            return self.last
        return 20 if self.first is None else self.first


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """One part of a list, in the list's order, with a cursor for each item."""

    items: tuple[R, ...]
    cursors: tuple[str, ...]
    has_next: bool
    has_previous: bool
    total: Callable[[], Awaitable[int]]
    """How many items the whole list has; counted when asked."""


Select = Sql | Callable[[Sql], Sql]
"""What a page is cut from: "SELECT … FROM …", or a function of "conditions ORDER BY … LIMIT …" that puts them deeper."""


async def page(select: Select, where: Sql, order: Order, cut: Cut, make: Callable[[Row], R]) -> Page[R]:
    """One page by one query: one row more than asked tells whether there are more."""
    way, back = (cut.before, cut.after) if cut.backwards else (cut.after, cut.before)
    beyond = order.beyond(way, backwards=cut.backwards) if way else TRUE
    within = order.beyond(back, backwards=not cut.backwards) if back else TRUE
    end = join([order.by(backwards=cut.backwards), sql("LIMIT {}", cut.size + 1)])
    tail = join([where & beyond & within, end])
    rows = await fetch(join([select, sql("WHERE"), tail] if isinstance(select, Sql) else [select(tail), end]))
    more, kept = len(rows) > cut.size, rows[: cut.size]
    if cut.backwards:
        kept.reverse()
    return Page(
        items=tuple(make(row) for row in kept),
        cursors=tuple(order.cursor(row) for row in kept),
        has_next=bool(cut.before) if cut.backwards else more,
        has_previous=more if cut.backwards else bool(cut.after),
        total=partial(_count, select, where),
    )


async def _count(select: Select, where: Sql) -> int:
    query = join([select, sql("WHERE"), where]) if isinstance(select, Sql) else select(where)
    total: int = (await fetch(join([sql("SELECT count(*) FROM ("), query, sql(") counted")])))[0][0]
    return total
