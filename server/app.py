"""The API: GraphQL over HTTP, health, metrics, and GraphiQL in development."""

from __future__ import annotations

import asyncio
import gc
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from gateways.addresses import FOLDER
from gateways.wiring import ApiGateways, api_gateways
from jobs.waking import Waker
from models import database
from models.kernel.tasks import cancelled
from server.attachments import attachment
from server.bodies import LargeBodies
from server.feed import Feed
from server.graphql.connections import Connections
from server.graphql.http import endpoint
from server.graphql.posting import UPLOAD_HEADER
from server.graphql.schema import documents
from server.graphql.socket import Socket
from server.telemetry import database_answers, health_routes, redis_answers
from server.webhooks import webhook
from settings import settings

LOCALHOST = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    async with api_gateways() as app.state.outside:
        documents()  # the schema is built before the first request, not by it
        await database.connect()
        gc.collect()
        gc.freeze()  # what was imported stays; the collector need not walk it again
        waker = asyncio.create_task(Waker().run(), name="waker")
        try:
            yield
        finally:
            await app.state.feed.stop()
            await cancelled([waker])
            await database.disconnect()


async def _socket(websocket: WebSocket) -> None:
    """A socket, unless a browser brings it from a page that we do not know."""
    origin = websocket.headers.get("origin")
    known = origin is None or origin in settings().allowed_origins
    if known or (settings().development and re.fullmatch(LOCALHOST, origin or "")):
        await Socket(websocket).serve()
    else:
        await websocket.close()


async def _graphiql(_request: Request) -> Response:
    page = files("strawberry").joinpath("static/graphiql.html").read_text(encoding="utf-8")
    return HTMLResponse(page.replace("{{ SUBSCRIPTION_ENABLED }}", "true"))


def app() -> Starlette:
    """The ASGI application of one API process."""
    methods = ["POST", "GET"] if settings().development else ["POST"]
    routes = [
        Route("/graphql", endpoint, methods=methods),
        WebSocketRoute("/graphql", _socket),
        Route("/webhooks/{system}", webhook, methods=["POST"]),
        Route(f"/{FOLDER}/{{token}}", attachment, methods=["GET"]),
        *health_routes({"database": database_answers, "redis": redis_answers}),
    ]
    if settings().development:
        routes.append(Route("/graphiql", _graphiql))
    cors = Middleware(
        CORSMiddleware,
        allow_origins=list(settings().allowed_origins),
        allow_origin_regex=LOCALHOST if settings().development else None,
        allow_methods=["POST", "GET"],
        allow_headers=["authorization", "content-type", "x-request-id", "last-event-id", UPLOAD_HEADER],
        expose_headers=["x-request-id"],
        max_age=600,
    )
    served = Starlette(routes=routes, middleware=[cors], lifespan=_lifespan)
    served.state.feed, served.state.connections = Feed(), Connections()
    served.state.large, served.state.outside = LargeBodies(), ApiGateways()  # until it starts
    return served
