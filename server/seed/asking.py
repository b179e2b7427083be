"""Who brings the world, and under which keys."""

from __future__ import annotations

from typing import Any

from models.events.requests import Request
from models.kernel.viewer import OPERATOR, USER, Viewer

SUBJECT = "seed"
SEEDER = Viewer(SUBJECT, frozenset({OPERATOR}))


def person(number: int) -> Viewer:
    """The seeder as one of the people it brought."""
    return Viewer(SUBJECT, frozenset({USER}), person=number)


def once(mutation: str, name: str, **content: Any) -> Request:
    return Request(mutation, content, key=f"seed:{name}")
