"""Exports of the log: each follows it in order from its own last position, which PostgreSQL keeps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Protocol

import structlog
from arq import ArqRedis
from redis.asyncio import ConnectionPool
from redis.exceptions import ResponseError

from jobs.publishing import ALREADY_THERE
from jobs.queues import INNER_QUEUE, serialize
from jobs.reactions import woken_by
from jobs.waking import ILL, redis_client
from models.events import log, positions
from models.events.cursors import read_seal
from models.events.log import EventRecord
from models.kernel.metrics import EXPORT_LAG, REACTIONS_SENT
from models.kernel.sql import TRUE, sql
from models.wiring import REACTIONS
from settings import settings

logger = structlog.get_logger("relay")
CHECK_SECONDS, PAUSE_SECONDS = 1.0, 0.2
STREAM = "saldo:events:{}"
KEPT_SECONDS = 86_400


class Target(Protocol):
    """Where an export goes. What is sent twice must be harmless there."""

    @property
    def name(self) -> str: ...
    @property
    def nouns(self) -> frozenset[str] | None:
        """Of which it wants the events; None: of all."""
        ...

    async def start(self, position: int, head: int) -> int:
        """Where to go on, given how far this came before and where the log ends. Asked at the start and again and again:
        a target that was emptied begins earlier."""
        ...

    async def send(self, events: Sequence[EventRecord]) -> None: ...

    async def aclose(self) -> None: ...


class Stream:
    """The Redis stream that API processes read: ids are positions, so what is there already is not there twice."""

    name, nouns = "stream", None

    def __init__(self) -> None:
        self.key = ""
        self._redis = redis_client()

    async def start(self, position: int, head: int) -> int:
        """Behind what the stream has; an empty one gets the last events of the log, as many as it keeps. A log that was
        restored has a stream of its own. One that is ahead of the log tells what never happened and takes nothing more:
        it is emptied."""
        self.key = STREAM.format((await read_seal()).epoch)
        await self._redis.expire(self.key, KEPT_SECONDS)  # the stream of an epoch that is over goes by itself
        last = await self._redis.xrevrange(self.key, count=1)
        there = int(last[0][0].split(b"-")[0]) if last else 0
        if there > head:
            logger.warning("stream_ahead_of_log", stream=there, log=head)
            await self._redis.unlink(self.key)
            there = 0
        return max(there, head - settings().feed_stream_max)

    async def send(self, events: Sequence[EventRecord]) -> None:
        pipe = self._redis.pipeline(transaction=False)
        for event in events:
            pipe.xadd(self.key, {"e": event.wire()}, id=f"{event.position}-0", maxlen=settings().feed_stream_max)
        for answer in await pipe.execute(raise_on_error=False):
            if isinstance(answer, Exception) and not (
                isinstance(answer, ResponseError) and ALREADY_THERE in str(answer)
            ):
                raise answer

    async def aclose(self) -> None:
        await self._redis.aclose()


class Reactions:
    """Wakes the jobs that events call for. A job finds its rows itself, so many events are one wake-up."""

    name, nouns = "reactions", None

    def __init__(self) -> None:
        self._arq = ArqRedis(
            ConnectionPool.from_url(settings().redis_url, socket_connect_timeout=1, socket_timeout=5),
            job_serializer=serialize,
            default_queue_name=INNER_QUEUE,
        )

    async def start(self, position: int, head: int) -> int:
        """Far behind, waking every job once is as good as waking each for every event."""
        if head - position <= settings().relay_batch:
            return position
        for job in {job.name for job in REACTIONS.values()}:
            await self._arq.enqueue_job(job, _job_id=f"{job}:{head}")
        return head

    async def send(self, events: Sequence[EventRecord]) -> None:
        for job, position in woken_by(events).items():
            if await self._arq.enqueue_job(job, _job_id=f"{job}:{position}"):
                REACTIONS_SENT.labels(job).inc()

    async def aclose(self) -> None:
        await self._arq.aclose(close_connection_pool=True)


class Exporter:
    """Carries the log to one target, in order, at least once. Others do not wait for it."""

    def __init__(self, target: Target) -> None:
        self.target, self.position = target, 0
        self.moved = asyncio.Event()
        """Set when the log has new positions."""
        self._fresh: list[EventRecord] = []
        self._noted = 0

    def offer(self, events: Sequence[EventRecord]) -> None:
        """Events placed a moment ago: they need not be read again if this export has come so far."""
        if len(self._fresh) <= settings().relay_batch:
            self._fresh.extend(events)
        self.moved.set()

    async def run(self) -> None:
        """Until cancelled. A target out of reach is tried again and again; the log keeps what it has not seen."""
        self._noted = self.position = await positions.exported(self.target.name)
        try:
            while True:
                try:
                    await self._go_on()
                except ILL as error:
                    logger.warning("export_out_of_reach", export=self.target.name, error=repr(error))
                    await asyncio.sleep(PAUSE_SECONDS)
                except (LookupError, TypeError, ValueError):  # what it carries cannot be told: others go on
                    logger.exception("export_cannot_go_on", export=self.target.name)
                    await asyncio.sleep(PAUSE_SECONDS)
        finally:
            EXPORT_LAG.labels(self.target.name).set(0)  # whoever leads next tells it
            await self.target.aclose()

    async def _go_on(self) -> None:
        """From where the target is, until it is out of reach."""
        checked = 0.0
        while True:
            if time.monotonic() - checked > CHECK_SECONDS:
                head = await positions.head()
                EXPORT_LAG.labels(self.target.name).set(max(0, head - self.position))
                self.position = await self.target.start(min(self.position, head), head)
                EXPORT_LAG.labels(self.target.name).set(head - self.position)
                await self._note()
                checked = time.monotonic()
            events, reached = await self._next()
            if reached > self.position:
                await self.target.send(events)
                self.position = reached
                continue
            try:
                async with asyncio.timeout(CHECK_SECONDS):
                    await self.moved.wait()
            except TimeoutError:
                continue

    async def _next(self) -> tuple[Sequence[EventRecord], int]:
        """The events behind our position, and how far that is: those just placed if they follow on it, else from the log."""
        self.moved.clear()
        fresh, self._fresh = self._fresh, []
        following = [event for event in fresh if event.position > self.position]
        if following and following[0].position == self.position + 1 and _dense(following):
            return following, following[-1].position
        return await self._read()

    async def _read(self) -> tuple[Sequence[EventRecord], int]:
        """Of the log only what the target wants."""
        head, most = await positions.head(), settings().relay_batch
        wanted = TRUE if self.target.nouns is None else sql("e.noun = ANY({}::text[])", sorted(self.target.nouns))
        events = await log.after(self.position, most, up_to=head, where=wanted)
        return events, events[-1].position if len(events) == most else head

    async def _note(self) -> None:
        if self.position != self._noted:
            await positions.note_exported(self.target.name, self.position)
            self._noted = self.position


def _dense(events: Sequence[EventRecord]) -> bool:
    return events[-1].position - events[0].position == len(events) - 1
