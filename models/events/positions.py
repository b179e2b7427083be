"""Positions: the one order of all events, given after commit, without a gap. [docs/decisions/0009]

Whoever has seen position 7 has seen everything up to 7: no late commit slips in behind a cursor.
"""

from __future__ import annotations

from models.events.log import EventRecord
from models.kernel.sql import fetch, fetch_one, sql


async def place(limit: int) -> list[EventRecord]:
    """Give the next positions to up to `limit` committed events and answer them; none while somebody else does."""
    rows = await fetch(sql("SELECT place AS position, * FROM event_place({})", limit))
    return [EventRecord.of(row) for row in rows]


async def head() -> int:
    """The last position given; 0 before the first."""
    row = await fetch_one(sql("SELECT coalesce(max(position), 0) AS head FROM place"))
    return int(row["head"]) if row else 0


async def waiting() -> tuple[int, float]:
    """How many events have no position yet, up to 10,000, and for how many seconds the oldest has waited."""
    row = await fetch_one(
        sql(
            """SELECT (SELECT count(*) FROM (SELECT 1 FROM unplaced LIMIT 10000) u) AS n,
                      extract(epoch FROM saldo_now() - (SELECT e.occurred_at FROM unplaced u JOIN event e ON e.id = u.event_id
                                                         ORDER BY u.event_id LIMIT 1))::float8 AS age"""
        )
    )
    return (row["n"], max(0.0, row["age"] or 0.0)) if row else (0, 0.0)


async def exported(name: str) -> int:
    """How far an export has come; 0 for one that never ran."""
    row = await fetch_one(sql("SELECT position FROM export WHERE name = {}", name))
    return int(row["position"]) if row else 0


async def note_exported(name: str, position: int) -> None:
    """An export has come so far. It never goes back by this."""
    await fetch(
        sql(
            """INSERT INTO export (name, position) VALUES ({}, {}) ON CONFLICT (name) DO UPDATE
                 SET position = excluded.position, moved_at = saldo_now() WHERE export.position < excluded.position""",
            name,
            position,
        )
    )


async def begin_epoch() -> None:
    """Begin a new epoch: every cursor that was ever given expires. For a log that was restored in place."""
    await fetch(sql("UPDATE event_log SET epoch = gen_random_uuid()"))
