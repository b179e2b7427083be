"""GraphQL over server-sent events, one connection for each operation: `next`, then `complete`; ids are cursors.

A stream that ends without `complete` was cut: the token ended, or the process does. The client comes again, with
`Last-Event-ID`, and nothing is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import orjson
import structlog
from graphql import OperationType
from starlette.datastructures import State
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from models.kernel.tasks import cancelled
from models.kernel.viewer import FAR
from server.auth import NOBODY
from server.graphql.answering import Prepared, Refused, answer, follow
from server.graphql.connections import TooMany, until
from server.graphql.errors import RequestError
from server.graphql.socket import CLOSE_SECONDS, MISSES_MAX
from settings import settings

log = structlog.get_logger("graphql")
COMPLETE = "event: complete\ndata: \n\n"


class EventStream(Response):
    """Sends until the operation, the token, the client or the process ends."""

    def __init__(self, prepared: Prepared | list[dict[str, Any]], state: State, resume: str | None, id: str) -> None:
        super().__init__(
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no", "x-request-id": id},
        )
        del self.headers["content-length"]
        self._prepared, self._state, self._resume = prepared, state, resume

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        viewer = self._prepared.context.viewer if isinstance(self._prepared, Prepared) else NOBODY
        expires_at = viewer.expires_at if viewer is not NOBODY else FAR
        with contextlib.ExitStack() as places:
            places.enter_context(self._state.connections.one_more())
            places.enter_context(self._state.connections.of(viewer))
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            ends = [
                asyncio.create_task(part)
                for part in (
                    self._send(send),
                    _gone(receive),
                    until(expires_at),
                    self._state.feed.stopping.wait(),
                )
            ]
            try:
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await cancelled(ends)
            with contextlib.suppress(OSError):  # TimeoutError is one
                async with asyncio.timeout(CLOSE_SECONDS):  # it may not read what we send
                    await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, send: Send) -> None:
        """Ends where the client is gone, or reads nothing for as long as a socket may leave pings unanswered."""

        async def tell(text: str) -> None:
            async with asyncio.timeout(MISSES_MAX * settings().socket_ping_seconds):
                await send({"type": "http.response.body", "body": text.encode(), "more_body": True})

        try:
            await tell(":\n\n")  # it has begun
            async with contextlib.aclosing(self._texts()) as texts:
                async for text in texts:
                    await tell(text)
        except OSError:
            return
        except Exception:
            log.exception("bug")

    async def _texts(self) -> AsyncGenerator[str, None]:
        prepared = self._prepared
        if not isinstance(prepared, Prepared):
            yield _next({"errors": prepared})
        elif prepared.kind is OperationType.SUBSCRIPTION:
            try:
                async with contextlib.aclosing(follow(prepared, self._resume)) as items:
                    async for item in items:
                        yield f"id: {item.cursor}\nevent: next\ndata: {item.text}\n\n"
            except Refused as refused:
                yield _next({"errors": refused.errors})
        else:
            yield _next((await answer(prepared)).content)
        yield COMPLETE


def event_stream(
    prepared: Prepared | list[dict[str, Any]], state: State, resume: str | None, request_id: str
) -> Response:
    """Raises RequestError where too many are open."""
    viewer = prepared.context.viewer if isinstance(prepared, Prepared) else NOBODY
    try:
        with state.connections.one_more(), state.connections.of(viewer):
            return EventStream(prepared, state, resume, request_id)
    except TooMany:
        raise RequestError("RATE_LIMITED", "Too many sockets and streams are open.") from None


def _next(content: dict[str, Any]) -> str:
    return f"event: next\ndata: {orjson.dumps(content).decode()}\n\n"


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
