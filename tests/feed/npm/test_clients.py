"""The npm clients of both protocols, as they are: they follow a balance, are cut, come again, and miss nothing."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.feed.test_following import BALANCE

pytestmark = pytest.mark.alone

PACKAGES = ["graphql@16", "graphql-ws@6", "graphql-sse@2", "ws@8"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the clients and our script."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("NOT TESTED: the npm clients, for there is no node or npm on this machine")
    folder = tmp_path_factory.mktemp("npm")
    install = [
        "npm",
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--no-package-lock",
        "--fetch-retries=0",
        *PACKAGES,
    ]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    if done.returncode:
        pytest.skip(f"NOT TESTED: the npm clients, for npm could not install them: {done.stderr[-300:]}")
    shutil.copy(Path(__file__).with_name("client.mjs"), folder)
    return folder


class Client:
    def __init__(self, process):
        self.process = process

    async def next(self):
        async with asyncio.timeout(20):
            return json.loads(await self.process.stdout.readline())

    async def versions(self, count):
        """Of the next so many events, each with its cursor beside it."""
        found = []
        while len(found) < count:
            told = await self.next()
            item = told["data"]["balanceChanged"]
            assert item["cursor"] == told["extensions"]["cursor"]
            if item["__typename"] == "BalanceEvent":
                found.append(item["version"])
        return found


@pytest.fixture
async def client(installed, served, relay, make):
    anna = await make.person("1 EUR")

    async def started(kind):
        env = os.environ | {"KIND": kind, "URL": served.http, "TOKEN": make.operator.token, "QUERY": BALANCE}
        env["VARIABLES"] = json.dumps({"person": {"number": anna.id}})
        process = await asyncio.create_subprocess_exec(
            "node", "client.mjs", cwd=installed, env=env, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        running.append(process)
        return anna, Client(process)

    running: list[asyncio.subprocess.Process] = []
    yield started
    for process in running:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.parametrize("kind", ["ws", "sse"])
async def test_a_client_from_npm_is_cut_again_and_again_and_misses_nothing(served, client, make, kind):
    anna, board = await client(kind)
    assert await board.versions(1) == [1]
    seen = []
    for number in range(20):
        await make.adjust(anna, "1 EUR")
        if number % 5 == 2:
            for connection in list(served.server.server_state.connections):
                connection.transport.abort()
        if number % 5 == 4:
            seen += await board.versions(5)
    assert seen == list(range(2, 22))
    board.process.stdin.write(b"end\n")
    told = [await board.next()]
    while told[-1] != {"complete": "query"}:
        told.append(await board.next())
    assert {"complete": True} in told[:-1]
    assert told[-2]["data"] == {"viewer": {"subject": "operator"}}
    assert await board.process.wait() == 0
    async with asyncio.timeout(5):
        while served.app.state.connections.open or served.app.state.feed.cohorts._known:
            await asyncio.sleep(0.01)
