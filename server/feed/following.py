"""One subscription, from its first item on: what has happened comes from the log, then what happens comes live."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Hashable

from models.events import log, positions
from models.events.cursors import Seal
from models.events.log import EventRecord, visible_to
from models.kernel.metrics import DELIVERIES
from models.kernel.refusals import CursorExpired, NotFound
from server.feed.cohorts import Cohorts
from server.feed.members import Member, Ready
from server.feed.rendering import Rendering
from settings import settings

LOOK_SECONDS = 0.02
DELIVERED = {kind: DELIVERIES.labels(kind) for kind in ("event", "heartbeat", "lagged")}


class Following:
    def __init__(self, cohorts: Cohorts, key: Hashable, rendering: Rendering, seal: Seal) -> None:
        self.cohorts, self.key, self.rendering, self.seal = cohorts, key, rendering, seal
        self.position = 0
        """Everything up to here has been delivered."""

    async def items(self, after: str | None) -> AsyncGenerator[Ready, None]:
        async for ready in self._from(after):
            DELIVERED[ready.kind].inc()
            self.position = max(self.position, ready.position)
            yield ready

    async def _from(self, after: str | None) -> AsyncGenerator[Ready, None]:
        if after is not None:
            self.position = self.seal.position(after)
            if self.position > max(self.cohorts.position, await positions.head()):
                raise CursorExpired
        else:
            async for ready in self._beginning():
                yield ready
        while True:
            async for ready in self._catch_up():
                yield ready
            member = Member(settings().feed_queue_max)
            leave = self.cohorts.join(self.key, self.rendering, member)
            try:
                async for ready in self._between(self.position, self.cohorts.position):
                    yield ready
                if member.missed:
                    continue  # too much happened meanwhile: once more from the log
                async for ready in self._live(member):
                    yield ready
                return
            finally:
                leave()

    async def _beginning(self) -> AsyncGenerator[Ready, None]:
        """The subjects as they are, or a heartbeat that says where the log ends."""
        head, events = await self._latest()
        self.position = head
        shown = [ready for event in events if (ready := await self.rendering.snapshot(event, head, self.seal))]
        if events and not shown:
            raise NotFound(events[0].noun)
        for ready in shown:
            yield ready
        if not shown:
            yield await self.rendering.heartbeat(head, self.seal)

    async def _latest(self) -> tuple[int, list[EventRecord]]:
        """A subject that was born a moment ago may have no place in the log yet: it is waited for, not for long."""
        subjects = list(self.rendering.watch.subjects)
        for _ in range(1 + int(settings().snapshot_wait_ms / 1000 / LOOK_SECONDS)):
            head, events = await log.latest(subjects)
            if len(events) == len(subjects):
                break
            await asyncio.sleep(LOOK_SECONDS)
        return head, events

    async def _catch_up(self) -> AsyncGenerator[Ready, None]:
        """Page by page, until less than one page is left."""
        while self.cohorts.position > self.position:
            target = self.cohorts.position
            events = await self._page(target)
            async for ready in self._ready(events):
                yield ready
            full = len(events) == settings().feed_page
            self.position = events[-1].position if full else target
            if not full:
                return

    async def _between(self, position: int, bound: int) -> AsyncGenerator[Ready, None]:
        """What was handed over before we joined. What comes meanwhile waits in our queue."""
        self.position = position
        while self.position < bound:
            events = await self._page(bound)
            async for ready in self._ready(events):
                yield ready
            self.position = events[-1].position if len(events) == settings().feed_page else bound

    async def _live(self, member: Member) -> AsyncGenerator[Ready, None]:
        while ready := await member.next():
            beat = ready.kind == "heartbeat" and ready.position == self.position
            if beat or ready.position > self.position:  # else it came from the log already
                yield ready
        yield await self.rendering.lagged(self.position, member.missed, self.seal)

    async def _page(self, up_to: int) -> list[EventRecord]:
        where = self.rendering.watch.where & visible_to(self.rendering.viewer)
        return await log.after(self.position, settings().feed_page, up_to=up_to, where=where)

    async def _ready(self, events: list[EventRecord]) -> AsyncGenerator[Ready, None]:
        for event in events:
            if ready := await self.rendering.event(event, self.seal):
                yield ready
