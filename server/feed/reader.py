"""The one reader of a process: it tails the Redis stream, and the log itself wherever the stream has a gap or is gone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import structlog
from redis.asyncio import Redis

from jobs.exports import STREAM
from jobs.waking import ILL, redis_client
from models.events import log, positions
from models.events.log import EventRecord
from models.kernel.metrics import FEED_FALLBACKS
from settings import settings

logger = structlog.get_logger("feed")
BLOCK_MS, RECONNECT_SECONDS, ANSWER_SECONDS = 1_000, 1.0, 20.0


class Reader:
    """Hands over every event behind `position`, in order, without a gap, whatever becomes of Redis."""

    def __init__(self, position: int, epoch: str, hand_over: Callable[[Sequence[EventRecord]], None]) -> None:
        self._hand_over = hand_over
        self.alive_at = time.monotonic()
        """When the stream or the log last answered."""
        self.go_to(position, epoch)

    def go_to(self, position: int, epoch: str) -> None:
        self.position, self._stream = position, STREAM.format(epoch)

    async def run(self) -> None:
        """Until cancelled; raises where PostgreSQL is out of reach."""
        while True:
            client = redis_client(seconds=BLOCK_MS / 1000 + 0.5)
            try:
                await self._tail(client)
            except ILL as error:
                logger.warning("stream_out_of_reach", error=repr(error))
            finally:
                await client.aclose()
            await self._poll()

    async def _tail(self, client: Redis) -> None:
        """Until Redis is gone. What the stream does not bring within a second is looked for in the log."""
        while True:
            answer = await client.xread(
                {self._stream: f"{self.position}-0"}, count=settings().feed_page, block=BLOCK_MS
            )
            self.alive_at = time.monotonic()
            entries = answer[0][1] if answer else []
            events = list(_readable(fields for _, fields in entries))
            if not events or events[0].position != self.position + 1:
                await self._from_log(up_to=events[0].position - 1 if events else await positions.head())
            following = [event for number, event in enumerate(events, self.position + 1) if event.position == number]
            if following:
                self._take(following)
            if len(following) < len(entries):  # the stream has a hole: the next round reads the log
                await asyncio.sleep(settings().feed_poll_ms / 1000)

    async def _poll(self) -> None:
        """Read the log alone, until Redis answers again."""
        asked = time.monotonic()
        while True:
            await self._from_log(up_to=2**62)
            await asyncio.sleep(settings().feed_poll_ms / 1000)
            if time.monotonic() - asked > RECONNECT_SECONDS:
                if await _redis_answers():
                    return
                asked = time.monotonic()

    async def _from_log(self, *, up_to: int) -> None:
        while self.position < up_to:
            async with asyncio.timeout(ANSWER_SECONDS):  # a server that vanished says nothing
                events = await log.after(self.position, settings().feed_page, up_to=up_to)
            self.alive_at = time.monotonic()
            if not events:
                return
            FEED_FALLBACKS.inc()
            self._take(events)

    def _take(self, events: Sequence[EventRecord]) -> None:
        self.position = events[-1].position
        self._hand_over(events)


async def _redis_answers() -> bool:
    client = redis_client(seconds=0.2)
    try:
        await client.ping()
    except ILL:
        return False
    finally:
        await client.aclose()
    return True


def _readable(entries: Iterable[Mapping[bytes, bytes]]) -> Iterator[EventRecord]:
    """The events of the stream's entries, up to the first that is none of ours: that one is a hole like any other."""
    for fields in entries:
        try:
            yield EventRecord.read(fields[b"e"])
        except (KeyError, ValueError, TypeError):
            logger.warning("stream_not_readable")
            return
