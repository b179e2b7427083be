"""Sockets that only count, in a process of their own.

`python -m benches.push.listener` reads what to open (JSON, one line) from stdin, opens it and prints "ready"; then each
line tells how many deliveries to wait for and since when, and is answered by what was seen.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

import uvloop

from benches.measure import Sample
from benches.push.sockets import Order, Run

SOCKETS_MAX = 5_000


class Listener:
    """The other end of such a process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process: Any = process

    async def expect(self, number: int, since: float = 0.0) -> Sample:
        """How fast so many deliveries came, and how long after `since` (monotonic; else their opening) each did."""
        self._process.stdin.write(json.dumps([number, since]).encode() + b"\n")
        return Sample(**json.loads(await self._line()))

    async def _line(self) -> bytes:
        line: bytes = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("the listener failed; see above")
        return line


@asynccontextmanager
async def listening(order: Order) -> AsyncIterator[Listener]:
    """Sockets that are open, with subscriptions that are live, until the block ends."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benches.push.listener"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**20,
    )
    listener: Any = Listener(process)
    try:
        process.stdin.write(json.dumps(asdict(order)).encode() + b"\n")  # type: ignore[union-attr]
        await listener._line()
        yield listener
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _carry_out(order: Order) -> None:
    if not 0 < len(order.tokens) <= SOCKETS_MAX:
        raise ValueError(f"at most {SOCKETS_MAX} sockets")
    run = Run(order)
    await run.open()
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(asdict(await run.expect(*json.loads(line)))), flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_carry_out(Order(**json.loads(sys.stdin.readline()))))
