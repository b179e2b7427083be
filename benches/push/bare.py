"""What the feed is held against: ready-made text from Redis to sockets, with nothing in between.

`python -m benches.push.bare` is Starlette under uvicorn, with the API's own server settings. What is published on
`bare:all` goes to every socket, on `bare:7` to the eighth that came. It checks no token, reads no document, keeps
nothing: what is published while nobody listens is lost. On `/log` it sends the log behind a position, a page at a time,
each event as PostgreSQL holds it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson
import uvicorn
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from models import database
from server import serving
from server.graphql.socket import PROTOCOL
from settings import settings

CHANNEL = "bare:"
PAGE = """SELECT p.position, e.snapshot FROM place p JOIN event e ON e.id = p.event_id
           WHERE p.position > $1 ORDER BY p.position LIMIT $2"""


def message(content: dict[str, Any], size: int = 0) -> str:
    """An item as the API frames it, filled up to a size."""
    text = orjson.dumps({"id": "1", "type": "next", "payload": {"data": {"events": content}}}).decode()
    return f"{text[:-1]}{' ' * (size - len(text))}{text[-1]}"


class Bare:
    """The sockets, in the order in which they came, and what they are told."""

    def __init__(self) -> None:
        self.sockets: list[WebSocket] = []

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        self.pool = await asyncpg.create_pool(**database.credentials(settings().database_url), min_size=1, max_size=2)
        telling = asyncio.create_task(self._tell())
        yield
        telling.cancel()
        await self.pool.close()

    async def _tell(self) -> None:
        pubsub = Redis.from_url(settings().redis_url).pubsub(ignore_subscribe_messages=True)
        await pubsub.psubscribe(f"{CHANNEL}*")
        async for told in pubsub.listen():
            name, text = told["channel"].decode().removeprefix(CHANNEL), told["data"].decode()
            for socket in self.sockets if name == "all" else [self.sockets[int(name)]]:
                await socket.send_text(text)

    async def live(self, socket: WebSocket) -> None:
        await socket.accept(PROTOCOL)
        self.sockets.append(socket)
        try:
            async for _ in socket.iter_text():
                pass
        finally:
            self.sockets.remove(socket)

    async def log(self, socket: WebSocket) -> None:
        await socket.accept(PROTOCOL)
        await socket.receive_text()  # who asks: it does not matter
        asked = orjson.loads(await socket.receive_text())
        position = asked["payload"]["variables"]["position"]
        while rows := await self.pool.fetch(PAGE, position, settings().feed_page):
            for row in rows:
                await socket.send_text(f'{{"id":"1","type":"next","payload":{row["snapshot"]}}}')
            position = rows[-1]["position"]
        await socket.receive_text()


if __name__ == "__main__":
    bare = Bare()
    routes = [WebSocketRoute("/graphql", bare.live), WebSocketRoute("/log", bare.log)]
    uvicorn.run(Starlette(routes=routes, lifespan=bare.lifespan), **serving._uvicorn(settings().port))
