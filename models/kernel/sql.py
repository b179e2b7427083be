"""Pieces of SQL that carry their own values: `{}` stands for one, and rendering numbers them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import asyncpg
from tortoise import connections
from tortoise.backends.base.client import TransactionContext, TransactionContextPooled
from tortoise.connection import get_connections
from tortoise.transactions import in_transaction

Db: TypeAlias = asyncpg.Connection
Row: TypeAlias = asyncpg.Record
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Sql:
    """A fragment with a `{}` for each value: Sql("owner = {}", "person:7"). Values never enter the text."""

    text: str
    values: tuple[Any, ...] = ()

    def __and__(self, other: Sql) -> Sql:
        return Sql(f"({self.text}) AND ({other.text})", self.values + other.values)

    def __or__(self, other: Sql) -> Sql:
        return Sql(f"({self.text}) OR ({other.text})", self.values + other.values)

    def render(self) -> tuple[str, tuple[Any, ...]]:
        """The text with $1, $2, … and the values in that order."""
        return self.text.format(*(f"${n}" for n in range(1, len(self.values) + 1))), self.values


def sql(text: str, *values: Any) -> Sql:
    return Sql(text, values)


TRUE, FALSE = Sql("TRUE"), Sql("FALSE")


def join(parts: Sequence[Sql], separator: str = " ") -> Sql:
    return Sql(separator.join(part.text for part in parts), tuple(v for part in parts for v in part.values))


def all_of(given: Sequence[tuple[str, Any]]) -> Sql:
    """Every condition whose value was given: ("r.status = {}", "open"); a tuple is several values, None is none."""
    wanted = TRUE
    for text, value in given:
        if value is not None:
            wanted &= sql(text, *(value if isinstance(value, tuple) else (value,)))
    return wanted


async def fetch(query: Sql) -> list[Row]:
    """The rows of a read, outside any unit."""
    text, values = query.render()
    async with connections.get(DEFAULT).acquire_connection() as db:
        rows: list[Row] = await db.fetch(text, *values)
        return rows


async def fetch_one(query: Sql) -> Row | None:
    rows = await fetch(query)
    return rows[0] if rows else None


@asynccontextmanager
async def transaction() -> AsyncIterator[Db]:
    """One transaction, for our SQL and for Tortoise's alike: inside, both speak over this connection."""
    outside, context = connections.get(DEFAULT), in_transaction()
    try:
        async with AsyncExitStack() as stack:
            try:
                wrapper = await stack.enter_async_context(context)
            except BaseException:
                await _not_begun(context)
                raise
            yield wrapper._connection
    finally:
        if connections.get(DEFAULT) is not outside:  # cut short at its end: this task would never leave the transaction
            connections.set(DEFAULT, outside)


@asynccontextmanager
async def snapshot() -> AsyncIterator[Db]:
    """One unchanging picture of the database for many reads, over a connection that nobody else here speaks over."""
    async with (
        connections.get(DEFAULT).acquire_connection() as db,
        db.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield db


async def _not_begun(context: TransactionContext) -> None:
    """Whoever is cancelled during BEGIN would, by Tortoise, take the connection out of the pool for ever."""
    if isinstance(context, TransactionContextPooled) and hasattr(context, "token"):
        get_connections().reset(context.token)
        connection: Any = context.client._connection
        connection.terminate()  # nobody knows whether its transaction has begun
        await cast(Any, context.client)._parent._pool.release(connection)
