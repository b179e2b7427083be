"""A socket as it is on the wire: what is sent is sent as it stands, and what comes back is looked at."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

SECONDS = 5


def frame(content: Any, opcode: int = 1, *, last: bool = True) -> bytes:
    """One frame as a client sends it, masked with nothing."""
    data = content if isinstance(content, bytes) else orjson.dumps(content)
    size = len(data)
    length = (
        bytes([128 + size])
        if size < 126
        else b"\xfe" + size.to_bytes(2)
        if size < 2**16
        else b"\xff" + size.to_bytes(8)
    )
    return bytes([128 * last + opcode]) + length + bytes(4) + data


class Wire:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def let_in(self, token: str) -> None:
        await self.send(type="connection_init", payload={"authorization": f"Bearer {token}"})
        assert await self.next() == {"type": "connection_ack"}

    async def send(self, raw: str | bytes | None = None, **message: Any) -> None:
        await self.socket.send(orjson.dumps(message).decode() if raw is None else raw)

    async def ask(self, query: Any, id: str = "a", **payload: Any) -> None:
        await self.send(type="subscribe", id=id, payload={"query": query, **payload})

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(SECONDS):
            message: dict[str, Any] = orjson.loads(await self.socket.recv())
        return message

    async def answer(self, query: Any, id: str = "a", **payload: Any) -> dict[str, Any]:
        """What one operation answers: its `next`, with its `complete` behind it."""
        await self.ask(query, id, **payload)
        message = await self.next()
        assert (message["type"], message["id"]) == ("next", id), message
        assert await self.next() == {"type": "complete", "id": id}
        content: dict[str, Any] = message["payload"]
        return content

    async def error(self, id: str = "a") -> tuple[str, str]:
        """Code and message of the one error that ends an operation."""
        message = await self.next()
        assert (message["type"], message["id"]) == ("error", id), message
        (error,) = message["payload"]
        assert error["extensions"]["requestId"]
        return error["extensions"]["code"], error["message"]

    async def closed(self) -> tuple[int | None, str | None]:
        """How the other side ended it, whatever it said before."""
        try:
            async with asyncio.timeout(SECONDS):
                while True:
                    await self.socket.recv()
        except ConnectionClosed:
            return self.socket.close_code, self.socket.close_reason

    async def works(self, id: str = "still here") -> None:
        """The socket goes on."""
        assert (await self.answer("{ __typename }", id))["data"] == {"__typename": "Query"}
