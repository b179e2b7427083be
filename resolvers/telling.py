"""What a viewer is told of an event: seen through its noun's view, as the type that the schema has for it."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

from models.events import log
from models.events.cursors import Seal
from models.events.log import SNAPSHOT, EventRecord
from models.kernel.pages import Page
from models.kernel.sql import Sql, sql
from models.kernel.viewer import Viewer
from models.wiring import VIEWS
from schema.connections import Connection
from schema.events import Event, Told
from schema.wiring import EVENTS

Count = Callable[[], Awaitable[int]]
LOOKED_AT = 200


def tell(event: EventRecord, viewer: Viewer, cursor: str) -> Event | None:
    """The event as this viewer may see it; None when for him it did not happen."""
    if event.audience.isdisjoint(viewer.tokens):
        return None
    seen = VIEWS[event.noun](event, viewer)
    return None if seen is None else EVENTS[seen.noun].of(Told(seen, cursor, viewer.reads_everything))


def tell_snapshot(event: EventRecord, viewer: Viewer, cursor: str) -> Event | None:
    """The last event of a subject as the first item of a subscription to it."""
    return tell(replace(event, name=SNAPSHOT, from_status=None), viewer, cursor)


async def timeline(viewer: Viewer, seal: Seal, subject: str, after: str | None, first: int) -> Connection[Event]:
    """What happened to one subject, the oldest first, as far as the viewer may see it."""
    start = seal.position(after) if after else 0
    if VIEWS.get(subject.partition(":")[0], log.as_it_is) is not log.as_it_is:
        return await _looked_through(viewer, seal, subject, start, first)
    found = await log.of_subject(viewer, subject, start, first + 1)
    count = partial(log.count, log.visible_to(viewer) & sql("e.subject = {}", subject))
    return _page(viewer, seal, found, first, after, count)


async def _looked_through(viewer: Viewer, seal: Seal, subject: str, start: int, first: int) -> Connection[Event]:
    """The same of a noun of which a viewer does not see every event: the page is full of what he sees, and no other is counted."""

    async def seen(position: int, limit: float) -> list[tuple[Event, str]]:
        kept: list[tuple[Event, str]] = []
        while len(kept) < limit and (batch := await log.of_subject(viewer, subject, position, LOOKED_AT)):
            position = batch[-1].position
            cursors = [(event, seal.cursor(event.position)) for event in batch]
            kept += [(told, at) for event, at in cursors for told in [tell(event, viewer, at)] if told is not None]
        return kept

    async def count() -> int:
        return len(await seen(0, math.inf))

    found = await seen(start, first + 1)
    items, at = tuple(told for told, _ in found[:first]), tuple(cursor for _, cursor in found[:first])
    return Connection[Event].of(Page(items, at, len(found) > first, start > 0, count), lambda event: event)


async def events(viewer: Viewer, seal: Seal, where: Sql, after: str | None, first: int) -> Connection[Event]:
    """The log behind `after`, as far as `where` (over `e`) and the viewer's eyes go."""
    start, seen = seal.position(after) if after else 0, where & log.visible_to(viewer)
    found = await log.after(start, first + 1, where=seen)
    return _page(viewer, seal, found, first, after, partial(log.count, seen))


def _page(
    viewer: Viewer, seal: Seal, found: Sequence[EventRecord], first: int, after: str | None, count: Count
) -> Connection[Event]:
    """The first of what was found; one more was asked for, to know whether there is more. An edge has its event's cursor."""
    kept = [
        (told, cursor)
        for event in found[:first]
        for cursor in [seal.cursor(event.position)]
        for told in [tell(event, viewer, cursor)]
        if told is not None
    ]
    items, cursors = tuple(told for told, _ in kept), tuple(cursor for _, cursor in kept)
    return Connection[Event].of(Page(items, cursors, len(found) > first, after is not None, count), lambda event: event)
