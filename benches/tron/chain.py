"""The sandbox as the node: a process of its own, whose chain does nothing but what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import httpx

from benches.world import World

AT_ONCE = 16


class Chain:
    """Blocks are mined by hand, and are solid at once."""

    def __init__(self, http: httpx.AsyncClient, port: int) -> None:
        self.http, self.url = http, f"http://127.0.0.1:{port}/tron"

    async def tell(self, what: str, **given: Any) -> Any:
        answer = await self.http.post(f"/control/{what}", json=given)
        answer.raise_for_status()
        return answer.json()

    async def pay(self, addresses: Iterable[str], amount: int) -> None:
        """Coins to each, a transaction for each; they are in the next block."""
        await all_of(addresses, lambda to: self.tell("tron/deposit", address=to, amount=str(amount), magic=False))

    async def mine(self, blocks: int = 1) -> None:
        await self.tell("tron/mine", blocks=blocks)

    async def head(self) -> int:
        """The number of the newest block."""
        return int((await self.http.get("/control/tron/chain", params={"after": 10**12})).json()["head"])

    async def answer_in(self, seconds: float) -> None:
        """Every answer takes so long."""
        await self.tell("tron/settings", answerSeconds=seconds)

    async def fall_silent(self) -> None:
        """Nothing is answered any more."""
        await self.tell("script", system="tron", operation="*", outcome="timeout", times=1_000_000)

    async def asked(self) -> list[dict[str, Any]]:
        """Every call that the node got since it was last asked for this."""
        answer = await self.http.get("/control/calls", params={"system": "tron", "after": self._heard})
        calls: list[dict[str, Any]] = answer.json()["calls"]
        self._heard = calls[-1]["number"] if calls else self._heard
        return calls

    _heard = 0


async def all_of(given: Iterable[Any], do: Callable[[Any], Awaitable[object]], at_once: int = AT_ONCE) -> None:
    """So many at once, until none is left."""
    left = iter(given)

    async def work() -> None:
        for one in left:
            await do(one)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(work())


@asynccontextmanager
async def chain(world: World) -> AsyncIterator[Chain]:
    async with (
        world.serve("sandbox", sandbox_block_seconds=0, sandbox_solid_after=0) as process,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{process.port}", trust_env=False, timeout=60) as http,
    ):
        yield Chain(http, process.port)
