"""A small HTTP/1.1 load generator: keep-alive clients, one request at a time each, to this machine only.

`python -m benches.load` reads an order (JSON) from stdin and prints what it saw. In a body `@NUMBER@` becomes the
number of a random person, `@NEXT@` the next one of a row, and `@KEY@` a key that no other request has. An answer counts
if its status is 200 and it holds `must_contain`; any other ends the run. Where there is something to send `then`, the two
requests share their number and key, and count as one.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import sys
import time
from dataclasses import asdict, dataclass, field
from ipaddress import ip_address
from typing import Any

import uvloop

from benches.measure import Pace, Sample, summary
from benches.world import PERSONS, Process

REQUESTS_MAX, CONNECTIONS_MAX, SECONDS_MAX = 2_000_000, 256, 60


@dataclass(frozen=True)
class Order:
    """What to send, by how many, and for how long."""

    port: int
    body: str
    must_contain: str
    connections: int
    seconds: float
    warm_up_seconds: float
    headers: dict[str, str] = field(default_factory=dict)
    path: str = "/graphql"
    host: str = "127.0.0.1"
    persons: int = PERSONS
    first: int = 1
    """What `@NEXT@` begins with."""
    then: str = ""
    """What a client sends once `body` was answered."""

    def __post_init__(self) -> None:
        if not ip_address(self.host).is_loopback:
            raise ValueError("only this machine is measured")
        if not 0 < self.connections <= CONNECTIONS_MAX or self.seconds + self.warm_up_seconds > SECONDS_MAX:
            raise ValueError(f"at most {CONNECTIONS_MAX} connections for {SECONDS_MAX} seconds")


class Run:
    """One order while it is carried out, shared by all clients."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.must_contain = order.must_contain.encode()
        self.begin = time.perf_counter() + order.warm_up_seconds
        self.end = self.begin + order.seconds
        self.all, self.latencies_ms = 0, list[float]()
        self.done = asyncio.get_running_loop().create_future()
        self.open = order.connections
        named = {"host": order.host, "content-type": "application/json", **order.headers}
        self._head = f"POST {order.path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in named.items())
        self._next = itertools.count(order.first)
        self._keys, self._own = itertools.count(), f"{os.getpid()}-{time.time_ns()}"
        self._bodies = [body for body in (order.body, order.then) if body]
        self._is_constant = not any("@" in body for body in self._bodies)

    def requests(self) -> list[bytes]:
        """What a client sends one after the other."""
        bodies = self._bodies
        if not self._is_constant:
            given = {"@NUMBER@": str(random.randint(1, self.order.persons)), "@KEY@": f"{self._own}-{next(self._keys)}"}
            if any("@NEXT@" in body for body in bodies):
                given["@NEXT@"] = str(next(self._next))
            for mark, value in given.items():
                bodies = [body.replace(mark, value) for body in bodies]
        return [f"{self._head}content-length: {len(body)}\r\n\r\n{body}".encode("ascii") for body in bodies]

    def answered(self, started: float, head: bytes, body: bytes, *, whole: bool) -> bool:
        """Count an answer, if it is the last one of what counts as one. Whether to go on."""
        now = time.perf_counter()
        if not head.startswith(b"HTTP/1.1 200 ") or self.must_contain not in body:
            self.fail(RuntimeError(f"an answer that was not wanted:\n{(head + body)[:2000].decode()}"))
            return False
        if not whole:
            return True
        self.all += 1
        if started >= self.begin and now <= self.end:
            self.latencies_ms.append((now - started) * 1000)
        return now < self.end and self.all < REQUESTS_MAX

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)

    def closed(self) -> None:
        self.open -= 1
        if not self.open and not self.done.done():
            self.done.set_result(None)


class Client(asyncio.Protocol):
    """One connection: the next request goes out when the answer to the last one is whole."""

    def __init__(self, run: Run) -> None:
        self.run, self.buffer, self.started, self.finished = run, b"", 0.0, False
        self.rest: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self._send()

    def _send(self) -> None:
        if not self.rest:
            self.rest = self.run.requests()
            self.started = time.perf_counter()
        self.transport.write(self.rest.pop(0))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        at = self.buffer.find(b"content-length: ", 0, end)
        if at < 0:
            self.run.fail(RuntimeError("an answer that does not say how long it is"))
            self.transport.close()
            return
        size = int(self.buffer[at + 16 : self.buffer.index(b"\r\n", at)])
        if len(self.buffer) < end + 4 + size:
            return
        head, body, self.buffer = self.buffer[:end], self.buffer[end + 4 :], b""
        if self.run.answered(self.started, head, body, whole=not self.rest):
            self._send()
        else:
            self.finished = True
            self.transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.finished:
            self.run.fail(RuntimeError("the server closed a connection"))
        self.run.closed()


async def carry_out(order: Order) -> dict[str, object]:
    """Carry out an order in this process."""
    loop, run = asyncio.get_running_loop(), Run(order)
    for _ in range(order.connections):
        await loop.create_connection(lambda: Client(run), order.host, order.port)
    async with asyncio.timeout(order.seconds + order.warm_up_seconds + 20):
        await run.done
    cpu = sum(os.times()[:2])
    return {"all": run.all, "cpu_us": cpu * 1e6 / run.all, "sample": asdict(summary(order.seconds, run.latencies_ms))}


async def load(
    server: Process,
    pace: Pace,
    body: str,
    must_contain: str,
    connections: int,
    headers: dict[str, str] | None = None,
    *,
    first: int = 1,
    then: str = "",
    persons: int = PERSONS,
) -> tuple[Sample, float]:
    """Have an order carried out by a process of its own. What it saw, and its own processor time for each request."""
    order = Order(
        server.port,
        body,
        must_contain,
        connections,
        pace.seconds,
        pace.warm_up_seconds,
        headers=headers or {},
        persons=persons,
        first=first,
        then=then,
    )
    before = server.cpu_seconds()
    generator = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benches.load"), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await generator.communicate(json.dumps(asdict(order)).encode())
    if generator.returncode != 0:
        raise RuntimeError("the load generator failed; see above")
    seen, after = json.loads(said), server.cpu_seconds()
    used = None if before is None or after is None else (after - before) * 1e6 / seen["all"]
    return Sample(**seen["sample"] | {"cpu_us": used}), seen["cpu_us"]


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(carry_out(Order(**json.load(sys.stdin))))))
