"""The database is what the code says it is."""

from __future__ import annotations

from typing import Any

import pytest
from tortoise import Tortoise

from models import migrating
from models.kernel.rows import LivingRow
from models.kernel.sql import fetch, sql
from models.wiring import LINES
from tests.ledger.books import TEST_LINES

pytestmark = pytest.mark.usefixtures("pool")


def tables() -> list[Any]:
    return list(Tortoise.apps["models"].values())


async def test_the_migrations_say_all_that_the_tables_have():
    assert [change.as_string() for change in await migrating.changes()] == []
    assert await migrating.missing() == []


async def test_every_constraint_of_a_table_stands_in_the_catalogue():
    rows = await fetch(sql("SELECT conname AS name FROM pg_constraint UNION SELECT indexname FROM pg_indexes"))
    known = {row["name"] for row in rows}
    wanted = {constraint.name for table in tables() for constraint in table._meta.constraints}
    assert wanted
    assert wanted - known == set()


async def test_the_chart_stands_in_the_database():
    rows = {row["kind"]: row for row in await fetch(sql("SELECT * FROM ledger_line"))}
    assert set(rows) == {line.kind for line in (*LINES, *TEST_LINES)}
    for line in LINES:
        row = rows[line.kind]
        assert (row["side"], row["policy"], row["announced"]) == (line.side, line.policy, line.announced)
        assert (row["held"], row["ends_at_zero"]) == (line.held, line.ends_at_zero)


def test_a_row_with_a_life_hides_its_leases():
    for table in tables():
        if issubclass(table, LivingRow):
            leases = {"lease_until", "lease_token"} & set(table._meta.fields_map)
            assert leases <= table.hidden


async def test_migrating_again_changes_nothing():
    assert await migrating.migrate() == []
