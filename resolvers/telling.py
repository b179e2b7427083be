"""What a viewer is told of an event: seen through its noun's view, as the type that the schema has for it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from models.events import log
from models.events.cursors import Seal
from models.events.log import SNAPSHOT, EventRecord
from models.kernel.pages import Cut, Page
from models.kernel.sql import Sql
from models.kernel.viewer import Viewer
from models.wiring import VIEWS
from schema.connections import Connection
from schema.events import Event, Told
from schema.wiring import EVENTS


def tell(event: EventRecord, viewer: Viewer, cursor: str) -> Event | None:
    """The event as this viewer may see it; None when for him it did not happen."""
    if event.audience.isdisjoint(viewer.tokens):
        return None
    seen = VIEWS[event.noun](event, viewer)
    return None if seen is None else EVENTS[seen.noun].of(Told(seen, cursor, viewer.reads_everything))


def tell_snapshot(event: EventRecord, viewer: Viewer, cursor: str) -> Event | None:
    """The last event of a subject as the first item of a subscription to it."""
    return tell(replace(event, name=SNAPSHOT, from_status=None), viewer, cursor)


async def timeline(viewer: Viewer, seal: Seal, subject: str, cut: Cut) -> Connection[Event]:
    """What happened to one subject, the oldest first, as far as the viewer may see it."""
    page = await log.timeline(viewer, subject, cut)
    told = [tell(event, viewer, seal.cursor(event.position)) for event in page.items]
    kept = [(event, at) for event, at in zip(told, page.cursors, strict=True) if event is not None]
    return _connection(kept, page)


async def events(viewer: Viewer, seal: Seal, where: Sql, after: str | None, first: int) -> Connection[Event]:
    """The log behind `after`, as far as `where` (over `e`) and the viewer's eyes go."""
    start = seal.position(after) if after else 0
    found = await log.after(start, first + 1, where=where & log.visible_to(viewer))
    kept: list[tuple[Event, str]] = [
        (told, cursor)
        for event in found[:first]
        for cursor in [seal.cursor(event.position)]
        for told in [tell(event, viewer, cursor)]
        if told is not None
    ]
    count = partial(log.count, where & log.visible_to(viewer))
    return _connection(kept, Page((), (), len(found) > first, after is not None, count))


def _connection(kept: list[tuple[Event, str]], page: Page[Any]) -> Connection[Event]:
    """The events that are kept of a page, each with its cursor there."""
    items, cursors = tuple(event for event, _ in kept), tuple(cursor for _, cursor in kept)
    return Connection[Event].of(replace(page, items=items, cursors=cursors), lambda event: event)
