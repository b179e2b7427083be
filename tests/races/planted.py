"""Bugs on purpose: a SQL function without one of its guards, for as long as a test needs it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from models.kernel.sql import transaction

SQL = "\n".join(
    (Path("models/migrations/sql") / name).read_text()
    for name in ("0002_events.sql", "0004_ledger_functions.sql", "0005_positions.sql")
)


def _function(name: str) -> str:
    """The last definition of a function, as CREATE OR REPLACE."""
    found = re.findall(rf"CREATE FUNCTION {name}\(.*?\$\$.*?\$\$;", SQL, re.DOTALL)
    return str(found[-1]).replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)


@asynccontextmanager
async def without(function: str, guard: str, instead: str = "") -> AsyncIterator[None]:
    """The function with `guard` taken out, or with `instead` in its place."""
    right = _function(function)
    assert guard in right, f"{function} has no {guard!r} any more"
    await _define(right.replace(guard, instead))
    try:
        yield
    finally:
        await _define(right)


async def _define(function: str) -> None:
    async with transaction() as db:
        await db.execute(function)
