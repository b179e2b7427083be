"""Raw sockets that count what they are sent. Frames are found by their headers and looked into for two words; nothing is
parsed, so that the client is not what is measured."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benches.measure import Sample, summary

WAIT_SECONDS, OPENED_AT_ONCE = 60, 50
PROTOCOL = "graphql-transport-ws"


@dataclass(frozen=True)
class Order:
    """What to open on this machine: a socket for each token, and on each one subscription."""

    port: int
    tokens: Sequence[str]
    subscription: str
    wanted: str = "BalanceEvent"
    """The word that a frame must hold to count; any other is its beginning, a heartbeat or a ping."""
    begins_with: int = 1
    """How many items a subscription brings before it goes live."""
    variables: dict[str, Any] = field(default_factory=dict)
    path: str = "/graphql"


class Socket(asyncio.Protocol):
    """One connection: it says who asks and what he wants, then it counts."""

    def __init__(self, run: Run, token: str) -> None:
        self.run, self.token, self.buffer, self.is_open = run, token, b"", False
        self.begun = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        order = self.run.order
        self.transport.write(
            f"GET {order.path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
            f"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            f"sec-websocket-protocol: {PROTOCOL}\r\n\r\n".encode()
        )

    def _ask(self) -> None:
        order = self.run.order
        payload = {"query": order.subscription, "variables": order.variables}
        self.say({"type": "connection_init", "payload": {"authorization": f"Bearer {self.token}"}})
        self.say({"type": "subscribe", "id": "1", "payload": payload})
        if not order.begins_with:
            self.run.begun()

    def say(self, message: dict[str, Any]) -> None:
        """A frame under the mask of zeros."""
        text = json.dumps(message).encode()
        size = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + len(text).to_bytes(2)
        self.transport.write(b"\x81" + size + b"\0\0\0\0" + text)

    def data_received(self, data: bytes) -> None:
        buffer = self.buffer + data if self.buffer else data
        at = 0
        if not self.is_open:
            if (end := buffer.find(b"\r\n\r\n")) < 0:
                self.buffer = buffer
                return
            self.is_open, at = True, end + 4
            self._ask()
        wanted, counted, end = self.run.wanted, 0, len(buffer)
        while end - at >= 2:
            begin, size = at + 2, buffer[at + 1]
            if size == 126:
                begin, size = at + 4, int.from_bytes(buffer[at + 2 : at + 4])
            if end < begin + size:
                break
            at = begin + size
            if buffer.find(wanted, begin, at) >= 0 and self.begun >= self.run.order.begins_with:
                counted += 1
            else:
                self._other(buffer[begin:at])
        self.buffer = buffer[at:]
        if counted:
            self.run.counted(counted)

    def _other(self, frame: bytes) -> None:
        if frame.startswith(b'{"type":"ping"'):
            self.say({"type": "pong"})
        elif b'"next"' in frame and b'"Lagged"' not in frame and b'"errors"' not in frame:
            self.begun += 1
            if self.begun == self.run.order.begins_with:
                self.run.begun()
        elif b'"connection_ack"' not in frame:
            self.run.fail(RuntimeError(f"a frame that was not wanted: {frame[:500]!r}"))

    def connection_lost(self, _error: Exception | None) -> None:
        self.run.fail(RuntimeError(f"the server closed a connection: {self.buffer[:500]!r}"))


class Run:
    """One order while it is carried out, shared by all its sockets."""

    def __init__(self, order: Order) -> None:
        self.order, self.wanted = order, order.wanted.encode()
        self.waiting = len(order.tokens)
        self.arrivals: list[tuple[float, int]] = []
        self.seen, self.awaited = 0, 0
        self.opened_at = time.monotonic()
        self.reached = asyncio.get_running_loop().create_future()

    async def open(self) -> None:
        loop, at_once = asyncio.get_running_loop(), asyncio.Semaphore(OPENED_AT_ONCE)

        async def one(token: str) -> None:
            async with at_once:
                await loop.create_connection(lambda: Socket(self, token), "127.0.0.1", self.order.port)

        for token in self.order.tokens:  # one after the other: the first is number 0, and so on
            await one(token)
        await self._come()

    async def expect(self, number: int, since: float) -> Sample:
        """When so many have come, counted from the last that were expected; `since` 0 is when the sockets opened."""
        self.awaited, since = number, since or self.opened_at
        if self.seen < number:
            await self._come()
        arrivals, self.arrivals, self.seen, self.awaited = self.arrivals, [], 0, 0
        took = [(at - since) * 1000 for at, counted in arrivals for _ in range(counted)]
        return summary(arrivals[-1][0] - since, took)

    async def _come(self) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            await self.reached
        self.reached = asyncio.get_running_loop().create_future()

    def begun(self) -> None:
        self.waiting -= 1
        if not self.waiting:
            self.reached.set_result(None)

    def counted(self, number: int) -> None:
        self.arrivals.append((time.monotonic(), number))
        self.seen += number
        if self.seen >= self.awaited > 0 and not self.reached.done():
            self.reached.set_result(None)

    def fail(self, error: Exception) -> None:
        if not self.reached.done():
            self.reached.set_exception(error)
