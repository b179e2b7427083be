"""Hot accounts: what was queued becomes entries with order and running balance. Nothing breaks if this stops."""

from __future__ import annotations

from tortoise import connections


async def fold(limit: int) -> int | None:
    """Fold up to `limit` queued changes of hot accounts. None: another folder is at work. A transaction of its own."""
    async with connections.get("default").acquire_connection() as db:
        folded: int | None = await db.fetchval("SELECT ledger_fold($1)", limit)
    return folded


async def backlog() -> tuple[int, int]:
    """How many changes of hot accounts wait to be folded, and for how many milliseconds the oldest has."""
    async with connections.get("default").acquire_connection() as db:
        row = await db.fetchrow(
            """SELECT count(*) AS n, coalesce(extract(epoch FROM saldo_now() - min(at)) * 1000, 0)::bigint AS age_ms
                 FROM ledger_delta"""
        )
    return row["n"], row["age_ms"]
