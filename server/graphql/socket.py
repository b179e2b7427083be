"""GraphQL over a WebSocket, by the graphql-transport-ws protocol. A bad operation ends that operation, not the socket.

Written here rather than taken from the library, for the reasons of docs/decisions/0010.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import orjson
import structlog
from graphql import OperationType
from starlette.websockets import WebSocket, WebSocketDisconnect

from models.kernel.metrics import SOCKETS_CLOSED
from models.kernel.tasks import cancelled
from models.kernel.viewer import Viewer
from server.auth import NOBODY, Unauthenticated, viewer_of
from server.graphql.answering import Refused, answer, follow, known, prepare
from server.graphql.asking import well_formed
from server.graphql.connections import TooMany, until
from server.graphql.errors import HIDDEN, RequestError
from settings import settings

log = structlog.get_logger("socket")

PROTOCOL = "graphql-transport-ws"
ID_MAX = 256
BAD, UNAUTHORIZED, FORBIDDEN, NO_PROTOCOL, NO_INIT, TWICE, INITS = 4400, 4401, 4403, 4406, 4408, 4409, 4429
GOING_AWAY, TRY_LATER, BROKEN = 1001, 1013, 4500
MISSES_MAX = 2
CLOSE_SECONDS = 1
REASON_MAX_BYTES = 123


class Close(Exception):
    """What is wrong with the socket as a whole: it ends with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        self.code, self.reason = code, reason.encode()[:REASON_MAX_BYTES].decode(errors="ignore")
        super().__init__(reason)


