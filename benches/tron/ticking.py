"""The worker's tick, in this process, and what it took: calls of the node, units, statements, and the database's own time."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from prometheus_client.metrics import MetricWrapperBase
from tortoise import connections

from benches.tron.chain import Chain
from benches.world import World
from gateways.wiring import Gateways, worker_gateways
from jobs.running import measured
from jobs.wiring import BODIES
from models import database
from models.kernel.metrics import OUTSIDE, UNITS
from models.payments.wiring import CHECK_PAYMENTS
from server.logs import configure_logs
from settings import settings

FLUSH = "SELECT pg_stat_force_next_flush()"
SERVER = "SELECT active_time, blks_hit + blks_read AS pages FROM pg_stat_database WHERE datname = current_database()"


class Counting(database.Connection):
    """Tells of every statement, BEGIN and COMMIT too: each is a round trip."""

    statements: ClassVar[int] = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.add_query_logger(self._one_more)

    @staticmethod
    def _one_more(_query: object) -> None:
        Counting.statements += 1


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken so far; one less another is what was taken between them."""

    calls: int
    units: int
    statements: int

    @classmethod
    def now(cls) -> Taken:
        return cls(_sum(OUTSIDE, "_count"), _sum(UNITS, "_total"), Counting.statements)

    def __sub__(self, before: Taken) -> Taken:
        return Taken(self.calls - before.calls, self.units - before.units, self.statements - before.statements)


def _sum(metric: MetricWrapperBase, name: str) -> int:
    return int(sum(one.value for family in metric.collect() for one in family.samples if one.name.endswith(name)))


@dataclass(frozen=True, slots=True)
class Server:
    """What PostgreSQL says of this database: milliseconds in statements, and pages it looked at."""

    ms: float
    pages: int

    @classmethod
    async def now(cls) -> Server:
        """Every connection hands in what it has counted; nobody may be at work."""
        pool = connections.get("default")._pool
        held = [await pool.acquire() for _ in range(pool.get_size())]
        for one in held:
            await one.execute(FLUSH)
            await one.execute(FLUSH)  # what is under way is not in the first
        row = await held[0].fetchrow(SERVER)
        for one in held:
            await pool.release(one)
        return cls(row["active_time"], row["pages"])


class Worker:
    """Runs the job as the worker does, with its limits."""

    def __init__(self, outside: Gateways) -> None:
        self._outside = outside

    async def tick(self) -> float:
        """How many seconds it took; it may have been ended by its timeout."""
        started = time.perf_counter()
        try:
            await measured(CHECK_PAYMENTS, BODIES, self._outside)
        except TimeoutError:
            print("  a tick was ended by its timeout", flush=True)
        return time.perf_counter() - started


@asynccontextmanager
async def worker(node: Chain, **knobs: object) -> AsyncIterator[Worker]:
    with changed_settings(tron_url=node.url, **knobs):
        async with worker_gateways() as outside:
            yield Worker(outside)


@contextmanager
def changed_settings(**knobs: object) -> Iterator[None]:
    given = {f"SALDO_{name.upper()}": str(value) for name, value in knobs.items()}
    before = {name: os.environ.get(name) for name in given}
    os.environ |= given
    settings.cache_clear()
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            os.environ |= {name: value} if value is not None else {}
        settings.cache_clear()


@contextmanager
def counted(world: World) -> Iterator[None]:
    """Statements are counted on connections made in here; and the job's logs are formed as ever, and go to a file."""
    plain, database.Connection = database.Connection, Counting  # type: ignore[misc]
    with changed_settings(log_format="json"), (world.home / "ticks.log").open("a") as file:
        configure_logs("bench")
        root = logging.getLogger()
        root.handlers[0].setStream(file)  # type: ignore[attr-defined]
        try:
            yield
        finally:
            database.Connection = plain  # type: ignore[misc]
            root.handlers.clear()
