"""Servers, an API and a worker as processes of their own: what the tests of outages, and those of the pages, begin with."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import httpx

from models.kernel.viewer import Role
from server.auth import development_token
from server.embedded import Running, ensure_database, start_services
from server.up import lively
from settings import settings
from tests.faults.processes import free_ports, until

READY = {"api": "readyz", "worker": "readyz", "sandbox": "healthz"}
"""The processes in the order of their ports, and what says that they are ready."""
TOKEN = development_token(Role.OPERATOR, subject="outage")


class House:
    """Servers that keep what they were given, and an API, a worker and perhaps a sandbox as processes."""

    def __init__(self, services: Running) -> None:
        self.services, self.port = services, free_ports()
        self.env = {
            **os.environ, "SALDO_ENV": "development", "SALDO_PORT": str(self.port), "SALDO_LOG_FORMAT": "json",
            "SALDO_DATABASE_URL": services.postgres_url(), "SALDO_REDIS_URL": services.redis_url(),
        }  # fmt: skip
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def url(self, name: str = "api") -> str:
        return f"http://127.0.0.1:{self.port + list(READY).index(name)}"

    def run(self, *words: str) -> None:
        subprocess.run(
            [sys.executable, "-m", "server.cli", *words], env=self.env, check=True, stdout=subprocess.DEVNULL
        )

    def start(self, name: str) -> None:
        argv = [sys.executable, "-W", "error", "-m", "server.cli", name]
        self.processes[name] = subprocess.Popen(argv, env=self.env)
        self.until_ready(name)

    def ready(self, name: str) -> bool:
        try:
            return httpx.get(f"{self.url(name)}/{READY[name]}", timeout=5).is_success
        except httpx.HTTPError:
            return False

    def until_ready(self, name: str) -> None:
        until(lambda: self.ready(name) or self.processes[name].poll() is not None, seconds=120)
        assert self.processes[name].poll() is None

    def ask(self, query: str, **variables: object) -> httpx.Response:
        headers = {"authorization": f"Bearer {TOKEN}"}
        return httpx.post(
            f"http://127.0.0.1:{self.port}/graphql",
            json={"query": query, "variables": variables},
            headers=headers,
            timeout=20,
        )

    async def sql(self, query: str) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.services.postgres_url())
        try:
            return list(await connection.fetch(query))
        finally:
            await connection.close()

    def stop(self, name: str) -> int:
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(20)


@contextmanager
def running_house(home: Path, *beside: str, **env: str) -> Iterator[House]:
    """A seeded house, for as long as the block lasts, with processes `beside` the API and the worker; then all of them must
    end well."""
    with start_services(home, durable=True) as services:
        asyncio.run(ensure_database(services.postgres_url()))
        house = House(services)
        house.env["SALDO_HOME"] = str(home)
        if "sandbox" in beside:
            house.env |= lively(settings()) | {"SALDO_WEBHOOKS_ANYWHERE": "true"}
        house.env |= env
        for name in beside:
            house.start(name)
        house.run("migrate")
        house.run("seed")
        for name in ("api", "worker"):
            house.start(name)
        yield house
        codes = [house.stop(name) for name in reversed(list(house.processes))]
    assert set(codes) == {0}
