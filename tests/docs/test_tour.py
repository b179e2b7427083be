"""The tour is true: everything on it is sent, in its order, and answered as it says."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from models.kernel.viewer import Role
from server.auth import development_token
from tests.docs.tour import PAGE, TOKEN, Asked, Names, Played, Told, steps
from tests.faults.house import House, running_house

pytestmark = pytest.mark.alone
SECONDS = 30


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One in which nothing but the seed has happened: the tour counts what the house owes."""
    with running_house(tmp_path_factory.mktemp("toured") / "home", "sandbox") as house:
        yield house


class Reader:
    """Somebody who does what the page says."""

    def __init__(self, client: httpx.AsyncClient, sandbox: str) -> None:
        self.client, self.names, self.streams = client, Names(), dict[str, AsyncIterator[Any]]()
        self.sandbox = sandbox

    def token(self, who: str) -> dict[str, str]:
        """As the page's own command makes it."""
        said = next(found for found in TOKEN.finditer(PAGE) if found["name"].lower() == who)
        claims = {"person": self.names.here(int(said["person"] or 0)), "party": said["party"] or ""}
        return {"authorization": f"Bearer {development_token(Role(said['role']), subject=who, **claims)}"}

    async def ask(self, step: Asked) -> Any:
        body = {"query": step.document, "variables": self.given(step)}
        return (await self.client.post("/graphql", json=body, headers=self.token(step.who))).json()

    def given(self, step: Asked | Played) -> dict[str, Any]:
        """What stands here for what the page gives; the sandbox is elsewhere."""
        text = json.dumps({name: self.names.here(value) for name, value in step.given.items()})
        said: dict[str, Any] = json.loads(text.replace("http://127.0.0.1:8002", self.sandbox))
        return said

    async def play(self, step: Played) -> Any:
        given = self.given(step)
        return (await self.client.post(f"{self.sandbox}/control/{step.path}", content=json.dumps(given))).json()

    async def watch(self, step: Asked, stack: AsyncExitStack) -> None:
        headers = {**self.token(step.who), "accept": "text/event-stream"}
        body = {"query": step.document, "variables": self.given(step)}
        answer = await stack.enter_async_context(self.client.stream("POST", "/graphql", json=body, headers=headers))
        self.streams[step.who] = items(answer)

    async def told(self, who: str) -> Any:
        async with asyncio.timeout(SECONDS):
            return await anext(self.streams[who])


async def items(answer: httpx.Response) -> AsyncIterator[Any]:
    """What a stream brings, but for heartbeats, of which the page's document selects nothing."""
    async for line in answer.aiter_lines():
        if line.startswith("data: {"):
            item = json.loads(line.removeprefix("data: "))
            if any(item["data"].values()):
                yield less(item)


def less(answer: Any) -> Any:
    return {name: value for name, value in answer.items() if name != "extensions"}


def test_every_document_of_the_tour_is_sent():
    sent = [step for step in steps() if isinstance(step, Asked)]
    told = [step for step in steps() if isinstance(step, Told)]
    assert PAGE.count("```graphql") == len(sent) >= 10
    played = [step for step in steps() if isinstance(step, Played)]
    assert PAGE.count("```json") == len(sent) + len(told) + len(played)
    assert PAGE.count("curl -s localhost:8002/") == len(played) >= 3
    assert PAGE.count(" is told:") == len(told) >= 4


async def test_everything_is_answered_as_the_tour_says(house):
    async with AsyncExitStack() as stack:
        client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{house.port}", timeout=SECONDS, trust_env=False)
        reader = Reader(await stack.enter_async_context(client), house.url("sandbox"))
        for step in steps():
            if isinstance(step, Told):
                shown, got = step.item, await reader.told(step.who)
            elif isinstance(step, Played):
                shown, got = step.answer, await reader.play(step)
            elif step.document.startswith("subscription"):
                await reader.watch(step, stack)
                shown, got = step.answer, await reader.told(step.who)
            else:
                shown, got = step.answer, less(await reader.ask(step))
                async with asyncio.timeout(SECONDS):
                    while step.until and not reader.names.same(shown, got):
                        await asyncio.sleep(0.1)
                        got = less(await reader.ask(step))
            assert reader.names.same(shown, got), got


def test_the_commands_of_the_tour_ask(house):
    """Its shell is run up to the first answer, which is the operator's."""
    if not shutil.which("curl") or not shutil.which("bash"):
        pytest.skip("NOT TESTED: the tour's commands, for there is no curl or bash on this machine")
    script = "\n".join(re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)[:2])
    script = script.replace("localhost:8000", f"127.0.0.1:{house.port}")
    script = script.replace(".venv/bin/saldo", f"{sys.executable} -m server.cli")
    done = subprocess.run(
        ["bash", "-euc", script],
        env={**os.environ, **house.env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert json.loads(done.stdout)["data"] == {"viewer": {"subject": "operator", "roles": ["OPERATOR"]}}, done.stderr
