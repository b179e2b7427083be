"""Where it is measured: servers of our own in a temporary folder, durable like real ones, and a world of people."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from models import database
from models.ledger import folding
from models.ledger.audit import audit
from models.wiring import CHECKS
from server.embedded import Running, ensure_database, start_services
from server.embedded.children import tied_to_parent
from settings import settings

PERSONS = 10_000
START_SECONDS, STOP_SECONDS = 30, 15
BEHIND = {"worker": 1, "sandbox": 2}
"""How far behind the port it is given a process answers."""
CURRENCIES = ("EUR", "USDT")  # of the four that everybody is shown; nothing ever happened in the others

PEOPLE = """INSERT INTO person (version, created_at, updated_at, name, status)
            SELECT 0, now(), now(), 'Person ' || n, 'active' FROM generate_series(1, $1::int) n"""
DEAL_PERFORMER = 1
DEALS = f"""
    INSERT INTO deal (id, version, created_at, updated_at, title, description, price_minor, fee_minor, currency, status,
                      customer_id, performer_id, chat_id, overdue)
    SELECT n, 0, now(), now(), 'Deal ' || n, 'What is to be done', 1, 0, 'EUR', 'created', n % ({PERSONS} - 1) + 2,
           {DEAL_PERFORMER}, gen_random_uuid(), false FROM generate_series($1::int, $2::int) n"""
BALANCES = """
    SELECT ledger_post('bench', ARRAY['bench', 'service', NULL],
        'house.adjustments'::text || array_agg('person.available'::text ORDER BY n),
        'house:adjustments'::text || array_agg('person:' || n || ':available' ORDER BY n),
        'house'::text || array_agg('person:' || n ORDER BY n), $3::text || array_agg($3::text ORDER BY n),
        array_agg('adjustment'::text), array_agg('first:' || n || ':' || $3::text ORDER BY n), array_agg(1),
        array_agg((n - $1 + 2)::int ORDER BY n), array_agg(1000000::bigint), array_agg(''::text))
      FROM generate_series($1::int, $2::int) n"""


@dataclass(frozen=True, slots=True)
class Process:
    """A process that serves on a port of this machine."""

    pid: int
    port: int

    def cpu_seconds(self) -> float | None:
        """What it has used of the processors so far; None where the system does not say."""
        try:
            words = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


class World:
    """PostgreSQL and Redis, a template of a database with people in it, and a fresh copy for each group."""

    def __init__(self, home: Path, services: Running) -> None:
        self.home, self.services, self.name = home, services, "template"

    @property
    def url(self) -> str:
        return self.services.postgres_url(self.name)

    async def prepare(self) -> None:
        """Migrate, and make the people with their balances: through the ledger's own function, many at once."""
        print(f"making {PERSONS:,} people with balances", flush=True)
        await ensure_database(self.url)
        os.environ |= {"SALDO_DATABASE_URL": self.url, "SALDO_REDIS_URL": self.services.redis_url()}
        settings.cache_clear()
        migrate = [sys.executable, "-m", "server.cli", "migrate"]
        await asyncio.to_thread(subprocess.run, migrate, check=True, stdout=subprocess.DEVNULL)
        connection = await asyncpg.connect(self.url)
        await connection.execute(PEOPLE, PERSONS)
        for currency in CURRENCIES:
            for first in range(1, PERSONS + 1, 500):
                answer = await connection.fetchval(BALANCES, first, min(first + 499, PERSONS), currency)
                assert "refused" not in answer, answer
        while await connection.fetchval("SELECT ledger_fold(10000)"):
            pass
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
        await connection.close()

    async def fresh(self, name: str) -> None:
        """A copy of the template, and this process's pool over it."""
        await database.disconnect()
        admin = await asyncpg.connect(self.services.postgres_url("postgres"))
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE template STRATEGY file_copy')
        await admin.close()
        await self.visit(name)

    async def visit(self, name: str) -> None:
        """A copy that was made before, and this process's pool over it."""
        await database.disconnect()
        self.name = name
        os.environ["SALDO_DATABASE_URL"] = self.url
        settings.cache_clear()
        await database.connect()

    async def deals(self, first: int, last: int) -> None:
        """Deals of one performer with everybody else, as they were offered."""
        pool = await self.pool(1)
        await pool.execute(DEALS, first, last, timeout=120)
        await pool.execute("SELECT setval(pg_get_serial_sequence('deal', 'id'), $1)", last)
        await pool.execute("ANALYZE deal")
        await pool.close()

    async def pool(self, size: int) -> asyncpg.Pool:
        """Connections like the API's own, without anything above them."""
        return await asyncpg.create_pool(
            **database.credentials(self.url),
            min_size=size,
            max_size=size,
            connection_class=database.Connection,
            server_settings=database.server_settings(),
        )

    async def books(self, check_seconds: float) -> dict[str, bool | str]:
        """Whether the project's own audit finds nothing, once all is folded; and what it could not find out in time."""
        while await folding.fold(settings().fold_batch):
            pass
        clean, late = True, []
        for check in CHECKS:
            try:
                async with asyncio.timeout(check_seconds):
                    report = await audit([check])
            except TimeoutError:
                late.append(check.name)
                continue
            for finding in report.findings:
                clean = clean and not finding.count
                print(*(f"  {finding.check}: {difference}" for difference in finding.differences), sep="\n", end="")
        return {"books_clean": f"not proved, too slow: {', '.join(late)}" if clean and late else clean}

    @asynccontextmanager
    async def serve(self, *command: str, **knobs: object) -> AsyncIterator[Process]:
        """`python -m <command>` until the block ends, with the settings of the world, these, and a free port."""
        port = _free_port()
        log = (self.home / f"{command[0]}.log").open("ab")
        given = port - BEHIND.get(command[-1], 0)
        own = {"SALDO_PORT": str(given), "SALDO_LOG_LEVEL": "WARNING", "SALDO_ENV": "development"}
        own |= {f"SALDO_{name.upper()}": str(value) for name, value in knobs.items()}
        child = subprocess.Popen(  # noqa: ASYNC220  it is tied to the thread that starts it
            [sys.executable, "-m", *command],
            env=os.environ | own,
            stdout=log,
            stderr=log,
            **tied_to_parent(signal.SIGTERM),
        )
        try:
            await self._answers(child, port, Path(log.name))
            yield Process(child.pid, port)
        finally:
            child.terminate()
            try:
                await asyncio.to_thread(child.wait, STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
            log.close()

    @staticmethod
    async def _answers(child: subprocess.Popen[bytes], port: int, log: Path) -> None:
        async with asyncio.timeout(START_SECONDS):
            while True:
                if child.poll() is not None:
                    said = await asyncio.to_thread(log.read_text)
                    raise RuntimeError(f"{child.args} ended with {child.returncode}:\n{said[-2000:]}")
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    return


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def world() -> Iterator[World]:
    """Durable servers in a temporary home; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="saldo-bench-", ignore_cleanup_errors=True) as folder:
        home = Path(folder) / "home"
        with start_services(home, durable=True) as services:
            yield World(home, services)
