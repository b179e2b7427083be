"""The code on the page on subscriptions compiles, and loses nothing when it is run."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from models.people.reads import PersonRecord
from tests.feed.conftest import Api, relay, served

__all__ = ["relay", "served"]
pytestmark = pytest.mark.alone

PACKAGES = ["typescript", "graphql", "graphql-ws", "ws", "@urql/core", "wonka", "@apollo/client", "rxjs"]
OPTIONS = ["--strict", "--target", "es2022", "--lib", "es2022,dom", "--module", "nodenext", "--skipLibCheck"]
WATCH = """subscription ($person: PersonRef!, $after: Cursor) { balanceChanged(person: $person, after: $after) {
  __typename ... on BalanceEvent { version } ... on Lagged { missed } } }"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's code as JavaScript, with its packages beside it."""
    folder = tmp_path_factory.mktemp("clients")
    if not shutil.which("npm"):
        pytest.skip("NOT TESTED: the page's clients, for there is no npm on this machine")
    (folder / "package.json").write_text('{"type": "module", "private": true}')
    install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock", *PACKAGES]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=180, check=False)
    if done.returncode:
        pytest.skip(f"NOT TESTED: the page's clients, for npm could not install them: {done.stderr[-300:]}")
    code = re.findall(r"```ts\n(.*?)```", Path("docs/subscriptions.md").read_text(), re.DOTALL)
    for name, text in zip(("feed", "urql", "apollo"), code, strict=True):
        (folder / f"{name}.ts").write_text(text.replace("'./feed'", "'./feed.js'"))
    shutil.copy("tests/docs/watch.mjs", folder)
    tsc = ["node", "node_modules/typescript/bin/tsc", *OPTIONS, "feed.ts", "urql.ts", "apollo.ts"]
    told = subprocess.run(tsc, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert told.returncode == 0, told.stdout
    return folder


def test_the_code_of_the_page_compiles(compiled):
    assert {path.name for path in compiled.glob("*.js")} == {"feed.js", "urql.js", "apollo.js"}


@pytest.fixture
async def client(compiled: Path, served: Api, make) -> AsyncIterator[tuple[PersonRecord, asyncio.StreamReader]]:
    """A person, and what the page's client prints while it follows his balance."""
    anna = await make.person("1 EUR")
    code = compiled / "feed.js"
    code.write_text(code.read_text().replace("localhost:8000", f"127.0.0.1:{served.port}"))
    env = {**os.environ, "TOKEN": make.operator.token, "QUERY": WATCH}
    env["VARIABLES"] = json.dumps({"person": {"number": anna.id}})
    process = await asyncio.create_subprocess_exec(
        "node", "watch.mjs", cwd=compiled, env=env, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin
    assert process.stdout
    yield anna, process.stdout
    process.stdin.write(b"end\n")
    assert await process.wait() == 0


async def version(lines: asyncio.StreamReader) -> int:
    async with asyncio.timeout(20):
        told = json.loads(await lines.readline())
    assert told["news"], told
    return int(told["version"])


async def test_the_client_of_the_page_is_cut_again_and_again_and_misses_nothing(served, relay, client, make):
    anna, lines = client
    assert await version(lines) == 1
    seen = []
    for number in range(20):
        await make.adjust(anna, "1 EUR")
        if number % 5 == 2:
            for connection in list(served.server.server_state.connections):
                connection.transport.abort()
        if number % 5 == 4:
            seen += [await version(lines) for _ in range(5)]
    assert seen == list(range(2, 22))
