"""PostgreSQL or Redis goes away under the running processes and comes back: nothing is lost, nothing has to be restarted."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.faults.house import TOKEN, House, running_house
from tests.faults.processes import until

pytestmark = pytest.mark.alone

ADJUST = """mutation ($key: String!) { adjustBalance(input: {person: {externalId: "demo-anna"}, idempotencyKey: $key,
  money: {amount: "1", currency: "EUR"}, reason: "an outage"}) { ... on Person { version } ... on Refusal { code } } }"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with running_house(tmp_path_factory.mktemp("outages") / "home") as house:
        yield house


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
