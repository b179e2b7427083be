"""A real API on a port of its own, and the relay beside it, in the process of the test."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import connect

from jobs.relay import Relay
from jobs.waking import Waker
from models.events import log, positions
from models.kernel.tasks import cancelled
from server.app import app
from server.serving import _Server, _uvicorn
from tests.feed.dashboard import PROTOCOL, Dashboard, dashboard, let_in
from tests.feed.wire import Wire


class Api:
    """One API process, but for the process."""

    def __init__(self) -> None:
        self.app = app()
        self.server = _Server(uvicorn.Config(self.app, lifespan="off", **_uvicorn(0)))
        self.port = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    async def __aenter__(self) -> Api:
        self._serving = asyncio.create_task(self.server.serve())
        while not self.server.started:
            await asyncio.sleep(0.005)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.app.state.feed.stopping.set()
        self.server.should_exit = True
        await self._serving
        await self.app.state.feed.stop()


@asynccontextmanager
async def running(*parts: Any) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Loops of the worker, for as long as the block lasts."""
    tasks = [asyncio.create_task(part.run()) for part in parts]
    try:
        yield tasks
    finally:
        await cancelled(tasks)


@pytest.fixture
async def served(database: None, redis: Any) -> AsyncIterator[Api]:
    async with Api() as api:
        yield api


@pytest.fixture
async def relay(database: None, redis: Any) -> AsyncIterator[Relay]:
    relay = Relay()
    async with running(relay, Waker()):
        yield relay


@pytest.fixture
async def watch(served: Api, relay: Relay) -> AsyncIterator[Callable[..., Awaitable[Dashboard]]]:
    """Open a dashboard: `board = await watch(make.operator)`."""
    open_ones: list[Dashboard] = []

    async def opened(by: Any, **options: Any) -> Dashboard:
        open_ones.append(await let_in(served.url, by.token, **options))
        return open_ones[-1]

    yield opened
    for board in open_ones:
        await board.close()


@pytest.fixture
async def wire(served: Api) -> AsyncIterator[Callable[..., Awaitable[Wire]]]:
    """Open a socket: `await wire()`, or `await wire(make.operator)` for one that was let in."""
    async with AsyncExitStack() as open_ones:

        async def opened(by: Any = None, **options: Any) -> Wire:
            how = {"subprotocols": [PROTOCOL], "ping_interval": None, "proxy": None, "close_timeout": 1} | options
            wire = Wire(await open_ones.enter_async_context(connect(served.url, **how)))
            if by is not None:
                await wire.let_in(by.token)
            return wire

        yield opened


@pytest.fixture
def quiet_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever the other side does, it is no bug of ours."""
    yield
    bad = [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert not bad, [record.getMessage() for record in bad]


async def placed() -> None:
    """Wait until every event has its place."""
    async with asyncio.timeout(5):
        while (await positions.waiting())[0]:
            await asyncio.sleep(0.005)


__all__ = ["Api", "dashboard", "log", "placed", "running"]
