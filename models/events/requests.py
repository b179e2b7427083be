"""Idempotency: a request that comes twice is done once and answered twice. [design of requests: docs/guarantees.md]"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from models.kernel.refusals import IdempotencyKeyConflict
from models.kernel.sql import Db, fetch_one, sql

KEY_MAX = 128


@dataclass(frozen=True, slots=True)
class Request:
    """How a mutation was asked: its name, its coerced input less the key, the key, and the version expected."""

    mutation: str
    content: dict[str, Any] = field(repr=False)
    key: str | None = None
    expected_version: int | None = None
    id: str | None = None
    """The id of the HTTP request or socket message, for logs and events."""
    on_replay: Callable[[], None] | None = None
    """Told when the answer was given before: the API then lists the field in `extensions.replayed`."""

    def replay(self) -> None:
        if self.on_replay:
            self.on_replay()

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(
            orjson.dumps([self.mutation, self.content], option=orjson.OPT_SORT_KEYS, default=_told)
        ).digest()


def _told(value: object) -> str:
    """What JSON has no word for. Bytes are told by their hash: a file is not written out to be compared."""
    return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else str(value)


@dataclass(frozen=True, slots=True)
class Done:
    """What an earlier request with the same key led to."""

    subject: str
    version: int


async def take(db: Db, actor: str, request: Request) -> Done | None:
    """Take the key for this transaction, waiting for a twin that holds it. Answers what the twin did, if it did.

    The first lock of a unit. Refuses IDEMPOTENCY_KEY_CONFLICT for another mutation or another input.
    """
    row = await db.fetchrow(
        "SELECT * FROM request_take($1, $2, $3, $4)", actor, request.key, request.mutation, request.digest
    )
    if row is None:
        return None
    if row["mutation"] != request.mutation or row["digest"] != request.digest:
        raise IdempotencyKeyConflict
    return Done(row["subject"], row["version"])


async def earlier(actor: str, request: Request) -> Done | None:
    """What the same request led to, if it was done: who has to ask others before his unit asks this first. Refuses as `take`."""
    if request.key is None:
        return None
    query = sql(
        "SELECT mutation, digest, subject, version FROM request WHERE actor = {} AND key = {} AND subject IS NOT NULL",
        actor,
        request.key,
    )
    row = await fetch_one(query)
    if row is None:
        return None
    if row["mutation"] != request.mutation or bytes(row["digest"]) != request.digest:
        raise IdempotencyKeyConflict
    return Done(row["subject"], row["version"])


async def conclude(db: Db, actor: str, request: Request, subject: str, version: int) -> None:
    await db.execute(
        "UPDATE request SET subject = $3, version = $4 WHERE actor = $1 AND key = $2",
        actor,
        request.key,
        subject,
        version,
    )


async def forget(db: Db, *, days: int, limit: int) -> int:
    """Remove requests older than `days`: their keys may be used again."""
    removed = await db.fetch(
        """DELETE FROM request WHERE (actor, key) IN (
             SELECT actor, key FROM request WHERE created_at < saldo_now() - make_interval(days => $1)
              ORDER BY created_at LIMIT $2) RETURNING 1""",
        days,
        limit,
    )
    return len(removed)
