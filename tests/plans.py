"""How PostgreSQL reads what was asked: its plan, step by step, and how many rows it looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from models.kernel.sql import Row, Sql, fetch, transaction

Steps = list[dict[str, Any]]


def noting(asked: list[Sql]) -> Callable[[Sql], Any]:
    """`fetch`, which also notes what it was asked."""

    async def noted(query: Sql) -> list[Row]:
        asked.append(query)
        return await fetch(query)

    return noted


async def explained(query: Sql) -> Steps:
    text, values = query.render()
    async with transaction() as db:
        (plan,) = orjson.loads(await db.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", *values))
    return list(_steps(plan["Plan"]))


def _steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _steps(part)


def whole(plan: Steps, table: str) -> Steps:
    """The steps that read all of a table."""
    return [step for step in plan if step["Node Type"] == "Seq Scan" and step.get("Relation Name") == table]


def touched(plan: Steps, table: str) -> int:
    """How many rows of a table its scans have looked at."""
    scans = [step for step in plan if "Scan" in step["Node Type"] and step.get("Relation Name") == table]
    return sum((s["Actual Rows"] + s.get("Rows Removed by Filter", 0)) * s["Actual Loops"] for s in scans)
