"""The relay: gives events their positions and carries them on. Beside arq, so that it works also while Redis is gone.

Any number may run. One leads, by a session lock on a connection of its own; when it dies the next one takes over at
once. Stand-bys look once a second whether something was left lying. The lock that keeps positions right is another
one, inside the database function: leading is a convenience.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import asyncpg
import structlog

from jobs.exports import Exporter, Reactions, Stream
from jobs.publishing import Published
from jobs.waking import Listener
from models.database import credentials, server_settings
from models.events import positions
from models.kernel.metrics import RELAY_DELAY, RELAY_LEADS
from models.kernel.tasks import cancelled
from models.wiring import EXPORTS
from settings import settings

log = structlog.get_logger("relay")
LEADER = 0x5A1D1
TRY_SECONDS, STANDBY_SECONDS, BACKOFF_MAX_SECONDS = 0.2, 1.0, 10.0
STEADY_SECONDS, ANSWER_SECONDS, FAILURES_MAX = 10.0, 20.0, 5
KEEPALIVE = {"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "2", "tcp_keepalives_count": "3"}


class Relay:
    """One of possibly many. `run` ends only by being cancelled."""

    name = "relay"

    def __init__(self) -> None:
        self.leads = False
        self._good, self._failures = time.monotonic(), 0

    @property
    def healthy(self) -> bool:
        return time.monotonic() - self._good < 30 and self._failures < FAILURES_MAX

    async def run(self) -> None:
        while True:
            began = time.monotonic()
            try:
                async with self._connection() as connection:
                    await self._stand_by(connection)
                    await self._lead(connection)
            except Exception:
                self._failures = 1 if time.monotonic() - began > STEADY_SECONDS else self._failures + 1
                log.exception("relay_failed", failures=self._failures)
                await asyncio.sleep(min(BACKOFF_MAX_SECONDS, 0.1 * 2 ** min(self._failures, 10)))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(
            **credentials(settings().database_url),
            server_settings=server_settings() | KEEPALIVE,
            command_timeout=5,
            timeout=5,
        )
        try:
            yield connection
        finally:
            connection.terminate()  # the session lock goes with it, at once

    async def _stand_by(self, connection: asyncpg.Connection) -> None:
        """Until we lead. Places what a leader that hangs has left lying for a second; publishing is left to who leads."""
        looked = time.monotonic()
        while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LEADER):
            self._all_is_well()
            if time.monotonic() - looked > STANDBY_SECONDS:
                looked = time.monotonic()
                if (await positions.waiting())[1] > STANDBY_SECONDS:
                    await positions.place(settings().relay_batch)
            await asyncio.sleep(TRY_SECONDS)

    async def _lead(self, connection: asyncpg.Connection) -> None:
        """Places, and has the exporters carry on, until something breaks."""
        log.info("relay_leads")
        listener = Listener()
        exporters = [Exporter(Stream()), Exporter(Reactions()), *(Exporter(Published(one)) for one in EXPORTS)]
        self.leads = True
        RELAY_LEADS.set(1)
        bodies = [listener.run(), self._place(connection, listener, exporters), *(one.run() for one in exporters)]
        parts = [asyncio.create_task(body) for body in bodies]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.gather(*done)
        finally:
            self.leads = False
            RELAY_LEADS.set(0)
            await cancelled(parts)

    async def _place(self, connection: asyncpg.Connection, listener: Listener, exporters: list[Exporter]) -> None:
        checked = 0.0
        while True:
            listener.heard.clear()
            async with asyncio.timeout(ANSWER_SECONDS):  # a server that vanished says nothing
                placed = await positions.place(settings().relay_batch)
            if placed:
                _observe_delay(placed[0].occurred_at)
                for exporter in exporters:
                    exporter.offer(placed)
            if time.monotonic() - checked > STANDBY_SECONDS:
                await connection.fetchval("SELECT 1")  # whether we still lead
                checked = time.monotonic()
                self._all_is_well()
            if len(placed) < settings().relay_batch:
                poll = settings().relay_alone_poll_ms if listener.deaf else settings().relay_poll_ms
                try:
                    async with asyncio.timeout(poll / 1000):
                        await listener.heard.wait()
                except TimeoutError:
                    continue

    def _all_is_well(self) -> None:
        self._good = time.monotonic()


def _observe_delay(occurred_at: datetime) -> None:
    moved = timedelta(seconds=settings().clock_offset_seconds)
    RELAY_DELAY.observe(max(0.0, (datetime.now(UTC) + moved - occurred_at).total_seconds()))
