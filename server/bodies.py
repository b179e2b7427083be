"""Bodies of requests, counted while they are read."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator

from starlette.requests import Request

from models.kernel.metrics import LARGE_BODIES
from models.kernel.viewer import MERCHANT, OPERATOR, SERVICE, Viewer
from server.auth import Unauthenticated, viewer_of
from settings import settings

SENDERS = (MERCHANT, OPERATOR, SERVICE)
"""Whose bodies may be large: a stranger cannot make us hold megabytes."""


class TooLarge(Exception):
    """The body is larger than it may be; the rest of it is not read."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"The body is larger than {limit} bytes.")


class TooSlow(Exception):
    """A large body did not come to its end in time."""


class Full(Exception):
    """This process holds as many large bodies as it may."""


async def body_of(http: Request, limit: int) -> bytes:
    """The whole of a small body."""
    parts, size = [], 0
    async for part in http.stream():
        size += len(part)
        if size > limit:
            raise TooLarge(limit)
        parts.append(part)
    return b"".join(parts)


class LargeBodies:
    """How many large bodies this process holds or has begun to, from the first byte too many until they are answered."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(settings().uploads_at_once)
        self._of: Counter[str] = Counter()

    @property
    def held(self) -> int:
        return self._of.total()

    async def take(self, viewer: Viewer, places: contextlib.AsyncExitStack) -> None:
        """A place, until `places` are left. Raises Full where none becomes free in a moment, or the viewer's party has its
        share, or he, where he has no party."""
        if self._of[_sharing(viewer)] >= settings().uploads_per_viewer_max:
            raise Full
        self._count(viewer, 1)
        places.callback(self._count, viewer, -1)
        try:
            async with asyncio.timeout(settings().upload_wait_seconds):
                await self._places.acquire()
        except TimeoutError:
            raise Full from None
        places.callback(self._places.release)

    def _count(self, viewer: Viewer, change: int) -> None:
        who = _sharing(viewer)
        self._of[who] += change
        if not self._of[who]:
            del self._of[who]
        LARGE_BODIES.set(self.held)


def _sharing(viewer: Viewer) -> str:
    """Who has one share: all of a party together."""
    return f"party:{viewer.party}" if viewer.party else viewer.subject


async def parts_of(http: Request, places: contextlib.AsyncExitStack | None) -> AsyncGenerator[bytes, None]:
    """The body as it comes. A large one is read on for a bearer who may send one, once his token is found good; its place is
    held until `places` are left. None: there is no place for a large one here.

    Raises TooLarge, TooSlow, Full, and ClientDisconnect for a body that stops half way.
    """
    size, limit, until = 0, settings().body_max_bytes, None
    async with contextlib.aclosing(http.stream()) as stream:
        while True:
            try:
                async with asyncio.timeout_at(until):
                    part = await anext(stream, None)
            except TimeoutError:
                raise TooSlow from None
            if part is None:
                return
            size += len(part)
            if size > limit and until is None and places is not None:
                limit = await _more(http, places)
                until = asyncio.get_running_loop().time() + settings().upload_timeout_seconds
            if size > limit:
                raise TooLarge(limit)
            yield part


async def _more(http: Request, places: contextlib.AsyncExitStack) -> int:
    """How large the body may be at most, now that it is larger than anybody's."""
    viewer = await _sender(http)
    if viewer is None:
        return settings().body_max_bytes
    limit, declared = settings().upload_body_max_bytes, http.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:19]) > limit:
        raise TooLarge(limit)
    await http.app.state.large.take(viewer, places)
    return limit


async def _sender(http: Request) -> Viewer | None:
    """The bearer of a token that was found good, if he may send a large body."""
    try:
        viewer = await viewer_of(http.headers.get("authorization"))
    except Unauthenticated:
        return None
    return viewer if viewer.has(*SENDERS) else None
