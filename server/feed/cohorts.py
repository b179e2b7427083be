"""Groups of subscriptions that are answered together, and how an event finds those it is for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from contextvars import Context
from datetime import UTC, datetime, timedelta

import structlog

from models.events.cursors import Seal
from models.events.log import EventRecord
from models.kernel.metrics import COHORTS, FEED_DELAY
from resolvers.watching import routes_of
from server.feed.members import Member, Ready
from server.feed.rendering import Rendering
from settings import settings

log = structlog.get_logger("feed")
QUEUE_PARTS = 16  # the part of a queue that a burst may fill before the senders' turn


class Cohort:
    """Subscriptions of one document and one sight: each event is made an answer of once, and put in every queue."""

    def __init__(self, rendering: Rendering, seal: Callable[[], Seal]) -> None:
        self.rendering = rendering
        self.members: set[Member] = set()
        self._seal = seal
        self._backlog: deque[EventRecord | int] = deque()
        self._filled = asyncio.Event()
        self._task = asyncio.create_task(self._work(), name="cohort", context=Context())

    def take(self, item: EventRecord | int) -> None:
        """An event, or the position of a heartbeat. Beyond the limit the members fall behind; the reader never waits."""
        if len(self._backlog) < settings().feed_backlog_max:
            self._backlog.append(item)
            self._filled.set()
        elif not isinstance(item, int):
            for member in self.members:
                member.miss()

    @property
    def waiting(self) -> int:
        return len(self._backlog) + sum(len(member) for member in self.members)

    def close(self) -> None:
        self._task.cancel()

    async def _work(self) -> None:
        while True:
            while self._backlog:
                for _ in range(min(len(self._backlog), self._together())):
                    await self._hand_out(self._backlog.popleft())
                await asyncio.sleep(0)  # the senders' turn: a burst is no reason to fall behind
            self._filled.clear()
            await self._filled.wait()

    def _together(self) -> int:
        """How much of a burst is handed out in one turn: what one socket is sent at once costs it least. The more there are
        to send it to, the more it saves; alone, a cohort leaves the others their turn."""
        return max(1, min(len(self.members), settings().feed_queue_max // QUEUE_PARTS))

    async def _hand_out(self, item: EventRecord | int) -> None:
        try:
            ready = await self._ready(item)
        except Exception as error:
            log.exception("item_not_made")
            for member in self.members:
                member.end(error)
            return
        if ready:
            for member in self.members:
                member.put(ready)
            if not isinstance(item, int):
                _observe_delay(item.occurred_at)

    async def _ready(self, item: EventRecord | int) -> Ready | None:
        if isinstance(item, int):
            return await self.rendering.heartbeat(item, self._seal())
        return await self.rendering.event(item, self._seal())


class Cohorts:
    """All of them, found by what an event is about and by who may see it."""

    def __init__(self, seal: Callable[[], Seal]) -> None:
        self.position = 0
        """Everything up to here has been handed to those whom it is for."""
        self._seal = seal
        self._known: dict[Hashable, Cohort] = {}
        self._routes: dict[Hashable, dict[Cohort, None]] = {}

    def queued(self) -> int:
        """How many items wait to be made or to be sent."""
        return sum(cohort.waiting for cohort in self._known.values())

    def join(self, key: Hashable, rendering: Rendering, member: Member) -> Callable[[], None]:
        """From now on `member` gets everything behind `position`, and perhaps some of what was before. Answers what
        takes it out again."""
        cohort = self._known.get(key)
        if cohort is None:
            cohort = self._known[key] = Cohort(rendering, self._seal)
            for route in rendering.watch.routes(rendering.viewer):
                self._routes.setdefault(route, {})[cohort] = None
        cohort.members.add(member)
        COHORTS.set(len(self._known))
        return lambda: self._leave(key, cohort, member)

    def route(self, events: Iterable[EventRecord]) -> None:
        for event in events:
            found = {cohort: None for key in routes_of(event) for cohort in self._routes.get(key, ())}
            for cohort in found:
                cohort.take(event)
            self.position = event.position

    def beat(self) -> None:
        for cohort in self._known.values():
            cohort.take(self.position)

    def end(self, error: Exception) -> None:
        """Nobody gets anything more."""
        for cohort in list(self._known.values()):
            for member in list(cohort.members):
                member.end(error)

    def _leave(self, key: Hashable, cohort: Cohort, member: Member) -> None:
        cohort.members.discard(member)
        if cohort.members or self._known.get(key) is not cohort:
            return
        cohort.close()
        del self._known[key]
        for route in cohort.rendering.watch.routes(cohort.rendering.viewer):
            routed = self._routes.get(route, {})
            routed.pop(cohort, None)
            if not routed:
                self._routes.pop(route, None)
        COHORTS.set(len(self._known))


def _observe_delay(occurred_at: datetime) -> None:
    moved = timedelta(seconds=settings().clock_offset_seconds)
    FEED_DELAY.observe(max(0.0, (datetime.now(UTC) + moved - occurred_at).total_seconds()))
