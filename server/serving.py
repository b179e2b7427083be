"""The processes that serve: the API, and the worker with its side door. Each ends cleanly on SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from typing import Any

import structlog
import uvicorn
from starlette.applications import Starlette

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
    uvicorn.run(app(), **_uvicorn(settings().port))


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
    }


class _SideDoor(uvicorn.Server):
    """Health and metrics of a process that has its own way to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _work() -> int:
    await database.connect()
    worker, stop = Worker(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    async def worker_works() -> None:
        if not worker.healthy:
            raise RuntimeError("a part of the worker does not go on")

    probes = {"database": database_answers, "redis": redis_answers, "worker": worker_works}
    side = _SideDoor(
        uvicorn.Config(Starlette(routes=health_routes(probes)), lifespan="off", **_uvicorn(settings().port + 1))
    )
    served = asyncio.create_task(side.serve())
    await worker.start()
    log.info("worker_started")
    waits = [asyncio.create_task(event.wait()) for event in (stop, worker.failed)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        side.should_exit = True
        await worker.stop()
        await served
        for wait in waits:
            wait.cancel()
        await database.disconnect()
    log.info("worker_stopped", failed=worker.failed.is_set())
    return 1 if worker.failed.is_set() else 0
