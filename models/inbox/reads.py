"""Messages and dead letters as frozen records. Every read starts from what the viewer may see.

A record is what events carry too. What they do not carry, contents and bookkeeping, is read as it is now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self

import orjson

from models.inbox.lifecycle import LETTERS, MESSAGES, DeadLetterStatus, InboxMessageStatus
from models.inbox.views import letters_visible_to, visible_to
from models.kernel.pages import Column, Cut, Order, Page, page
from models.kernel.rows import moment
from models.kernel.sql import Sql, fetch, join, sql
from models.kernel.viewer import Viewer
from models.unit import NounRecord


@dataclass(frozen=True, slots=True)
class MessageRecord(NounRecord):
    """A message at one version."""

    noun: ClassVar[str] = MESSAGES.noun

    id: int
    topic: str
    event_id: str
    key: str | None
    sender: str
    status: InboxMessageStatus
    reason: str | None
    waiting_since: datetime | None
    processed_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        plain = ("id", "topic", "event_id", "key", "sender", "reason", "version")
        times: dict[str, Any] = {name: row[name] and moment(row[name]) for name in ("waiting_since", "processed_at")}
        return cls(
            **{name: row[name] for name in plain},
            **times,
            status=InboxMessageStatus(row["status"]),
            created_at=moment(row["created_at"]),
            updated_at=moment(row["updated_at"]),
        )

    @property
    def subject(self) -> str:
        return f"{self.noun}:{self.id}"


@dataclass(frozen=True, slots=True)
class MessageNow:
    """What a message holds, and how it fares just now."""

    payload: Any
    attempts: int
    last_error: str | None
    next_check_at: datetime | None


@dataclass(frozen=True, slots=True)
class LetterRecord(NounRecord):
    """A dead letter at one version."""

    noun: ClassVar[str] = LETTERS.noun

    id: int
    status: DeadLetterStatus
    source: str
    name: str
    reason: str
    deaths: int
    message_id: int | None
    resolved_by: str | None
    resolved_reason: str | None
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        plain = (
            "id", "source", "name", "reason", "deaths", "message_id", "resolved_by", "resolved_reason", "version",
        )  # fmt: skip
        return cls(
            **{name: row[name] for name in plain},
            status=DeadLetterStatus(row["status"]),
            created_at=moment(row["created_at"]),
            updated_at=moment(row["updated_at"]),
        )

    @property
    def subject(self) -> str:
        return f"{self.noun}:{self.id}"


@dataclass(frozen=True, slots=True)
class LetterNow:
    """What stands in a letter: the text as it came, and what an operator put in its place."""

    payload: str
    fixed_payload: Any


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters are meant. `created_from` is counted in, `created_to` is not."""

    source: str | None = None
    status: DeadLetterStatus | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None

    def where(self) -> Sql:
        parts = [
            ("r.source = {}", self.source),
            ("r.status = {}", self.status and self.status.value),
            ("r.created_at >= {}", self.created_from),
            ("r.created_at < {}", self.created_to),
        ]
        found = sql("TRUE")
        for text, value in parts:
            found = found & sql(text, value) if value is not None else found
        return found


async def messages(viewer: Viewer, ids: Sequence[int]) -> dict[int, MessageRecord]:
    """Those of `ids` that there are and that the viewer may see."""
    where = visible_to(viewer) & sql("r.id = ANY({}::bigint[])", list(ids))
    rows = await fetch(join([_MESSAGE, where]))
    return {row["id"]: MessageRecord.of(row) for row in rows}


async def messages_now(ids: Sequence[int]) -> dict[int, MessageNow]:
    """What messages hold that were seen already."""
    rows = await fetch(
        sql(
            "SELECT id, payload, attempts, last_error, next_check_at FROM inbox_message WHERE id = ANY({}::bigint[])",
            list(ids),
        )
    )
    return {
        row["id"]: MessageNow(orjson.loads(row["payload"]), row["attempts"], row["last_error"], row["next_check_at"])
        for row in rows
    }


async def letters(viewer: Viewer, ids: Sequence[int]) -> dict[int, LetterRecord]:
    """Those of `ids` that there are and that the viewer may see."""
    where = letters_visible_to(viewer) & sql("r.id = ANY({}::bigint[])", list(ids))
    return {row["id"]: LetterRecord.of(row) for row in await fetch(join([_LETTER, sql("WHERE"), where]))}


async def letters_now(ids: Sequence[int]) -> dict[int, LetterNow]:
    """What stands in letters that were seen already."""
    rows = await fetch(
        sql("SELECT id, payload, fixed_payload FROM dead_letter WHERE id = ANY({}::bigint[])", list(ids))
    )
    return {
        row["id"]: LetterNow(row["payload"], orjson.loads(row["fixed_payload"]) if row["fixed_payload"] else None)
        for row in rows
    }


_MESSAGE = sql(
    """SELECT r.id, r.topic, r.event_id, r.key, r.sender, r.status, r.reason, r.waiting_since, r.processed_at, r.version,
              r.created_at, r.updated_at FROM inbox_message r WHERE"""
)
_LETTER = sql(
    """SELECT r.id, r.status, r.source, r.name, r.reason, r.deaths, r.message_id, r.resolved_by, r.resolved_reason,
              r.version, r.created_at, r.updated_at FROM dead_letter r"""
)
NEWEST_LETTER = Order("dead_letter", (Column("r.id", int),), descending=True)


async def letter_page(viewer: Viewer, cut: Cut, wanted: Wanted) -> Page[LetterRecord]:
    """Dead letters, the newest first."""
    return await page(_LETTER, letters_visible_to(viewer) & wanted.where(), NEWEST_LETTER, cut, LetterRecord.of)


async def oldest_letters(viewer: Viewer, wanted: Wanted, limit: int) -> list[int]:
    """The numbers of the oldest letters that are meant."""
    where = letters_visible_to(viewer) & wanted.where()
    rows = await fetch(join([sql("SELECT r.id FROM dead_letter r WHERE"), where, sql("ORDER BY r.id LIMIT {}", limit)]))
    return [row["id"] for row in rows]


@dataclass(frozen=True, slots=True)
class Backlog:
    """What has not come to its end: how many in each such status, and for how long the oldest has been due or waiting."""

    received: int
    waiting: int
    dead: int
    oldest_seconds: int


async def backlog() -> Backlog:
    (row,) = await fetch(
        sql(
            """SELECT count(*) FILTER (WHERE status = 'received') AS received,
                      count(*) FILTER (WHERE status = 'waiting') AS waiting,
                      count(*) FILTER (WHERE status = 'dead') AS dead,
                      coalesce(extract(epoch FROM saldo_now() - min(updated_at) FILTER (WHERE status <> 'dead')), 0)::bigint
                        AS oldest
                 FROM inbox_message WHERE status IN ('received', 'waiting', 'dead')"""
        )
    )
    return Backlog(row["received"], row["waiting"], row["dead"], max(0, row["oldest"]))
