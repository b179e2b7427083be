"""The processes that serve: the API, and the worker with its side door. Each ends cleanly on SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine, Iterator
from typing import Any

import structlog
import uvicorn
from starlette.applications import Starlette

from gateways.wiring import worker_gateways
from jobs.worker import Worker
from models import database
from server.app import app
from server.logs import configure_logs
from server.telemetry import configure_sentry, database_answers, health_routes, redis_answers
from settings import settings

log = structlog.get_logger("server")


def serve_api() -> None:
    """Runs until it is told to stop; then takes no new requests and ends those it has."""
    configure_logs("api")
    configure_sentry("api")
    with asyncio.Runner(loop_factory=_loop) as runner:
        runner.run(_answer())


def serve_worker() -> int:
    """Runs until it is told to stop, or a part of it ended by itself. The exit code."""
    configure_logs("worker")
    configure_sentry("worker")
    with asyncio.Runner(loop_factory=_loop) as runner:
        return runner.run(_work())


def _loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop  # noqa: PLC0415  not on every platform
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _uvicorn(port: int) -> dict[str, Any]:
    return {
        "host": settings().host,
        "port": port,
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "timeout_graceful_shutdown": 10,
        "h11_max_incomplete_event_size": 32 * 1024,
        "ws": "websockets-sansio",
        "ws_max_size": settings().socket_frame_max_bytes,
        "ws_ping_interval": None,  # the protocol has pings of its own
        "ws_per_message_deflate": False,
    }


class _Server(uvicorn.Server):
    """uvicorn without its own signals: it would end by the one it was told to stop with, as if it had been killed."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _answer() -> None:
    served = app()
    server = _Server(uvicorn.Config(served, **_uvicorn(settings().port)))

    def end(number: int) -> None:
        served.state.feed.stopping.set()  # streams end; their clients come again elsewhere. Sockets uvicorn closes itself
        server.handle_exit(number, None)

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end, number)
    await server.serve()


async def _work() -> int:
    """The worker and its side door, until a signal or until a part of the worker ended by itself."""
    async with worker_gateways() as outside:
        await database.connect()
        return await _work_with(Worker(outside))


async def _work_with(worker: Worker) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    async def worker_works() -> None:
        if not worker.healthy:
            raise RuntimeError("a part of the worker does not go on")

    probes = {"database": database_answers, "redis": redis_answers, "worker": worker_works}
    door = Starlette(routes=health_routes(probes))
    side = _Server(uvicorn.Config(door, lifespan="off", **_uvicorn(settings().port + 1)))
    served = asyncio.create_task(side.serve())
    try:
        if await _unless(stop, worker.start()):
            log.info("worker_started")
            ends = [asyncio.create_task(event.wait()) for event in (stop, worker.failed)]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        side.should_exit = True
        await worker.stop()
        await served
        await database.disconnect()
    log.info("worker_stopped", failed=worker.failed.is_set())
    return 1 if worker.failed.is_set() else 0


async def _unless(stop: asyncio.Event, begin: Coroutine[Any, Any, None]) -> bool:
    """Whether the beginning came to its end before it was told to stop: Redis may be long out of reach."""
    beginning, told = asyncio.create_task(begin), asyncio.create_task(stop.wait())
    await asyncio.wait([beginning, told], return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if not beginning.done():
        beginning.cancel()
        return False
    await beginning
    return True
