"""PostgreSQL or Redis goes away under the running processes and comes back: nothing is lost, nothing has to be restarted."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from models.kernel.viewer import Role
from server.auth import development_token
from server.embedded import Running, ensure_database, start_services
from tests.faults.processes import free_ports, until

pytestmark = pytest.mark.alone

ADJUST = """mutation ($key: String!) { adjustBalance(input: {person: {externalId: "demo-anna"}, idempotencyKey: $key,
  money: {amount: "1", currency: "EUR"}, reason: "an outage"}) { ... on Person { version } ... on Refusal { code } } }"""
TOKEN = development_token(Role.OPERATOR, subject="outage")


class House:
    """Servers that keep what they were given, and an API and a worker as processes."""

    def __init__(self, services: Running) -> None:
        self.services, self.port = services, free_ports()
        self.env = {
            **os.environ, "SALDO_ENV": "development", "SALDO_PORT": str(self.port), "SALDO_LOG_FORMAT": "json",
            "SALDO_DATABASE_URL": services.postgres_url(), "SALDO_REDIS_URL": services.redis_url(),
        }  # fmt: skip
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

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
            return httpx.get(f"http://127.0.0.1:{self.port + (name == 'worker')}/readyz", timeout=5).is_success
        except httpx.HTTPError:
            return False

    def until_ready(self, name: str) -> None:
        until(lambda: self.ready(name) or self.processes[name].poll() is not None)
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


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    home: Path = tmp_path_factory.mktemp("outages") / "home"
    with start_services(home, durable=True) as services:
        asyncio.run(ensure_database(services.postgres_url()))
        house = House(services)
        house.run("migrate")
        house.run("seed")
        house.start("api")
        house.start("worker")
        yield house
        codes = [house.stop(name) for name in list(house.processes)]
    assert codes == [0, 0]


def test_redis_goes_and_comes_and_the_worker_works_on(house):
    house.services.kill_redis()
    assert house.ask(ADJUST, key="without redis").json()["data"]["adjustBalance"]["version"]
    assert not house.ready("api")
    time.sleep(1)
    house.services.start_redis()
    house.until_ready("api")
    run = house.ask("mutation { runJob(input: {name: AUDIT_BOOKS}) { ... on JobRun { id } } }").json()["data"]["runJob"]
    until(lambda: status(house, run["id"]) == "DONE")
    assert house.processes["worker"].poll() is None


def status(house: House, id: str) -> str:
    return house.ask("query ($id: ID!) { jobRun(id: $id) { status } }", id=id).json()["data"]["jobRun"]["status"]


def test_postgresql_goes_and_comes_and_a_key_tells_what_happened(house):
    answered = house.ask(ADJUST, key="before").json()
    house.services.kill_postgres()
    lost = house.ask(ADJUST, key="during").json()
    assert lost["errors"][0]["extensions"]["code"] in ("UPSTREAM_UNAVAILABLE", "BUSY")
    assert not house.ready("api")
    house.services.start_postgres()
    house.until_ready("api")
    house.until_ready("worker")
    again = house.ask(ADJUST, key="before").json()
    assert again["data"] == answered["data"]
    assert again["extensions"]["replayed"] == [["adjustBalance"]]
    assert house.ask(ADJUST, key="during").json()["data"]["adjustBalance"]["version"]


async def test_a_worker_killed_in_the_middle_leaves_its_run_to_another(house):
    run = house.ask("mutation { runJob(input: {name: PRUNE}) { ... on JobRun { id } } }").json()["data"]["runJob"]
    house.processes["worker"].kill()
    house.processes.pop("worker").wait()
    house.start("worker")
    until(lambda: status(house, run["id"]) == "DONE")
    assert (await house.sql("SELECT count(*) AS n FROM event WHERE name = 'finish' AND snapshot->>'job' = 'prune'"))[0][
        "n"
    ] == 1


def test_an_api_killed_while_it_answers_has_done_each_thing_once_or_not_at_all(house):
    """Twenty requests are under way when it dies; each key, asked again, has one effect."""
    before = balance(house)
    asked = [
        subprocess.Popen(
            [sys.executable, "-c", ASK, str(house.port), TOKEN, ADJUST, f"killed {n}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for n in range(6)
    ]
    time.sleep(0.25)
    house.processes["api"].kill()
    house.processes.pop("api").wait()
    for one in asked:
        one.wait(20)
    house.start("api")
    for n in range(6):
        assert house.ask(ADJUST, key=f"killed {n}").json()["data"]["adjustBalance"]["version"]
    assert balance(house) == before + 6


ASK = """import httpx, sys
port, token, query, key = sys.argv[1:]
httpx.post(f"http://127.0.0.1:{port}/graphql", json={"query": query, "variables": {"key": key}},
           headers={"authorization": f"Bearer {token}"}, timeout=10)"""


def balance(house: House) -> int:
    query = '{ balance(person: {externalId: "demo-anna"}) { currency available { minorUnits } } }'
    balances = house.ask(query).json()["data"]["balance"]
    return next(int(b["available"]["minorUnits"]) // 100 for b in balances if b["currency"] == "EUR")


def test_the_books_are_clean_after_all_of_it(house):
    house.run("audit")
