"""What the API is held against: the same rows by the same SQL as the same JSON, with nothing in between.

`python -m benches.floor person` (or `page`) is Starlette, asyncpg and orjson under uvicorn, with the API's own server
settings. It checks no token, parses no document, and its answer is made by hand. Its SQL is recorded from the API's own
reads, so that it stays the same when they change.
`python -m benches.floor constant` always answers the same, from a bare socket: how fast the load generator is.
"""

from __future__ import annotations

import asyncio
import base64
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import ModuleType
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
from models.deals import reads as deals
from models.kernel import pages
from models.kernel.money import EXPONENTS
from models.kernel.pages import Cut
from models.kernel.sql import Row, Sql
from models.kernel.viewer import OPERATOR, Viewer
from models.people import reads as people
from server import serving
from settings import settings

SAMPLE = 4_711
PAGE, CURRENCY, COST = 50, "EUR", 901
STAFF = Viewer("floor", frozenset({OPERATOR}))
CONSTANT = b'{"data":{"person":{"number":1,"name":"Person 1","version":0,"balances":[' + b"0" * 350 + b"]}}}"


class Floor:
    """An endpoint and its pool. What it answers is made by hand, out of rows that it reads as the API does."""

    pool: asyncpg.Pool
    reads: list[Sql]

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        self.reads = await self.recorded()
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
        variables = orjson.loads(await request.body())["variables"]
        data, cost = await self.data(variables)
        answer = {"data": data, "extensions": {"cost": {"requested": cost, "limit": settings().query_cost_max}}}
        return Response(orjson.dumps(answer), media_type="application/json; charset=utf-8")

    async def recorded(self) -> list[Sql]:
        """The reads that the API makes."""
        raise NotImplementedError

    async def data(self, variables: dict[str, Any]) -> tuple[dict[str, Any], int]:
        """The answer, and what it would cost."""
        raise NotImplementedError

    async def fetch(self, query: Sql, replaced: dict[str, Any]) -> list[Row]:
        """The rows of a recorded read, with other values in place of these."""
        text, values = query.render()
        async with self.pool.acquire() as db:
            rows: list[Row] = await db.fetch(text, *(replaced.get(repr(value), value) for value in values))
            return rows


async def record(module: ModuleType, read: Callable[[], Awaitable[object]]) -> list[Sql]:
    """What is sent to the database by a read that fetches by this module's `fetch`."""
    seen: list[Sql] = []

    async def fetch(query: Sql) -> list[Any]:
        seen.append(query)
        return []

    real = module.fetch
    module.fetch = fetch  # type: ignore[attr-defined]
    try:
        await read()
    finally:
        module.fetch = real  # type: ignore[attr-defined]
    return seen


class PersonFloor(Floor):
    async def recorded(self) -> list[Sql]:
        person = await record(people, lambda: people.persons(STAFF, [SAMPLE]))
        return person + await record(people, lambda: people.balances([SAMPLE]))

    async def data(self, variables: dict[str, Any]) -> tuple[dict[str, Any], int]:
        number = variables["number"]
        mine = {repr([SAMPLE]): [number], repr([f"person:{SAMPLE}"]): [f"person:{number}"]}
        [person], balances = [await self.fetch(query, mine) for query in self.reads]
        known = {row["currency"]: row for row in balances}
        nothing = {"available": 0, "held": 0}
        told = [
            {"currency": code, **{name: {"amount": _amount(row[name] or 0, code)} for name in nothing}}
            for code in settings().deal_currencies
            for row in (known.get(code, nothing),)
        ]
        shown = {"number": person["id"], "name": person["name"], "version": person["version"], "balances": told}
        return {"person": shown}, 10


class DealsFloor(Floor):
    async def recorded(self) -> list[Sql]:
        wanted = deals.Wanted(currency=CURRENCY)
        return await record(pages, lambda: deals.listed(STAFF, wanted, deals.NEWEST, Cut(first=PAGE)))

    async def data(self, variables: dict[str, Any]) -> tuple[dict[str, Any], int]:
        rows = (await self.fetch(self.reads[0], {repr(CURRENCY): variables["currency"]}))[: variables["first"]]
        end = _base64(orjson.dumps(["deal", rows[-1]["id"]]))
        told = {"edges": [{"node": _deal(row)} for row in rows], "pageInfo": {"hasNextPage": True, "endCursor": end}}
        return {"deals": told}, COST


def _deal(row: Row) -> dict[str, Any]:
    return {
        "id": _base64(f"Deal:{row['id']}".encode()),
        "number": row["id"],
        "title": row["title"],
        "status": row["status"].upper(),
        "version": row["version"],
        "createdAt": row["created_at"].isoformat().replace("+00:00", "Z"),
        "hasOpenDispute": row["dispute_status"] == "open",
        "overdue": row["overdue"],
        "price": {"amount": _amount(row["price_minor"], row["currency"]), "currency": row["currency"]},
        "customer": {"number": row["customer_id"]},
    }


def _base64(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def _amount(minor: int, currency: str) -> str:
    unit = 10 ** EXPONENTS[currency]
    return f"{minor // unit}.{minor % unit:0{EXPONENTS[currency]}}"


FLOORS: dict[str, type[Floor]] = {"person": PersonFloor, "page": DealsFloor}


def serve(floor: Floor) -> None:
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
    if sys.argv[1] in FLOORS:
        serve(FLOORS[sys.argv[1]]())
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve_constant())
