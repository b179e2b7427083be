"""The whole sandbox as one ASGI application. Each call of `app` makes a world of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from sandbox import control
from sandbox.bank.system import Bank
from sandbox.billing.system import Billing
from sandbox.door import RAW_SEND
from sandbox.providers.system import Moodypay, Quickpay
from sandbox.receiver.system import Receiver
from sandbox.support.system import Support
from sandbox.transfers.system import Transfers
from sandbox.tron.system import Tron
from sandbox.wallets.system import Wallets
from sandbox.world import System, World
from settings import settings

SYSTEMS: tuple[type[System], ...] = (
    Tron, Bank, Wallets, Transfers, Billing, Quickpay, Moodypay, Support, Receiver,
)  # fmt: skip
"""Another outside system is one folder and its name here."""


class _Sandbox(Starlette):
    """Keeps the server's own `send` at hand: who breaks a connection needs it bare."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[RAW_SEND] = send
        await super().__call__(scope, receive, send)


def app() -> Starlette:
    """All its state is `app.state.world`. The chain's clock runs between the start and the end of the lifespan."""
    if not settings().development:
        raise RuntimeError("The sandbox plays the outside world in development only (SALDO_ENV=development).")
    world = World(SYSTEMS)
    routes = [Route("/healthz", _healthz), *control.routes(world)]
    for system in world.systems.values():
        routes += [*system.routes(), *system.control()]

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with world.running():
            yield

    made = _Sandbox(routes=routes, lifespan=lifespan)
    made.state.world = world
    return made


async def _healthz(_request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})
