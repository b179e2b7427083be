"""Who works on what just now. A claim is a lease: it ends by itself, and whoever came too late writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from tortoise.models import Model

from models.kernel.clock import now
from models.kernel.rows import LivingRow
from models.kernel.sql import TRUE, Sql, join, sql
from models.unit import Unit

R = TypeVar("R", bound=Model)
T = TypeVar("T", bound=LivingRow)

DUE = "r.next_check_at <= (SELECT saldo_now())"
"""The moment is asked for once: an index ends there, where it would compare every row with a clock that goes on."""
FREE = "r.lease_until IS NULL OR r.lease_until < saldo_now()"


async def claim(
    work: Unit, table: type[R], due: Sql, *, limit: int, lease_seconds: int, order: str = "r.id"
) -> list[R]:
    """Rows that are due and that nobody else holds, ours for `lease_seconds` by the database's clock.

    SKIP LOCKED: two workers never wait for each other and never take the same row. Counts the attempt. `order` names
    the indexed column by which the most urgent come first.
    """
    name = table._meta.db_table
    query = join(
        [
            sql(
                f"""UPDATE "{name}" u SET lease_until = saldo_now() + make_interval(secs => {{}}),
                           lease_token = gen_random_uuid(), attempts = attempts + 1
                     WHERE u.id IN (SELECT r.id FROM "{name}" r WHERE""",
                lease_seconds,
            ),
            due & sql(FREE),
            sql(f"ORDER BY {order} LIMIT {{}} FOR NO KEY UPDATE SKIP LOCKED) RETURNING u.*", limit),
        ]
    )
    text, values = query.render()
    rows = [table._init_from_db(**row) for row in await work.db.fetch(text, *values)]
    return sorted(rows, key=lambda row: row.pk)


async def still_ours(work: Unit, table: type[T], id: int, token: UUID) -> T | None:
    """The row, locked, if the claim still holds; None where the lease went to somebody else."""
    row = await work.lock(table, sql("r.id = {}", id), visible_to=TRUE)
    return row if getattr(row, "lease_token", None) == token else None


async def put_back(work: Unit, table: type[Model], looked_at: Sequence[tuple[int, UUID, datetime]]) -> int:
    """Rows, by id and token, that were looked at and of which nothing is new: each is due again at its moment, and what went wrong
    before is forgotten. Those whose claim is over, or that somebody holds just now, are left as they are: a lease ends by
    itself. One statement, and no event: answers how many it wrote."""
    ids, tokens, moments = ([one[place] for one in looked_at] for place in range(3))
    written = await work.db.fetch(
        f"""UPDATE "{table._meta.db_table}" r SET next_check_at = v.at, failures = 0, last_error = NULL, attempts = 0,
                   lease_until = NULL, lease_token = NULL
              FROM unnest($1::bigint[], $2::uuid[], $3::timestamptz[]) v(id, token, at)
             WHERE r.id = v.id AND r.id IN (
                     SELECT h.id FROM "{table._meta.db_table}" h JOIN unnest($1::bigint[], $2::uuid[]) k(id, token)
                       ON h.id = k.id AND h.lease_token = k.token FOR NO KEY UPDATE OF h SKIP LOCKED)
            RETURNING r.id""",
        ids,
        tokens,
        moments,
    )
    return len(written)


def back_off(failures: int, first_seconds: int, most_seconds: int, *, factor: int = 2) -> datetime:
    """When it is tried again after so many failures in a row: later and later, by business time."""
    return now() + timedelta(seconds=min(first_seconds * factor ** min(max(failures, 1) - 1, 16), most_seconds))


def release(row: Any) -> None:
    """Take the lease off a row that is about to be written."""
    row.lease_token = row.lease_until = None
