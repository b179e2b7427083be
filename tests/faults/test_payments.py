"""Everything that payments need is killed while they settle: each is credited once, and swept by one transfer."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.faults.house import House, running_house
from tests.faults.processes import until

pytestmark = pytest.mark.alone

COUNT = 6
QUICK = {
    "SALDO_CHECK_PAYMENTS_PERIOD_SECONDS": "1", "SALDO_PAYMENT_TIMEOUT_SECONDS": "3", "SALDO_PAYMENT_LEASE_SECONDS": "7",
    "SALDO_OUTSIDE_TIMEOUT_SECONDS": "2", "SALDO_SANDBOX_BLOCK_SECONDS": "0.3", "SALDO_SANDBOX_SOLID_AFTER": "2",
    "SALDO_TRON_SCAN_BLOCKS": "50",
}  # fmt: skip
OFFER = """mutation { upsertPaymentGateway(input: {gatewayCode: "coins", name: "Coins", service: "tron",
  limits: [{least: {amount: "1", currency: "USDT"}, most: {amount: "1000", currency: "USDT"}}]}) { __typename } }"""
PERSON = "mutation ($e: String!) { upsertPerson(input: {externalId: $e, name: $e}) { ... on Person { number } } }"
CREATE = """mutation ($p: Int!, $k: String!) { createPayment(input: {gateway: "coins", money: {amount: "100", currency: "USDT"},
  person: {number: $p}, idempotencyKey: $k}) { ... on Payment { number gatewayData { address } } } }"""
STANDS = '{ payments(first: 100, filter: {gateway: "coins"}) { edges { node { status received { amount } wallet { status } } } } }'


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with running_house(tmp_path_factory.mktemp("payments") / "home", "sandbox", **QUICK) as house:
        yield house


def chain(house: House, path: str, **given: Any) -> Any:
    answer = httpx.post(f"http://127.0.0.1:{house.port + 2}/control/tron/{path}", json=given, timeout=10)
    assert answer.is_success, answer.text
    return answer.json()


def value(house: House, query: str, **variables: Any) -> Any:
    (found,) = house.ask(query, **variables).json()["data"].values()
    return found


def stands(house: House) -> list[tuple[str, str, str]]:
    nodes = [edge["node"] for edge in value(house, STANDS)["edges"]]
    return [(n["status"], n["received"]["amount"], n["wallet"]["status"]) for n in nodes]


def test_workers_servers_and_time_are_taken_away_and_the_coins_arrive_once(house: House) -> None:
    value(house, OFFER)
    numbers = [value(house, PERSON, e=f"payer-{n}")["number"] for n in range(COUNT)]
    payments = [value(house, CREATE, p=number, k=f"payer {number}") for number in numbers]
    rng = random.Random(5)
    for place, payment in enumerate(payments):
        chain(house, "deposit", address=payment["gatewayData"]["address"], amount="100")
        if place % 2:
            house.processes["worker"].kill()
            house.processes.pop("worker").wait()
            house.start("worker")
            time.sleep(rng.uniform(0.2, 1.2))
    house.services.kill_redis()
    time.sleep(0.5)
    house.services.start_redis()
    house.services.kill_postgres()
    time.sleep(0.5)
    house.services.start_postgres()
    house.until_ready("api")
    until(lambda: stands(house) == [("SUCCESS", "100.000000", "TRANSFERED")] * COUNT, seconds=90)
    seen = httpx.get(f"http://127.0.0.1:{house.port + 2}/control/tron/chain", timeout=10).json()["transfers"]
    came = [one for one in seen if one["to"] in {p["gatewayData"]["address"] for p in payments}]
    went = [one for one in seen if one["from"] in {p["gatewayData"]["address"] for p in payments}]
    assert (len(came), sorted(one["amount"] for one in went)) == (COUNT, ["100000000"] * COUNT)
    balance = "query ($p: Int!) { balance(person: {number: $p}) { currency available { amount } } }"
    for number in numbers:
        have = {b["currency"]: b["available"]["amount"] for b in value(house, balance, p=number)}
        assert have["USDT"] == "100.000000"
    audit = subprocess.run(
        [sys.executable, "-m", "server.cli", "audit"], env=house.env, check=False, capture_output=True
    )
    assert audit.returncode == 0, audit.stdout.decode()
