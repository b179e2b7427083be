"""How many sockets and streams this process holds, in all and for each viewer."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from models.kernel.metrics import SOCKETS
from models.kernel.viewer import Viewer
from settings import settings

SLEEP_MAX_SECONDS = 3_600.0


class TooMany(Exception):
    """As many as may be are open already."""


class Connections:
    def __init__(self) -> None:
        self.open = 0
        self._of: Counter[str] = Counter()

    @contextlib.contextmanager
    def one_more(self) -> Iterator[None]:
        """A place for one. Raises TooMany."""
        if self.open >= settings().sockets_max:
            raise TooMany
        self.open += 1
        SOCKETS.set(self.open)
        try:
            yield
        finally:
            self.open -= 1
            SOCKETS.set(self.open)

    @contextlib.contextmanager
    def of(self, viewer: Viewer) -> Iterator[None]:
        """A place among those of one viewer. Raises TooMany."""
        if self._of[viewer.subject] >= settings().sockets_per_viewer_max:
            raise TooMany
        self._of[viewer.subject] += 1
        try:
            yield
        finally:
            self._of[viewer.subject] -= 1
            if not self._of[viewer.subject]:
                del self._of[viewer.subject]


async def until(moment: datetime) -> None:
    """Wait for a moment that may be far away: in parts, so that a clock that is set is noticed."""
    while (left := (moment - datetime.now(UTC)).total_seconds()) > 0:  # noqa: ASYNC110  a moment is no event
        await asyncio.sleep(min(left, SLEEP_MAX_SECONDS))
