"""The event log: insert only, one event for each version of a subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self

import orjson

from models.kernel.sql import FALSE, TRUE, Db, Row, Sql, fetch, join, sql
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
    position: int

    @classmethod
    def of(cls, row: Row) -> Self:
        values = {name: row[name] for name in COLUMNS}
        parsed = {name: orjson.loads(values[name]) for name in ("facts", "snapshot")}
        return cls(**values | parsed | {"audience": frozenset(values["audience"])})

    def wire(self) -> bytes:
        """As it travels between processes."""
        return orjson.dumps([getattr(self, name) for name in COLUMNS], default=sorted)

    @classmethod
    def read(cls, wire: bytes) -> Self:
        values = dict(zip(COLUMNS, orjson.loads(wire), strict=True))
        times = {"occurred_at": datetime.fromisoformat(values["occurred_at"])}
        return cls(**values | times | {"audience": frozenset(values["audience"])})


COLUMNS = tuple(field.name for field in fields(EventRecord))


SNAPSHOT = "snapshot"
"""The name under which the last event of a subject begins a subscription to it."""

View = Callable[[EventRecord, Viewer], EventRecord | None]
"""What a viewer whom an event reaches may see of it. None: for him it did not happen."""


def as_it_is(item: EventRecord, _viewer: Viewer) -> EventRecord:
    """The view of a noun of which all whom an event reaches may see all."""
    return item


_PLACED = """SELECT p.position, e.id, e.noun, e.subject, e.version, e.name, e.from_status, e.to_status, e.facts, e.snapshot,
                    e.actor, e.actor_role, e.audience, e.request_id, e.occurred_at
               FROM place p JOIN event e ON e.id = p.event_id"""


def visible_to(viewer: Viewer) -> Sql:
    """An event is seen by whoever shares a token with its audience."""
    return sql("e.audience && {}::text[]", sorted(viewer.tokens)) if viewer.tokens else FALSE


async def after(position: int, limit: int, *, up_to: int = 2**62, where: Sql = TRUE) -> list[EventRecord]:
    """Events behind `position` in their order, those that `where` (over `e`) lets through."""
    span = sql("p.position > {} AND p.position <= {}", position, up_to)
    rows = await fetch(join([sql(f"{_PLACED} WHERE"), span & where, sql("ORDER BY p.position LIMIT {}", limit)]))
    return [EventRecord.of(row) for row in rows]


async def count(where: Sql) -> int:
    """How many placed events `where` (over `e`) means."""
    rows = await fetch(join([sql("SELECT count(*) FROM place p JOIN event e ON e.id = p.event_id WHERE"), where]))
    return int(rows[0][0])


async def of_subject(viewer: Viewer, subject: str, position: int, limit: int) -> list[EventRecord]:
    """What happened to one subject behind `position`, the oldest first. By version, for which there is an index; the
    positions of one subject have the same order."""
    mine = visible_to(viewer) & sql("e.subject = {} AND p.position > {}", subject, position)
    rows = await fetch(join([sql(f"{_PLACED} WHERE"), mine, sql("ORDER BY e.version LIMIT {}", limit)]))
    return [EventRecord.of(row) for row in rows]


async def latest(subjects: Sequence[str]) -> tuple[int, list[EventRecord]]:
    """The head of the log, and at that very moment the last placed event of each of `subjects` that has one."""
    rows = await fetch(
        sql(
            f"""WITH head AS (SELECT coalesce(max(position), 0) AS at FROM place)
                SELECT head.at, last.* FROM head LEFT JOIN unnest({{}}::text[]) s(subject) ON true
                  LEFT JOIN LATERAL ({_PLACED} WHERE e.subject = s.subject ORDER BY e.version DESC LIMIT 1) last ON true
                 ORDER BY last.position""",
            list(subjects),
        )
    )
    return rows[0]["at"], [EventRecord.of(row) for row in rows if row["position"] is not None]


async def snapshot(db: Db, subject: str, version: int) -> dict[str, Any]:
    """The subject as it was at `version`."""
    stored = await db.fetchval("SELECT snapshot FROM event WHERE subject = $1 AND version = $2", subject, version)
    parsed: dict[str, Any] = orjson.loads(stored)
    return parsed


async def told(subject: str, version: int) -> Mapping[str, Any] | None:
    """The same outside any unit; None: there is no such version."""
    rows = await fetch(sql("SELECT snapshot FROM event WHERE subject = {} AND version = {}", subject, version))
    return orjson.loads(rows[0]["snapshot"]) if rows else None


async def as_of(subjects: Sequence[str], at: datetime) -> dict[str, Mapping[str, Any]]:
    """Those of `subjects` that there were at a moment, as they were then."""
    rows = await fetch(
        sql(
            """SELECT s.subject, e.snapshot FROM unnest({}::text[]) s(subject) CROSS JOIN LATERAL (
                 SELECT snapshot FROM event WHERE subject = s.subject AND occurred_at <= {}
                  ORDER BY version DESC LIMIT 1) e""",
            list(subjects),
            at,
        )
    )
    return {row["subject"]: orjson.loads(row["snapshot"]) for row in rows}
