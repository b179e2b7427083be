"""How every process reaches PostgreSQL: one pool of asyncpg connections, shared by Tortoise and our own SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
from tortoise import Tortoise, connections
from tortoise.migrations.executor import MigrationExecutor

from models.kernel.sql import Db, transaction
from models.ledger.chart import Line
from models.wiring import LINES, TABLES
from settings import settings

MIGRATE_LOCK = 0x5A1D0
APP = "models"


class Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg ships no types
    """Nothing here changes a session, so a connection goes back to the pool without the round trip of a reset."""

    def get_reset_query(self) -> str:
        return ""


def credentials(url: str) -> dict[str, Any]:
    """What asyncpg takes, from postgres://user:password@host:port/name or …/name?host=/folder/of/the/socket."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ValueError("SALDO_DATABASE_URL must begin with postgres:// or postgresql://")
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    return {
        "host": query.get("host") or parts.hostname or "localhost",
        "port": int(query.get("port") or parts.port or 5432),
        "user": unquote(parts.username or "") or "postgres",
        "password": unquote(parts.password) if parts.password else None,
        "database": parts.path.lstrip("/") or "saldo",
        **({"ssl": query["sslmode"]} if "sslmode" in query else {}),
    }


def server_settings() -> dict[str, str]:
    """What every session starts with: no wait without an end, and the clock moved where development asks for it."""
    limits = settings()
    return {
        "application_name": "saldo",
        "lock_timeout": str(limits.database_lock_timeout_ms),
        "statement_timeout": str(limits.database_statement_timeout_ms),
        "idle_in_transaction_session_timeout": "30000",
        "saldo.clock_offset_seconds": str(limits.clock_offset_seconds),
    }


def config(url: str) -> dict[str, Any]:
    pool = {"minsize": settings().database_pool_min, "maxsize": settings().database_pool_max}
    extra = {"connection_class": Connection, "server_settings": server_settings(), "timeout": 10}
    return {
        "connections": {
            "default": {"engine": "tortoise.backends.asyncpg", "credentials": credentials(url) | pool | extra}
        },
        "apps": {APP: {"models": list(TABLES), "migrations": "models.migrations", "default_connection": "default"}},
        "use_tz": True,
        "timezone": "UTC",
    }


async def connect(url: str | None = None) -> None:
    """Open the pool of this process; everything below models/ then uses it."""
    await Tortoise.init(config=config(url or settings().database_url), _enable_global_fallback=True)


async def disconnect() -> None:
    await Tortoise.close_connections()


async def migrate() -> list[str]:
    """Bring the database up to this code: every missing migration, then the chart of accounts.

    One transaction under one advisory lock, so that starting twice at once is safe and half a migration cannot be.
    """
    async with transaction() as db:
        await db.execute("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0")
        await db.execute("SELECT pg_advisory_xact_lock($1)", MIGRATE_LOCK)
        executor = MigrationExecutor(connections.get("default"), config("postgres://")["apps"])
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


async def missing_migrations() -> list[str]:
    """What this code knows and the database does not have yet."""
    executor = MigrationExecutor(connections.get("default"), config("postgres://")["apps"])
    return sorted(step.migration.name for step in await executor.plan())
