"""Which jobs an event wakes. Nobody else enqueues: no resolver, no operation."""

from __future__ import annotations

from collections.abc import Iterable

from models.events.log import EventRecord
from models.wiring import REACTIONS


def woken_by(events: Iterable[EventRecord]) -> dict[str, int]:
    """The names of the jobs, each with the last position that calls for it."""
    return {
        REACTIONS[event.noun, event.name].name: event.position
        for event in events
        if (event.noun, event.name) in REACTIONS
    }
