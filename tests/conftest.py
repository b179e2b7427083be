"""Real PostgreSQL and Redis for every test: started once by whoever controls the run, one database and one Redis for
each of its workers, emptied before each test, and the books proved after it."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from redis.asyncio import Redis
from tortoise import connections

os.environ["SALDO_ENV"] = "development"

from models import database as db
from models import migrating
from models.kernel.sql import fetch, sql, transaction
from models.ledger.audit import audit
from models.wiring import CHECKS
from server.app import app
from server.embedded import Running, ensure_database, start_services
from server.logs import configure_logs
from settings import settings
from tests.ledger.books import TEST_LINES
from tests.make import Make

RUN = pytest.StashKey[dict[str, Any]]()
SERVICES = pytest.StashKey[Running]()
KEPT = ("tortoise_migrations", "ledger_line", "event_log", "domain")


# --- servers: the controller's --------------------------------------------------------------------------------------


class _Share:
    """With xdist the controller's servers serve all workers: it outlives them."""

    @staticmethod
    def pytest_configure_node(node: Any) -> None:
        node.workerinput["run"] = node.config.stash[RUN]


def pytest_configure(config: pytest.Config) -> None:
    configure_logs("test")
    if hasattr(config, "workerinput"):
        config.stash[RUN] = config.workerinput["run"]
        return
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(_Share())
    workers = max(1, int(getattr(config.option, "numprocesses", 0) or 0))
    folder = tempfile.TemporaryDirectory(prefix="saldo-tests-", ignore_cleanup_errors=True)
    services = start_services(Path(folder.name) / "home", durable=False, redis_servers=workers)
    config.add_cleanup(folder.cleanup)
    config.add_cleanup(services.stop)
    config.stash[SERVICES] = services
    template = services.postgres_url("template")
    asyncio.run(_make_template(template))
    config.stash[RUN] = {
        "postgres": services.postgres_url("DATABASE"),
        "redis": [services.redis_url(number) for number in range(workers)],
    }


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What could not be tested on this machine is said aloud."""
    for report in terminalreporter.getreports("skipped"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        if "NOT TESTED" in reason:
            terminalreporter.write_line(f"{report.nodeid}: {reason}", yellow=True)


async def _make_template(url: str) -> None:
    await ensure_database(url)
    await db.connect(url)
    await migrating.migrate()
    async with transaction() as connection:
        await migrating.bring_chart(connection, TEST_LINES)
    await db.disconnect()


# --- a database and a Redis of one's own ----------------------------------------------------------------------------


@pytest.fixture(scope="session")
def run(pytestconfig: pytest.Config) -> dict[str, Any]:
    return pytestconfig.stash[RUN]


@pytest.fixture(scope="session")
def database_url(run: dict[str, Any], worker_id: str) -> str:
    return str(run["postgres"]).replace("DATABASE", f"test_{worker_id}")


@pytest.fixture(scope="session")
def redis_url(run: dict[str, Any], worker_id: str) -> str:
    return str(run["redis"][int(worker_id.removeprefix("gw")) if worker_id.startswith("gw") else 0])


@pytest.fixture(scope="session")
async def pool(run: dict[str, Any], database_url: str, redis_url: str, worker_id: str) -> AsyncIterator[None]:
    """The pool of this process, over a fresh copy of the migrated database."""
    name = f"test_{worker_id}"
    admin = await asyncpg.connect(str(run["postgres"]).replace("DATABASE", "postgres"))
    await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE template")
    await admin.execute(f"ALTER DATABASE {name} SET deadlock_timeout = '20ms'")  # planted deadlocks are found sooner
    await admin.close()
    os.environ |= {"SALDO_DATABASE_URL": database_url, "SALDO_REDIS_URL": redis_url}
    settings.cache_clear()
    await db.connect()
    yield
    await db.disconnect()


@pytest.fixture
async def database(pool: None, request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """An empty database; after the test its books are proved."""
    await empty()
    yield
    if "broken_books" not in request.keywords:
        report = await audit(CHECKS)
        assert report.clean, [finding for finding in report.findings if finding.count]


async def empty() -> None:
    """Delete everything, append-only or not: as a replica would, without triggers or foreign keys."""
    await connections.get("default").execute_script(
        f"""DO $$ DECLARE t text; BEGIN
              SET LOCAL session_replication_role = replica;
              FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL (ARRAY{list(KEPT)})
              LOOP EXECUTE format('DELETE FROM %I', t); END LOOP;
            END $$"""
    )


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
def knobs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Set settings for this test: knobs(page_max=5)."""

    def turn(**values: Any) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"SALDO_{name.upper()}", str(value))
        settings.cache_clear()

    yield turn
    monkeypatch.undo()
    settings.cache_clear()


# --- the public door -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app())
    async with httpx.AsyncClient(transport=transport, base_url="http://saldo") as client:
        yield client


@pytest.fixture
def make(database: None, http: httpx.AsyncClient) -> Make:
    return Make(http)


@pytest.fixture
def api(make: Make) -> Callable[..., Awaitable[Any]]:
    """Ask as somebody: `await api(QUERY, by=make.operator, name="x")` answers the one root field."""
    return make.ask


@pytest.fixture
def nothing_written(database: None) -> Callable[[], AbstractAsyncContextManager[None]]:
    """Every table is to the letter what it was before."""

    @asynccontextmanager
    async def unchanged() -> AsyncIterator[None]:
        before = await everything()
        yield
        assert await everything() == before

    return unchanged


async def everything() -> dict[str, list[str]]:
    """Every row of every table, as text."""
    tables = await fetch(sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"))
    return {
        table["tablename"]: sorted(row[0] for row in await fetch(sql(f'SELECT t::text FROM "{table["tablename"]}" t')))
        for table in tables
    }