class Socket:
    """One connection, from its handshake to its end."""

    def __init__(self, websocket: WebSocket) -> None:
        self._ws, self._state = websocket, websocket.app.state
        self._viewer: Viewer = NOBODY
        self._begun, self._known = asyncio.Event(), asyncio.Event()
        """connection_init has come; the token in it holds."""
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._unanswered = 0
        self._places = contextlib.ExitStack()

    async def serve(self) -> None:
        await self._ws.accept(PROTOCOL if PROTOCOL in self._ws.scope["subprotocols"] else None)
        parts = [asyncio.create_task(part) for part in (self._read(), self._time(), self._ping())]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.gather(*done)
        except Close as close:
            await self._close(close)
        except WebSocketDisconnect:
            pass
        except Exception:
            log.exception("bug")
            await self._close(Close(BROKEN, "Internal server error"))
        finally:
            await cancelled([*parts, *self._operations.values()])
            self._places.close()

    async def _close(self, close: Close) -> None:
        SOCKETS_CLOSED.labels(str(close.code)).inc()
        log.info("socket_closed", close=close.code, reason=close.reason, viewer=self._viewer.subject)
        with contextlib.suppress(RuntimeError, OSError, WebSocketDisconnect, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):  # it may not read what we send
                await self._ws.close(close.code, close.reason)

    # what comes

    async def _read(self) -> None:
        if PROTOCOL not in self._ws.scope["subprotocols"]:
            raise Close(NO_PROTOCOL, "Subprotocol not acceptable")
        try:
            self._places.enter_context(self._state.connections.one_more())
        except TooMany:
            raise Close(TRY_LATER, "Too many sockets") from None
        while True:
            received = await self._ws.receive()
            if received["type"] == "websocket.disconnect":
                return
            await self._take(_message(received.get("text")))

    async def _take(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "connection_init":
                await self._init(_payload(message))
            case "ping":
                await self._pong(message)
            case "pong":
                _payload(message)
                self._unanswered = 0
            case "subscribe":
                await self._subscribe(_id(message), message.get("payload"))
            case "complete":
                if running := self._operations.pop(_id(message), None):
                    running.cancel()
            case _:
                raise Close(BAD, "Unknown message type")

    async def _pong(self, ping: dict[str, Any]) -> None:
        try:
            text = _text("pong", ping)
        except orjson.JSONEncodeError:  # more levels can be read than written
            raise Close(BAD, "The payload is nested too deeply") from None
        await self._tell(text)

    async def _init(self, payload: dict[str, Any]) -> None:
        if self._begun.is_set():
            raise Close(INITS, "Too many initialisation requests")
        self._begun.set()
        authorization = payload.get("authorization", payload.get("Authorization"))
        try:
            self._viewer = await viewer_of(authorization if isinstance(authorization, str) else None)
        except Unauthenticated:
            raise Close(FORBIDDEN, "Forbidden") from None
        try:
            self._places.enter_context(self._state.connections.of(self._viewer))
        except TooMany:
            raise Close(TRY_LATER, "Too many sockets of yours") from None
        self._known.set()
        await self._tell('{"type":"connection_ack"}')

    async def _subscribe(self, id: str, payload: Any) -> None:
        if not isinstance(payload, dict):
            raise Close(BAD, "The payload of subscribe must be an object")
        if not self._known.is_set():
            raise Close(UNAUTHORIZED, "Unauthorized")
        if id in self._operations:
            raise Close(TWICE, f"Subscriber for {id} already exists")
        if len(self._operations) >= settings().socket_operations_max:
            many = RequestError("RATE_LIMITED", f"{settings().socket_operations_max} operations may run at once.")
            await self._send(
                "error", {"id": id, "payload": _told(many, uuid4().hex)}
            )  # until then nothing more is read
            return
        task = asyncio.create_task(self._operate(id, payload), name="operation")
        self._operations[id] = task
        task.add_done_callback(lambda _: self._operations.get(id) is task and self._operations.pop(id))

    # what goes

    async def _operate(self, id: str, payload: dict[str, Any]) -> None:
        """One operation, from `subscribe` to `complete` or `error`."""
        request_id = uuid4().hex
        structlog.contextvars.bind_contextvars(request_id=request_id, viewer=self._viewer.subject)
        with contextlib.suppress(WebSocketDisconnect):
            errors = await self._items(id, payload, request_id)
            self._operations.pop(id, None)  # the id may be used again as soon as its end is told
            if errors is None:
                await self._send("complete", {"id": id})
            else:
                await self._send("error", {"id": id, "payload": errors})

    async def _items(self, id: str, payload: dict[str, Any], request_id: str) -> list[dict[str, Any]] | None:
        """Sends what the operation brings. Answers the errors that ended it."""
        head, tail = f'{{"id":{orjson.dumps(id).decode()},"type":"next","payload":', "}"
        try:
            async with contextlib.aclosing(self._texts(payload, request_id)) as texts:
                async for text in texts:
                    await self._tell(f"{head}{text}{tail}")
        except Refused as refused:
            return refused.errors
        except WebSocketDisconnect:
            raise
        except Exception:
            log.exception("bug")
            return _told(RequestError("INTERNAL", HIDDEN), request_id)
        return None

    async def _texts(self, payload: dict[str, Any], request_id: str) -> AsyncGenerator[str, None]:
        try:
            asked = well_formed(payload)
            document, state = known(asked), self._state
            prepared = prepare(asked, document, self._viewer, request_id, state.feed, state.outside)
        except RequestError as error:
            raise Refused(_told(error, request_id)) from error
        if prepared.kind is OperationType.SUBSCRIPTION:
            async with contextlib.aclosing(follow(prepared)) as items:
                async for item in items:
                    yield item.text
            return
        given = await answer(prepared)
        if "data" not in given.content:
            raise Refused(given.content["errors"])
        yield orjson.dumps(given.content).decode()

    async def _send(self, kind: str, message: dict[str, Any]) -> None:
        await self._tell(_text(kind, message))

    async def _tell(self, text: str) -> None:
        """Raises WebSocketDisconnect where the other side is gone: nothing is wrong then, and `_read` comes to know."""
        try:
            await self._ws.send_text(text)
        except RuntimeError as closed:  # by us, or by the server for a frame that it could not read
            raise WebSocketDisconnect from closed

    # what time brings

    async def _time(self) -> None:
        """Ends the socket when nobody says who he is, and when his token ends."""
        try:
            async with asyncio.timeout(settings().socket_init_seconds):
                await self._begun.wait()
        except TimeoutError:
            raise Close(NO_INIT, "Connection initialisation timeout") from None
        await self._known.wait()
        await until(self._viewer.expires_at)
        raise Close(FORBIDDEN, "Token expired")

    async def _ping(self) -> None:
        """Ends the socket of a client that is gone without a word, or that does not read."""
        await self._known.wait()
        while True:
            await asyncio.sleep(settings().socket_ping_seconds)
            if self._unanswered >= MISSES_MAX:
                raise Close(GOING_AWAY, "No answer to pings")
            self._unanswered += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(settings().socket_ping_seconds):
                    await self._tell('{"type":"ping"}')


def _message(text: str | None) -> dict[str, Any]:
    try:
        message = orjson.loads(text) if text is not None else None
    except orjson.JSONDecodeError:
        raise Close(BAD, "Messages are JSON") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise Close(BAD, "Messages are objects with a type")
    if message["type"] == "ping":
        _payload(message)
    return message


def _text(kind: str, message: dict[str, Any]) -> str:
    told = {name: message[name] for name in ("id", "payload") if name in message}
    return orjson.dumps({"type": kind, **told}).decode()


def _payload(message: dict[str, Any]) -> dict[str, Any]:
    payload = message.get("payload")
    if payload is not None and not isinstance(payload, dict):
        raise Close(BAD, "The payload must be an object")
    return payload or {}


def _id(message: dict[str, Any]) -> str:
    id = message.get("id")
    if not isinstance(id, str) or not 0 < len(id) <= ID_MAX:
        raise Close(BAD, "The id must be a string")
    return id


def _told(error: RequestError, request_id: str) -> list[dict[str, Any]]:
    facts = {"code": error.code, "status": error.status, "requestId": request_id}
    return [{"message": str(error), "extensions": facts}]
