"""What this process says to PostgreSQL: how many statements a verb takes, each a round trip; and how a read is carried out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar, cast

import orjson
from tortoise import connections

from benches.world import World
from models import database


class Recording(database.Connection):
    """Keeps every statement, BEGIN and COMMIT too, and the values that came with it."""

    said: ClassVar[list[tuple[str, tuple[Any, ...]]]] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.add_query_logger(lambda query: Recording.said.append((query.query, query.args or ())))


@asynccontextmanager
async def recorded(world: World, name: str) -> AsyncIterator[list[tuple[str, tuple[Any, ...]]]]:
    """The copy `name`, over connections that keep what is said over them."""
    plain, database.Connection = database.Connection, Recording  # type: ignore[misc]
    try:
        await world.visit(name)
        yield Recording.said
    finally:
        database.Connection = plain  # type: ignore[misc]
        await world.visit(name)


async def scans(query: str, values: tuple[Any, ...]) -> list[str]:
    """How a statement finds its rows: planned for these values, and once for all values, as PostgreSQL may after a while."""
    given = ", ".join(f"'{value}'" for value in values)
    found: list[str] = []
    async with connections.get("default").acquire_connection() as db:
        await db.execute(f"PREPARE measured AS {query}")
        for mode in ("force_custom_plan", "force_generic_plan"):
            await db.execute(f"SET plan_cache_mode = {mode}")
            (top,) = orjson.loads(await db.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE measured ({given})"))
            found += _scans(top["Plan"])
        await db.execute("RESET plan_cache_mode; DEALLOCATE measured")
    return found


def _scans(plan: dict[str, Any]) -> Iterator[str]:
    if "Scan" in plan["Node Type"]:
        way = " backwards" if plan.get("Scan Direction") == "Backward" else ""
        yield f"{plan['Node Type']}{way} by {plan.get('Index Name', 'nothing')} ({plan.get('Index Cond', '')})"
    for below in cast("list[dict[str, Any]]", plan.get("Plans", [])):
        yield from _scans(below)
