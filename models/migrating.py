"""Bringing a database up to this code, and writing down how the code has gone beyond the database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tortoise import Tortoise, connections
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.operations import AddConstraint, CreateModel
from tortoise.migrations.writer import MigrationWriter

from models.database import APP, config
from models.kernel.sql import Db, transaction
from models.ledger.chart import Line
from models.wiring import LINES

MIGRATE_LOCK = 0x5A1D0


def _apps() -> dict[str, Any]:
    apps: dict[str, Any] = config("postgres://")["apps"]
    return apps


async def migrate() -> list[str]:
    """Apply every missing migration, then bring the chart of accounts. Answers what was applied.

    One transaction under one advisory lock, so that starting twice at once is safe and half a migration cannot be.
    """
    async with transaction() as db:
        await db.execute("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0")
        await db.execute("SELECT pg_advisory_xact_lock($1)", MIGRATE_LOCK)
        executor = MigrationExecutor(connections.get("default"), _apps())
        # The executor would look for its table before it makes it, which poisons a transaction.
        await executor.recorder.ensure_schema(executor._schema_editor(atomic=False))
        before = set(await executor.recorder.applied_migrations())
        await executor.migrate()
        after = set(await executor.recorder.applied_migrations())
        await bring_chart(db, LINES)
    return sorted(key.name for key in after - before)


async def bring_chart(db: Db, lines: Sequence[Line]) -> None:
    """The lines of the chart as the database knows them. A changed policy fails here: accounts hang on it."""
    await db.executemany(
        """INSERT INTO ledger_line (kind, side, policy, announced, held, ends_at_zero) VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (kind) DO UPDATE SET side = excluded.side, policy = excluded.policy,
             announced = excluded.announced, held = excluded.held, ends_at_zero = excluded.ends_at_zero
           WHERE (ledger_line.*) IS DISTINCT FROM (excluded.*)""",
        [
            (line.kind, line.side.value, line.policy.value, line.announced, line.held, line.ends_at_zero)
            for line in lines
        ],
    )


async def missing() -> list[str]:
    """What this code knows and the database does not have yet."""
    executor = MigrationExecutor(connections.get("default"), _apps())
    return sorted(step.migration.name for step in await executor.plan())


async def changes() -> list[MigrationWriter]:
    """What the tables of the code have that no migration says. Needs no database."""
    found: list[MigrationWriter] = await MigrationAutodetector(Tortoise.apps, _apps()).changes()
    return found


async def write(name: str) -> Path | None:
    """Write a migration for what the tables have beyond the last one; None where there is nothing.

    Tortoise writes the constraints of a new table down and does not create them: they are added as operations.
    """
    await Tortoise.init(config=config("postgres://"), init_connections=False)
    for found in await changes():
        created = [operation for operation in found.operations if isinstance(operation, CreateModel)]
        for model in created:
            for constraint in (model.options or {}).get("constraints", ()):
                found.operations.append(AddConstraint(model.name, constraint))
        folder = Path(__file__).parent / "migrations"
        number = 1 + max(int(path.name[:4]) for path in folder.glob("[0-9]*.py"))
        last = sorted(path.stem for path in folder.glob("[0-9]*.py"))[-1]
        found.name, found.dependencies, found.initial = f"{number:04d}_{name}", [(APP, last)], None
        path = folder / f"{found.name}.py"
        path.write_text(found.as_string(), encoding="utf-8")
        return path
    return None
