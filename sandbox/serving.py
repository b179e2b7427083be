"""The sandbox as a process, until a signal."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator

import uvicorn

from sandbox.app import app
from settings import settings


class _Server(uvicorn.Server):
    """uvicorn without its own signals: it would end by the one it was told to stop with, as if it had been killed."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve() -> None:
    asyncio.run(_answer())


async def _answer() -> None:
    played = app()
    config = uvicorn.Config(
        played,
        host=settings().host,
        port=settings().sandbox_port,
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=3,
    )
    server = _Server(config)

    def end(number: int) -> None:
        played.state.world.stopping.set()  # calls that are being held end
        server.handle_exit(number, None)

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end, number)
    await server.serve()
