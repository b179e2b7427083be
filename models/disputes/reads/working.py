"""What the jobs of disputes, and whoever measures them, need to know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.disputes.tables import OPEN_ONES
from models.kernel.sql import fetch, sql


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits of disputes, and for whom."""

    created: int
    pending: int
    humans: int
    adjusting: int
    due_seconds: int
    adjustments_due_seconds: int
    notifications_due_seconds: int
    callbacks_due_seconds: int
    support_due_seconds: int
    attention: int


async def backlog() -> Backlog:
    late = "greatest(0, coalesce(extract(epoch FROM saldo_now() - min(next_check_at)), 0))::bigint"
    (row,) = await fetch(
        sql(
            f"""SELECT count(*) FILTER (WHERE status = 'created') AS created,
                       count(*) FILTER (WHERE status = 'pending') AS pending,
                       count(*) FILTER (WHERE mode = 'manual') AS humans,
                       count(*) FILTER (WHERE status = 'create_adjustment') AS adjusting,
                       {late} AS due_seconds, count(*) FILTER (WHERE needs_attention) AS attention,
                       (SELECT {late} FROM adjustment WHERE status = 'create_adjustment') AS adjustments_due_seconds,
                       (SELECT {late} FROM dispute_notification WHERE status = 'pending') AS notifications_due_seconds,
                       (SELECT {late} FROM payment_callback WHERE status = 'received') AS callbacks_due_seconds,
                       (SELECT {late} FROM support_message WHERE waits) AS support_due_seconds
                  FROM dispute WHERE status IN ({OPEN_ONES})"""
        )
    )
    return Backlog(**dict(row))


async def terminals_in_use(limit: int) -> list[int]:
    """Those that open disputes hang on, the lowest first."""
    query = sql(f"SELECT DISTINCT terminal_id FROM dispute WHERE status IN ({OPEN_ONES}) ORDER BY 1 LIMIT {{}}", limit)
    return [row["terminal_id"] for row in await fetch(query)]


async def unknown_files(keys: Sequence[str]) -> list[str]:
    """Those of `keys` that belong to no dispute: whoever put them did not live to say so, or was refused."""
    query = sql(
        """SELECT k.key FROM unnest({}::text[]) k(key)
            WHERE NOT EXISTS (SELECT FROM dispute_attachment a WHERE a.key = k.key)""",
        list(keys),
    )
    return [row["key"] for row in await fetch(query)]


async def files_of(dispute: int) -> list[tuple[str, str]]:
    """The keys of a dispute's files, with their types, the oldest first."""
    query = sql("SELECT key, mime_type FROM dispute_attachment WHERE dispute_id = {} ORDER BY id", dispute)
    return [(row["key"], row["mime_type"]) for row in await fetch(query)]
