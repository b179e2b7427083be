"""One subscriber's place in the feed: what waits to be sent to it, bounded."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Ready:
    """An item as it will be sent: the answer as text, and what has to be known to send it."""

    kind: Literal["event", "heartbeat", "lagged"]
    position: int
    cursor: str
    text: str


class Member:
    """A queue that never grows beyond its limit. Whoever reads too slowly is told how much was left out, at the end."""

    __slots__ = ("_limit", "_news", "_queue", "ended", "missed", "told")

    def __init__(self, limit: int) -> None:
        self._queue: deque[Ready] = deque()
        self._news: asyncio.Future[None] | None = None
        self._limit = limit
        self.missed = 0
        self.told = False
        """Lagged has been sent."""
        self.ended: Exception | None = None

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, item: Ready) -> None:
        if self.ended:
            return
        if self.missed:
            self.missed += item.kind == "event"
        elif len(self._queue) < self._limit:
            self._queue.append(item)
            self._wake()
        elif item.kind == "event":
            self.miss()

    def miss(self) -> None:
        """An event could not be kept for this subscriber."""
        self.missed += 1
        self._wake()

    def end(self, error: Exception) -> None:
        """Nothing more will come; `next` raises this when the queue is empty."""
        self.ended = error
        self._wake()

    async def next(self) -> Ready | None:
        """The next item; None when the queue is empty and something was left out."""
        while not self._queue:
            if self.ended:
                raise self.ended
            if self.missed:
                return None
            self._news = asyncio.get_running_loop().create_future()
            await self._news
        return self._queue.popleft()

    def _wake(self) -> None:
        """Of the one that reads; a future is smaller and quicker than an event, of which there would be thousands."""
        if self._news and not self._news.done():
            self._news.set_result(None)
