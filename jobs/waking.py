"""The wake-up between processes: whoever commits pokes, the relay looks at once. Best effort; a poll is the net."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from models.events import wake
from settings import settings

CHANNEL = "saldo:wake"
PAUSE_SECONDS = 0.2


ILL = (RedisError, OSError)
"""How Redis fails: gone, or there and refusing, as one does that is out of memory or a replica."""


def redis_client(*, seconds: float | None = 5) -> Redis:
    """A client that says within some seconds when Redis is gone or hangs. None: it waits for what may never come, on a
    connection that is known to live."""
    url = settings().redis_url
    alive: dict[str, Any] = {} if url.startswith("unix:") else {"socket_keepalive": True}
    client: Redis = Redis.from_url(
        url, socket_connect_timeout=1, **(alive if seconds is None else {"socket_timeout": seconds})
    )
    return client


class Waker:
    """Pokes the relay after the commits of this process: with one message, however many there were meanwhile."""

    name, healthy = "waker", True

    def __init__(self) -> None:
        self._wanted = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        client, take_out = redis_client(), wake.install(self._wanted.set)
        try:
            while await self._wanted.wait():
                self._wanted.clear()
                try:
                    await client.publish(CHANNEL, b"")
                except ILL:
                    await asyncio.sleep(PAUSE_SECONDS)  # the relay polls more often meanwhile
        finally:
            take_out()
            await client.aclose()


class Listener:
    """Hears the pokes. `heard` is set by each, and by the return of Redis; `deaf` while Redis is gone."""

    def __init__(self) -> None:
        self.heard, self.deaf = asyncio.Event(), True

    async def run(self) -> None:
        while True:
            client = redis_client(seconds=None)
            try:
                await self._hear(client)
            except ILL:
                self.deaf = True
                await asyncio.sleep(PAUSE_SECONDS)
            finally:
                with contextlib.suppress(*ILL):
                    await client.aclose()

    async def _hear(self, client: Redis) -> None:
        pubsub = client.pubsub(ignore_subscribe_messages=True)
        await pubsub.subscribe(CHANNEL)
        self.deaf = False
        self.heard.set()
        async for _ in pubsub.listen():
            self.heard.set()
