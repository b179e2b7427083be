"""Where a story is played: its people with their tokens, who watches, and what is known so far."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from models.kernel.viewer import Role
from server.auth import development_token
from server.demo.asking import Api, Sandbox
from server.demo.merchants import brought
from server.demo.story import OPERATOR, SERVICE, Answer, Step, Story, Unplayable
from server.demo.telling import Teller
from server.demo.watching import HOUSE, Feed, subscription

PERSON = """mutation ($id: String!, $name: String!) { upsertPerson(input: {externalId: $id, name: $name}) {
  __typename ... on Person { number name } ... on Refusal { code message } } }"""
BALANCE = (
    "query ($person: Int!) { balance(person: {number: $person}) { currency available { amount } held { amount } } }"
)


class Stage:
    """Fresh for each run: nobody of an earlier one is met again, and no key is used twice."""

    def __init__(self, api: Api, sandbox: Sandbox, story: Story, teller: Teller, patience_seconds: float) -> None:
        self.api, self.sandbox, self.story, self.teller, self.patience_seconds = (
            api, sandbox, story, teller, patience_seconds,
        )  # fmt: skip
        self.run = f"demo-{uuid4().hex[:12]}"
        self.known: dict[str, Any] = {"sandbox": {"url": sandbox.url}}
        self.tokens = {
            name: development_token(role, subject=f"{self.run}-{name}")
            for name, role in ((OPERATOR, Role.OPERATOR), (SERVICE, Role.SERVICE))
        }
        self.dashboard = Feed("dashboard", HOUSE, teller, patience_seconds)
        self.watcher = Feed(story.watcher, HOUSE, teller, patience_seconds)

    async def bring(self) -> None:
        """The people of the cast, each with a token of his own."""
        for name in self.story.cast:
            person = await self.api.ask(self.tokens[SERVICE], PERSON, {"id": f"{self.run}-{name}", "name": name})
            _must_hold(person, {"__typename": "Person"})
            self.known[name] = person
            self.tokens[name] = development_token(Role.USER, subject=f"{self.run}-{name}", person=person["number"])
        for name in self.story.merchants:
            await self._bring_merchant(name)

    async def _bring_merchant(self, name: str) -> None:
        code = f"{self.run}-{name}"
        for query, given, kind in brought(code, name, f"{self.run}-house"):
            _must_hold(await self.api.ask(self.tokens[OPERATOR], query, given), {"__typename": kind})
        self.known[name] = {"partyId": code}
        self.tokens[name] = development_token(Role.MERCHANT, subject=code, party=code)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Both feeds run inside, and have begun before anything happens."""
        url = f"{self.api.url.replace('http', 'ws', 1)}/graphql"
        everything = (self.dashboard, OPERATOR, subscription("events", HOUSE, HOUSE))
        its_own = [
            (self.watcher, self.story.watcher, subscription(field, [told], HOUSE))
            for field, told in self.story.watches.items()
        ]
        begun: dict[Feed, list[asyncio.Event]] = {self.dashboard: [], self.watcher: []}
        tasks = []
        for feed, who, query in (everything, *its_own):
            begun[feed].append(asyncio.Event())
            tasks.append(asyncio.create_task(feed.watch(url, self.tokens[who], query, begun[feed][-1])))
        try:
            await asyncio.gather(*(feed.begun(events) for feed, events in begun.items()))
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def play(self, step: Step, number: int) -> None:
        """Raises Unplayable where anything is otherwise than the story says."""
        self.teller.acts(step.who, step.does)
        if step.query or step.outside or step.looks:
            answer = await self._done(step, number)
            _must_hold(answer, step.comes)
            self.teller.answered(step.tells(answer))
            if step.keep:
                self.known[step.keep] = answer
        if step.pushed:
            event = await self.watcher.until(lambda item: item.get("name") == step.pushed, f"of `{step.pushed}`")
            await self.dashboard.until(lambda item: item.get("cursor") == event["cursor"], f"of `{step.pushed}`")
        if inside := step.inside:
            await self.dashboard.until(lambda item: inside(item, self.known), f"that the {step.who} {step.does}")

    async def _done(self, step: Step, number: int) -> Answer:
        given = step.given(self.known)
        if step.outside:
            told: Answer = await self.sandbox.tell(step.outside, given)
            return told
        if step.looks:
            found: Answer = await self.sandbox.ask(step.looks, given)
            return found
        asked = await self.api.ask(self.tokens[step.who], step.query, {**given, "key": f"{self.run}:{number}"})
        answer: Answer = asked[0] if isinstance(asked, list) else asked
        return answer

    async def look(self) -> None:
        """Raises Unplayable where the API itself is gone: then nothing else is to blame."""
        await self.api.ask(self.tokens[OPERATOR], "{ head }")

    async def balances(self) -> list[tuple[str, str, str, str]]:
        """Of everybody in the cast, as he sees them himself; currencies in which nothing is are left out."""
        rows = []
        for name in self.story.cast:
            found = await self.api.ask(self.tokens[name], BALANCE, {"person": self.known[name]["number"]})
            for balance in found:
                available, held = balance["available"]["amount"], balance["held"]["amount"]
                if any(amount.strip("0.") for amount in (available, held)):
                    rows.append((name, balance["currency"], available, held))
        return rows


def _must_hold(answer: Any, comes: Any) -> None:
    for name, wanted in comes.items():
        if answer.get(name) != wanted:
            refused = f"{answer['code']}: {answer['message']}" if "code" in answer else f"{name} {answer.get(name)!r}"
            raise Unplayable(f"The story goes on with {name} {wanted!r}, but the API answered {refused}")
