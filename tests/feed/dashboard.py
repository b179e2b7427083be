"""What a front end does: a socket, its subscriptions, and coming again after a cut."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect

PROTOCOL = "graphql-transport-ws"


class Operation:
    """One subscription on a socket: its messages as they come."""

    def __init__(self, id: str) -> None:
        self.id, self.messages = id, asyncio.Queue[dict[str, Any]]()

    async def message(self, seconds: float = 5) -> dict[str, Any]:
        async with asyncio.timeout(seconds):
            return await self.messages.get()

    async def item(self, seconds: float = 5) -> dict[str, Any]:
        """The next item: the one root field of its data, with the cursor beside it."""
        message = await self.message(seconds)
        assert message["type"] == "next", message
        payload = message["payload"]
        assert "errors" not in payload, payload
        (value,) = payload["data"].values()
        return {**value, "extensions": payload["extensions"]}

    async def event(self, seconds: float = 5) -> dict[str, Any]:
        """The next item that is no heartbeat."""
        while (found := await self.item(seconds))["__typename"] == "Heartbeat":
            pass
        return found

    async def error(self) -> dict[str, Any]:
        """The one error that ended it."""
        message = await self.message()
        assert message["type"] == "error", message
        (error,) = message["payload"]
        return error


class Dashboard:
    """A socket that was let in."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._ids = itertools.count(1)
        self._operations: dict[str, Operation] = {}
        self.reading = asyncio.create_task(self._read())

    async def subscribe(self, query: str, **variables: Any) -> Operation:
        operation = self._operations[id] = Operation(id := f"op-{next(self._ids)}")
        await self.send(type="subscribe", id=id, payload={"query": query, "variables": variables})
        return operation

    async def complete(self, operation: Operation) -> None:
        await self.send(type="complete", id=operation.id)

    async def send(self, **message: Any) -> None:
        await self.socket.send(orjson.dumps(message).decode())

    async def cut(self) -> None:
        """As a cable does it: no closing handshake."""
        self.reading.cancel()
        self.socket.transport.abort()
        await asyncio.sleep(0)

    async def close(self) -> None:
        self.reading.cancel()
        await self.socket.close()

    async def _read(self) -> None:
        async for text in self.socket:
            message = orjson.loads(text)
            if message["type"] == "ping":
                await self.send(type="pong")
            elif operation := self._operations.get(message.get("id", "")):
                operation.messages.put_nowait(message)


async def let_in(url: str, token: str, **options: Any) -> Dashboard:
    """Connect, say who asks, be acknowledged."""
    socket = await connect(url, subprotocols=[PROTOCOL], **options)  # type: ignore[list-item]
    await socket.send(
        orjson.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}).decode()
    )
    assert orjson.loads(await socket.recv())["type"] == "connection_ack"
    return Dashboard(socket)


@asynccontextmanager
async def dashboard(url: str, token: str, **options: Any) -> AsyncIterator[Dashboard]:
    board = await let_in(url, token, **options)
    try:
        yield board
    finally:
        await board.close()
