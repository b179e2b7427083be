"""Everything that payouts need is killed while they are delivered: each arrives once, and other systems hear of each status."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest
from redis.asyncio import Redis

from tests.faults.house import House, running_house
from tests.faults.processes import until

pytestmark = pytest.mark.alone

COUNT, REFUSED = 12, 3
QUICK = {
    "SALDO_RESOLVE_DELIVERIES_PERIOD_SECONDS": "1", "SALDO_DELIVER_PAYOUTS_PERIOD_SECONDS": "1",
    "SALDO_DELIVERY_BACK_OFF_SECONDS": "1", "SALDO_PAYOUT_TIMEOUT_SECONDS": "3", "SALDO_PAYOUT_LEASE_SECONDS": "7",
    "SALDO_OUTSIDE_TIMEOUT_SECONDS": "2",
}  # fmt: skip
TOOL = """mutation ($code: String!, $wallet: String!) { upsertPayoutTool(input: {partyId: "demo-oak", contractId: "2026",
  payoutToolId: $code, currency: "RUB", details: {wallet: {walletId: $wallet}}}) { __typename } }"""
CREATE = """mutation ($id: String!, $tool: String!) { createPayout(input: {partyId: "demo-oak", shopId: "stairs",
  money: {amount: "600", currency: "RUB"}, payoutId: $id, payoutToolId: $tool, idempotencyKey: $id}) { __typename } }"""
CONFIRM = "mutation ($id: String!) { confirmPayout(input: {payout: {payoutId: $id}}) { __typename } }"
STANDS = """query ($ids: [String!]!) { payouts(first: 100, filter: {payoutIds: $ids}, orderBy: OLDEST) {
  edges { node { payoutId status sequence deliveryStatus } } } }"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with running_house(tmp_path_factory.mktemp("payouts") / "home", "sandbox", **QUICK) as house:
        yield house


def value(house: House, query: str, **variables: Any) -> Any:
    (found,) = house.ask(query, **variables).json()["data"].values()
    return found


def script(house: House, outcome: str, times: int) -> None:
    given = {"system": "wallets", "operation": "deposit", "outcome": outcome, "times": times, "seconds": 3}
    assert httpx.post(f"{house.url('sandbox')}/control/script", json=given, timeout=10).is_success


def stands(house: House, ids: list[str]) -> list[tuple[str, int, str]]:
    nodes = [edge["node"] for edge in value(house, STANDS, ids=ids)["edges"]]
    return [(node["status"], node["sequence"], node["deliveryStatus"]) for node in nodes]


def told(house: House, ids: list[str]) -> dict[str, list[int]]:
    """Of each payout, the numbers that the stream for other systems has."""

    async def read() -> list[Any]:
        async with Redis.from_url(house.services.redis_url()) as client:
            return list(await client.xrange("pm-events-payout"))

    found: dict[str, list[int]] = {}
    for _, fields in asyncio.run(read()):
        said = orjson.loads(fields[b"value"])
        found.setdefault(said["payout_id"], []).append(said["sequence_id"])
    return {id: found.get(id, []) for id in ids}


def test_workers_servers_and_answers_are_taken_away_and_each_payout_arrives_once(house: House) -> None:
    for code, wallet in (("good", "wallet-good"), ("bad", "wallet-unknown")):
        assert value(house, TOOL, code=code, wallet=wallet)["__typename"] == "PayoutTool"
    ids = [f"killed-{number:02}" for number in range(COUNT)]
    rng = random.Random(7)
    for outcome in ("lost_answer", "timeout", "error", "malformed"):
        script(house, outcome, 2)
    for place, id in enumerate(ids):
        tool = "bad" if place < REFUSED else "good"
        assert value(house, CREATE, id=id, tool=tool)["__typename"] == "Payout"
        assert value(house, CONFIRM, id=id)["__typename"] == "Payout"
        if place % 3 == 2:
            time.sleep(rng.uniform(0.0, 0.4))
            house.processes["worker"].kill()
            house.processes.pop("worker").wait()
            house.start("worker")
    house.services.kill_redis()
    time.sleep(0.5)
    house.services.start_redis()
    house.services.kill_postgres()
    time.sleep(0.5)
    house.services.start_postgres()
    house.until_ready("api")
    ends = [("FAILED", 2, "REFUSED")] * REFUSED + [("CONFIRMED", 1, "DELIVERED")] * (COUNT - REFUSED)
    until(lambda: stands(house, ids) == ends, seconds=90)
    listed = httpx.get(f"{house.url('sandbox')}/control/wallets/deposits", timeout=10).json()
    executed = {one["key"]: one["executed"] for one in next(iter(listed.values()))}
    assert {key: count for key, count in executed.items() if key.startswith("payout_killed")} == {
        f"payout_{id}": 1 for id in ids[REFUSED:]
    }
    numbers = {id: [0, 1, 2] if place < REFUSED else [0, 1] for place, id in enumerate(ids)}
    until(lambda: told(house, ids) == numbers, seconds=30)
    audit = subprocess.run(
        [sys.executable, "-m", "server.cli", "audit"], env=house.env, check=False, capture_output=True
    )
    assert audit.returncode == 0, audit.stdout.decode()
