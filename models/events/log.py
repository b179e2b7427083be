"""The event log: insert only, one event for each version of a subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import orjson

from models.kernel.pages import Column, Cut, Order, Page, page
from models.kernel.sql import FALSE, Db, Row, Sql, sql
from models.kernel.viewer import Viewer


@dataclass(frozen=True, slots=True)
class EventRecord:
    """Something that happened to a subject, with the subject as it was right after."""

    id: int
    noun: str
    subject: str
    version: int
    name: str
    from_status: str | None
    to_status: str | None
    facts: Mapping[str, Any]
    snapshot: Mapping[str, Any]
    actor: str
    actor_role: str
    audience: frozenset[str]
    request_id: str | None
    occurred_at: datetime

    @classmethod
    def of(cls, row: Row) -> Self:
        values = dict(row)
        parsed = {name: orjson.loads(values[name]) for name in ("facts", "snapshot")}
        return cls(**values | parsed | {"audience": frozenset(values["audience"])})


View = Callable[[EventRecord, Viewer], EventRecord | None]
"""What a viewer whom an event reaches may see of it. None: for him it did not happen."""


def as_it_is(item: EventRecord, _viewer: Viewer) -> EventRecord:
    """The view of a noun of which all whom an event reaches may see all."""
    return item


_SELECT = sql(
    """SELECT e.id, e.noun, e.subject, e.version, e.name, e.from_status, e.to_status, e.facts, e.snapshot,
              e.actor, e.actor_role, e.audience, e.request_id, e.occurred_at FROM event e"""
)
BY_VERSION = Order("event", (Column("e.version", int),))


def visible_to(viewer: Viewer) -> Sql:
    """An event is seen by whoever shares a token with its audience."""
    return sql("e.audience && {}::text[]", sorted(viewer.tokens)) if viewer.tokens else FALSE


async def timeline(viewer: Viewer, subject: str, cut: Cut) -> Page[EventRecord]:
    """What happened to one subject, the oldest first."""
    return await page(_SELECT, visible_to(viewer) & sql("e.subject = {}", subject), BY_VERSION, cut, EventRecord.of)


async def snapshot(db: Db, subject: str, version: int) -> dict[str, Any]:
    """The subject as it was at `version`."""
    stored = await db.fetchval("SELECT snapshot FROM event WHERE subject = $1 AND version = $2", subject, version)
    parsed: dict[str, Any] = orjson.loads(stored)
    return parsed
