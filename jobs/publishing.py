"""Exports of nouns: streams for other systems, in the order of the log, at least once, replayed from it when they are lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import structlog
from redis.exceptions import ResponseError

from jobs.waking import redis_client
from models.events.cursors import read_seal
from models.events.exporting import Entry, Export
from models.events.log import EventRecord
from settings import settings

logger = structlog.get_logger("relay")
ALREADY_THERE = "equal or smaller"  # how Redis says that a stream has come so far already
NO_STREAM = "no such key"  # how it says that there is none


class Published:
    """The stream of one export: an entry has the position of its event as id, and so is there once.

    Fields: `key`, `value` (JSON), and `epoch`, which changes when the log was restored from a backup: what was told after that
    backup may be told anew, differently.
    """

    def __init__(self, export: Export) -> None:
        self.name, self.nouns = f"export:{export.name}", export.nouns
        self._export, self._epoch, self._there = export, "", -1
        self._begins = False
        """Whether there is no stream yet, so that the next entry may make one."""
        self._redis = redis_client()

    async def start(self, position: int, head: int) -> int:
        """Where it left off, while what it wrote is there. A stream that lost its end goes on behind what is left; one that is
        gone, or that tells of another epoch, is filled anew from the log's beginning. What its readers have cut off was told."""
        self._epoch = (await read_seal()).epoch
        there, epoch = await self._end()
        if there > head or epoch not in (None, self._epoch):
            logger.warning("export_begins_anew", export=self._export.name)
            await self._redis.unlink(self._export.name)
            there = 0
        self._begins = there == 0
        if there == self._there:
            return position
        self._there = there
        return min(position, there)

    async def send(self, events: Sequence[EventRecord]) -> None:
        entries = [(event.position, entry) for event in events if (entry := self._entry(event)) is not None]
        if not entries:
            return
        pipe = self._redis.pipeline(transaction=False)
        for number, (position, entry) in enumerate(entries):
            fields: dict[Any, Any] = {"key": entry.key, "value": orjson.dumps(entry.value), "epoch": self._epoch}
            goes_on = number > 0 or not self._begins
            pipe.xadd(
                self._export.name,
                fields,
                id=f"{position}-0",
                maxlen=settings().export_stream_max,
                nomkstream=goes_on,
            )
        for answer in await pipe.execute(raise_on_error=False):
            if answer is None:  # gone since `start` looked: a new one would begin in the middle, and nobody would know
                raise ResponseError(f"{self._export.name} is gone")
            if isinstance(answer, Exception) and not (
                isinstance(answer, ResponseError) and ALREADY_THERE in str(answer)
            ):
                raise answer
        self._there, self._begins = entries[-1][0], False

    async def aclose(self) -> None:
        await self._redis.aclose()

    async def _end(self) -> tuple[int, str | None]:
        """The last id that the stream has had, and the epoch of its last entry; 0 and None where there is none."""
        try:
            known = await self._redis.xinfo_stream(self._export.name)
        except ResponseError as missing:
            if NO_STREAM not in str(missing):
                raise
            return 0, None
        last = known["last-entry"]
        return int(known["last-generated-id"].split(b"-")[0]), last[1].get(b"epoch", b"").decode() if last else None

    def _entry(self, event: EventRecord) -> Entry | None:
        return self._export.entry(event) if event.noun in self.nouns else None
