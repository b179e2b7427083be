"""Bodies of requests, counted while they are read."""

from __future__ import annotations

from starlette.requests import Request


class TooLarge(Exception):
    """The body is larger than it may be; the rest of it is not read."""


async def body_of(http: Request, limit: int) -> bytes:
    parts, size = [], 0
    async for part in http.stream():
        size += len(part)
        if size > limit:
            raise TooLarge
        parts.append(part)
    return b"".join(parts)
