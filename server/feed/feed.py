"""The feed of one process: its reader, its subscribers, and the seal of its cursors."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Hashable, Sequence
from contextvars import Context

import structlog

from models.events import positions
from models.events.cursors import Seal, read_seal
from models.events.log import EventRecord
from models.kernel.metrics import FEED_POSITION, FEED_QUEUED, SUBSCRIBERS
from models.kernel.refusals import CursorExpired
from models.kernel.tasks import cancelled
from server.feed.cohorts import Cohorts
from server.feed.following import Following
from server.feed.members import Ready
from server.feed.reader import Reader
from server.feed.rendering import Rendering
from settings import settings

log = structlog.get_logger("feed")
RETRY_SECONDS, SEAL_SECONDS, ALIVE_SECONDS = 0.2, 5.0, 5.0


class Feed:
    """Starts with its first subscriber, ends with its process."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self.cohorts = Cohorts(self._current)
        self._seal: Seal | None = None
        self._sealed_at = -SEAL_SECONDS
        self._sealing = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._ready = asyncio.Event()
        self._reader: Reader | None = None

    async def seal(self) -> Seal:
        """The log's seal; read again now and then, for a log that was restored has another one."""
        if self._is_old():
            async with self._sealing:
                if self._is_old():
                    self._sealed(await read_seal(), await positions.head())
        return self._current()

    def _is_old(self) -> bool:
        return self._seal is None or time.monotonic() - self._sealed_at > SEAL_SECONDS

    def _current(self) -> Seal:
        if self._seal is None:
            raise AssertionError("nobody is served before the seal is known")
        return self._seal

    def _sealed(self, seal: Seal, head: int) -> None:
        """Take over what was read, all of it or nothing. Where the log was restored, what was delivered may not have
        happened: everybody reads again."""
        restored = self._seal is not None and self._seal.epoch != seal.epoch
        self._seal, self._sealed_at = seal, time.monotonic()
        if restored:
            log.warning("log_restored")
            self.cohorts.end(CursorExpired())
            self.cohorts.position = head
            if self._reader:
                self._reader.go_to(head, seal.epoch)

    async def head(self) -> str:
        """The cursor of the end of the log at this moment."""
        return (await self.seal()).cursor(await positions.head())

    async def follow(self, key: Hashable, rendering: Rendering, after: str | None) -> AsyncGenerator[Ready, None]:
        """What a subscription brings, from its first item on. Refuses CURSOR_EXPIRED, NOT_FOUND.

        `key` is the same for those whose answers are the same.
        """
        await self._started()
        with SUBSCRIBERS.track_inprogress():
            await self.seal()
            following = Following(self.cohorts, key, rendering, self._current)
            async with contextlib.aclosing(following.items(after)) as items:
                async for item in items:
                    yield item

    async def stop(self) -> None:
        """Nothing more is read or sent."""
        self.stopping.set()
        await cancelled(self._tasks)

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
        FEED_POSITION.set(events[-1].position)

    async def _beat(self) -> None:
        while True:
            every = settings().heartbeat_seconds
            await asyncio.sleep(every)
            if self._reader and time.monotonic() - self._reader.alive_at < max(2 * every, ALIVE_SECONDS):
                self.cohorts.beat()  # else we do not know how far the log has come, and say nothing
            FEED_QUEUED.set(self.cohorts.queued())
            with contextlib.suppress(Exception):  # the reader tells it
                await self.seal()
