"""What the API is held against: the same rows by the same SQL as the same JSON, with nothing in between.

`python -m benches.floor person` is Starlette, asyncpg and orjson under uvicorn, with the API's own server settings. It
checks no token, parses no document, and its answer is made by hand. Its SQL is recorded from the API's own reads, so
that it stays the same when they change.
`python -m benches.floor constant` always answers the same, from a bare socket: how fast the load generator is.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models import database
from models.kernel.money import EXPONENTS
from models.kernel.sql import Row, Sql
from models.kernel.viewer import OPERATOR, Viewer
from models.people import reads
from server import serving
from settings import settings

SAMPLE = 4_711
CONSTANT = b'{"data":{"person":{"number":1,"name":"Person 1","version":0,"balances":[' + b"0" * 350 + b"]}}}"


async def recorded() -> tuple[Sql, Sql]:
    """The two reads that the API makes of one person with balances."""
    seen: list[Sql] = []

    async def fetch(query: Sql) -> list[Any]:
        seen.append(query)
        return []

    real, reads.fetch = reads.fetch, fetch  # type: ignore[assignment]
    try:
        await reads.persons(Viewer("floor", frozenset({OPERATOR})), [SAMPLE])
        await reads.balances([SAMPLE])
    finally:
        reads.fetch = real
    person, balances = seen
    return person, balances


class Floor:
    """The endpoint and its pool."""

    pool: asyncpg.Pool
    reads: tuple[Sql, Sql]

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        self.reads = await recorded()
        self.pool = await asyncpg.create_pool(
            **database.credentials(settings().database_url),
            min_size=settings().database_pool_min,
            max_size=settings().database_pool_max,
            connection_class=database.Connection,
            server_settings=database.server_settings(),
        )
        yield
        await self.pool.close()

    async def endpoint(self, request: Request) -> Response:
        number = orjson.loads(await request.body())["variables"]["number"]
        [person], balances = await self._read(0, number), await self._read(1, number)
        answer = {
            "data": {
                "person": {
                    "number": person["id"],
                    "name": person["name"],
                    "version": person["version"],
                    "balances": _balances(balances),
                }
            },
            "extensions": {"cost": {"requested": 10, "limit": settings().query_cost_max}},
        }
        return Response(orjson.dumps(answer), media_type="application/json; charset=utf-8")

    async def _read(self, which: int, number: int) -> list[Row]:
        text, values = self.reads[which].render()
        mine = {repr([SAMPLE]): [number], repr([f"person:{SAMPLE}"]): [f"person:{number}"]}
        async with self.pool.acquire() as db:
            rows: list[Row] = await db.fetch(text, *(mine.get(repr(value), value) for value in values))
            return rows


def _balances(rows: list[Row]) -> list[dict[str, Any]]:
    known = {row["currency"]: row for row in rows}
    nothing = {"available": 0, "held": 0}
    return [
        {"currency": code, **{name: {"amount": _amount(row[name] or 0, code)} for name in nothing}}
        for code in settings().deal_currencies
        for row in (known.get(code, nothing),)
    ]


def _amount(minor: int, currency: str) -> str:
    unit = 10 ** EXPONENTS[currency]
    return f"{minor // unit}.{minor % unit:0{EXPONENTS[currency]}}"


def serve_person() -> None:
    floor = Floor()
    app = Starlette(routes=[Route("/graphql", floor.endpoint, methods=["POST"])], lifespan=floor.lifespan)
    uvicorn.run(app, **serving._uvicorn(settings().port))


class Constant(asyncio.Protocol):
    """Answers whatever comes in one piece."""

    ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (
        len(CONSTANT),
        CONSTANT,
    )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, _data: bytes) -> None:
        self.transport.write(self.ANSWER)


async def serve_constant() -> None:
    server = await asyncio.get_running_loop().create_server(Constant, settings().host, settings().port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1:] == ["person"]:
        serve_person()
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve_constant())
