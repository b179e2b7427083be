"""One worker, this process, beside billing and an adapter in a process of theirs; and what its ticks take."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from benches.tron.ticking import Server, Taken, changed_settings
from benches.world import World
from gateways.wiring import Gateways, worker_gateways
from jobs.running import measured
from jobs.wiring import BODIES
from models.work.jobs import Job


@dataclass(frozen=True, slots=True)
class Tick:
    """Of one or more runs of jobs; `cpu_seconds` are this process's, and `server` is PostgreSQL's own account."""

    seconds: float
    cpu_seconds: float
    done: int
    taken: Taken
    server: Server


class Outside:
    """The other process, from here."""

    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self._http, self.url = http, url

    async def tell(self, what: str) -> Any:
        answer = await self._http.get(f"/control/{what}")
        return answer.json()


class Worker:
    """Runs jobs as the worker does, with their limits."""

    def __init__(self, gateways: Gateways, outside: Outside) -> None:
        self._gateways, self.outside = gateways, outside

    async def tick(self, jobs: Sequence[Job]) -> Tick:
        server, taken = await Server.now(), Taken.now()
        started, cpu, done = time.perf_counter(), time.process_time(), 0
        for job in jobs:
            report = await measured(job, BODIES, self._gateways)
            if report.failures:
                raise RuntimeError(f"{job.name}: {report}")
            done += report.done
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        taken, after = Taken.now() - taken, await Server.now()
        return Tick(seconds, cpu, done, taken, Server(after.ms - server.ms, after.pages - server.pages))


@asynccontextmanager
async def outside(world: World) -> AsyncIterator[Outside]:
    async with world.serve("benches.disputed.outside") as process:
        url = f"http://127.0.0.1:{process.port}"
        async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
            yield Outside(http, url)


@asynccontextmanager
async def worker(world: World, place: Outside) -> AsyncIterator[Worker]:
    """Files are in a folder of the world's; whoever makes disputes does it in here."""
    with changed_settings(billing_url=f"{place.url}/billing", home=world.home / "worker"):
        async with worker_gateways() as gateways:
            yield Worker(gateways, place)
