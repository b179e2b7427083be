"""The feed of one process: its reader, its subscribers, and the seal of its cursors."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Hashable, Sequence
from contextvars import Context
from datetime import UTC, datetime, timedelta

import structlog

from models.events import positions
from models.events.cursors import Seal, read_seal
from models.events.log import EventRecord
from models.kernel.metrics import FEED_DELAY, FEED_POSITION, FEED_QUEUED, SUBSCRIBERS
from models.kernel.refusals import CursorExpired
from models.kernel.tasks import cancelled
from server.feed.cohorts import Cohorts
from server.feed.following import Following
from server.feed.members import Ready
from server.feed.reader import Reader
from server.feed.rendering import Rendering
from settings import settings

log = structlog.get_logger("feed")
RETRY_SECONDS, SEAL_SECONDS = 0.2, 5.0


class Feed:
    """Starts with its first subscriber, ends with its process."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self.cohorts = Cohorts(lambda: self._known_seal)
        self._known_seal: Seal
        self._sealed_at = -SEAL_SECONDS
        self._tasks: list[asyncio.Task[None]] = []
        self._ready = asyncio.Event()
        self._reader: Reader | None = None

    async def seal(self) -> Seal:
        """The log's seal; read again now and then, for a log that was restored has another one."""
        if time.monotonic() - self._sealed_at > SEAL_SECONDS:
            seal = await read_seal()
            self._sealed_at = time.monotonic()
            restored = getattr(self, "_known_seal", seal).epoch != seal.epoch
            self._known_seal = seal
            if restored:
                await self._begin_anew()
        return self._known_seal

    async def head(self) -> str:
        """The cursor of the end of the log at this moment."""
        return (await self.seal()).cursor(await positions.head())

    async def follow(self, key: Hashable, rendering: Rendering, after: str | None) -> AsyncGenerator[Ready, None]:
        """What a subscription brings, from its first item on. Refuses CURSOR_EXPIRED, NOT_FOUND.

        `key` is the same for those whose answers are the same.
        """
        await self._started()
        with SUBSCRIBERS.track_inprogress():
            following = Following(self.cohorts, key, rendering, await self.seal())
            async with contextlib.aclosing(following.items(after)) as items:
                async for item in items:
                    yield item

    async def stop(self) -> None:
        """Nothing more is read or sent."""
        self.stopping.set()
        await cancelled(self._tasks)

    async def _begin_anew(self) -> None:
        """The log was restored: what was delivered may not have happened. Everybody reads again."""
        log.warning("log_restored")
        self.cohorts.end(CursorExpired())
        self.cohorts.position = await positions.head()
        if self._reader:
            self._reader.go_to(self.cohorts.position, self._known_seal.epoch)

    async def _started(self) -> None:
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._read(), name="feed reader", context=Context()),
                asyncio.create_task(self._beat(), name="feed heartbeat", context=Context()),
            ]
        await self._ready.wait()

    async def _read(self) -> None:
        """Reads for ever; where PostgreSQL is out of reach it goes on when that is back, with nothing lost."""
        while True:
            try:
                seal = await self.seal()
                if not self._ready.is_set():
                    self.cohorts.position = await positions.head()
                    self._ready.set()
                self._reader = Reader(self.cohorts.position, seal.epoch, self._hand_over)
                await self._reader.run()
            except Exception as error:  # noqa: BLE001  whatever it is, the feed goes on after it
                log.warning("feed_reader_failed", error=repr(error))
                await asyncio.sleep(RETRY_SECONDS)

    def _hand_over(self, events: Sequence[EventRecord]) -> None:
        self.cohorts.route(events)
        moved = timedelta(seconds=settings().clock_offset_seconds)
        FEED_DELAY.observe(max(0.0, (datetime.now(UTC) + moved - events[-1].occurred_at).total_seconds()))
        FEED_POSITION.set(events[-1].position)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(settings().heartbeat_seconds)
            self.cohorts.beat()
            FEED_QUEUED.set(self.cohorts.queued())
            with contextlib.suppress(Exception):  # the reader tells it
                await self.seal()
