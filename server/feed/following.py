"""One subscription, from its first item on: what has happened comes from the log, then what happens comes live."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Hashable

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
SPAN = 50_000  # positions that one page looks at, at most
DELIVERED = {kind: DELIVERIES.labels(kind) for kind in ("event", "heartbeat", "lagged")}


class Following:
    def __init__(self, cohorts: Cohorts, key: Hashable, rendering: Rendering, current: Callable[[], Seal]) -> None:
        self.cohorts, self.key, self.rendering = cohorts, key, rendering
        self.current, self.seal = current, current()
        self.position = 0
        """Everything up to here has been delivered."""

    async def items(self, after: str | None) -> AsyncGenerator[Ready, None]:
        async with contextlib.aclosing(self._from(after)) as items:
            async for ready in items:
                DELIVERED[ready.kind].inc()
                self.position = max(self.position, ready.position)
                yield ready

    async def _from(self, after: str | None) -> AsyncGenerator[Ready, None]:
        if after is None:
            async for ready in self._beginning():
                yield ready
        else:
            self.position = self.seal.position(after)
            if self.position > max(self.cohorts.position, await positions.head()):
                raise CursorExpired
        while True:
            async for ready in self._replay(self.cohorts.position):
                yield ready
            if self.cohorts.position - self.position >= settings().feed_page:
                continue  # much has happened meanwhile: not yet
            member = Member(settings().feed_queue_max)
            leave = self.cohorts.join(self.key, self.rendering, member)
            try:
                async for ready in self._joined(member):
                    yield ready
                if not member.missed or member.told:
                    return
            finally:
                leave()

    async def _beginning(self) -> AsyncGenerator[Ready, None]:
        """The subjects as they are, or a heartbeat that says where the log ends.

        Of several subjects each has the cursor of its own last event, and the last one that of the head: whoever is cut in
        between gets the others when he comes again.
        """
        head, events = await self._latest()
        shown = []
        for event in events:
            at = head if event is events[-1] else event.position
            if ready := await self.rendering.snapshot(event, at, self.seal):
                shown.append(ready)
        if events and not shown:
            raise NotFound(events[0].noun)
        for ready in shown or [await self.rendering.heartbeat(head, self.seal)]:
            yield ready
        self.position = head

    async def _latest(self) -> tuple[int, list[EventRecord]]:
        """A subject that was born a moment ago may have no place in the log yet: it is waited for, not for long."""
        subjects = list(self.rendering.watch.subjects)
        for _ in range(1 + int(settings().snapshot_wait_ms / 1000 / LOOK_SECONDS)):
            head, events = await log.latest(subjects)
            if len(events) == len(subjects):
                break
            await asyncio.sleep(LOOK_SECONDS)
        return head, events

    async def _replay(self, up_to: int) -> AsyncGenerator[Ready, None]:
        """What has happened, out of the log: page by page, and no page looks further than a span of it, so that none takes
        long. A span in which nothing was for this viewer is told by a heartbeat."""
        while self.position < up_to:
            end = min(up_to, self.position + SPAN)
            events = await self._page(end)
            for event in events:
                if made := await self.rendering.event(event, self.seal):
                    yield made
            full = len(events) == settings().feed_page
            self.position = events[-1].position if full else end
            if not events and end < up_to:
                yield await self.rendering.heartbeat(end, self.seal)

    async def _joined(self, member: Member) -> AsyncGenerator[Ready, None]:
        """What was handed over before we joined, from the log, while what comes waits in our queue; then what comes. It ends
        early where too much came meanwhile: once more from the log then."""
        if self.current().epoch != self.seal.epoch:
            raise CursorExpired  # restored, while we were reading
        async for ready in self._replay(self.cohorts.position):
            yield ready
        if member.missed:
            return
        while item := await member.next():
            beat = item.kind == "heartbeat" and item.position == self.position
            if beat or item.position > self.position:  # else it came from the log already
                yield item
        member.told = True
        yield await self.rendering.lagged(self.position, member.missed, self.seal)

    async def _page(self, up_to: int) -> list[EventRecord]:
        where = self.rendering.watch.where & visible_to(self.rendering.viewer)
        return await log.after(self.position, settings().feed_page, up_to=up_to, where=where)
