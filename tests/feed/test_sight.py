"""Who is told what: a viewer's feed is the log, filtered by his tokens and his nouns' views; byte for byte."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
from typing import Any

import orjson
import pytest

from models.events import log, positions
from models.events.log import EventRecord
from models.kernel.sql import transaction
from models.kernel.viewer import Role, Viewer
from models.wiring import VIEWS
from resolvers.watching import Watch
from server.feed import Feed
from server.feed.rendering import Rendering
from server.graphql.answering import _cohort, _subscribed, prepare
from server.graphql.asking import well_formed
from server.graphql.schema import documents
from tests.feed.conftest import running

TOKENS = ["person:1", "person:2", "party:p", "shop:p/1", "shop:p/2", "channel:pos", "service:rides"]
VIEWERS = [
    Viewer("op", frozenset({Role.OPERATOR})),
    Viewer("au", frozenset({Role.AUDITOR})),
    Viewer("u1", frozenset({Role.USER}), person=1),
    Viewer("u2", frozenset({Role.USER}), person=2),
    Viewer("nobody", frozenset({Role.USER})),
    Viewer("m", frozenset({Role.MERCHANT}), party="p"),
    Viewer("m12", frozenset({Role.MERCHANT}), party="p", shops=frozenset({"1", "2"})),
    Viewer("pos", frozenset({Role.CHANNEL})),
    Viewer("rides", frozenset({Role.SERVICE})),
    Viewer("both", frozenset({Role.USER, Role.MERCHANT}), person=1, party="p", shops=frozenset({"2"})),
]
ALL = """subscription { events { __typename ... on Event { name version occurredAt cursor actor actorSubject facts from to }
  ... on PersonEvent { person { id name version } } ... on Heartbeat { cursor } ... on Lagged { cursor missed } } }"""
WRITE = """INSERT INTO event (noun, subject, version, name, from_status, to_status, facts, snapshot, actor, actor_role, audience,
             occurred_at) VALUES ('person', $1, $2, $3, 'active', 'active', $4, $5, 'x', 'operator', $6, saldo_now())"""


@dataclasses.dataclass
class World:
    """Events of four people with random audiences, written while everybody watches."""

    rng: random.Random
    versions: dict[str, int] = dataclasses.field(default_factory=dict)

    async def write(self, events: int) -> None:
        for _ in range(events):
            subject = f"person:{self.rng.randint(1, 4)}"
            version = self.versions[subject] = self.versions.get(subject, -1) + 1
            now = "2026-01-01T00:00:00+00:00"
            snapshot = {"id": 1, "name": f"v{version}", "status": "active", "version": version}
            audience = sorted({*self.rng.sample(TOKENS, self.rng.randint(0, 3)), "ops"})
            async with transaction() as db:
                await db.execute(
                    WRITE, subject, version, self.rng.choice(("rename", "adjust")),
                    orjson.dumps({"n": version}).decode(),
                    orjson.dumps(snapshot | {"created_at": now, "updated_at": now}).decode(), audience,
                )  # fmt: skip
            if self.rng.random() < 0.2:
                await asyncio.sleep(0.005)

    def watch(self) -> Watch:
        return self.rng.choice(
            [
                Watch(),
                Watch(nouns=["person"]),
                Watch(nouns=["person", "balance"], names=["rename"]),
                Watch(subjects=[f"person:{self.rng.randint(1, 4)}"]),
                Watch(nouns=["person"], about=self.rng.choice(TOKENS)),
                Watch(nouns=["balance"]),
            ]
        )


def wanted(event: EventRecord, watch: Watch, viewer: Viewer) -> bool:
    """The rule, written down a second time."""
    return bool(
        (watch.nouns is None or event.noun in watch.nouns)
        and (watch.names is None or event.name in watch.names)
        and (not watch.about or watch.about in event.audience)
        and (watch.about or not watch.subjects or event.subject in watch.subjects)
        and event.audience & viewer.tokens
    )


@pytest.fixture
def rendering(served: Any) -> Any:
    """What a subscription document makes of the events of a watch, for any viewer."""

    async def made(watch: Watch, viewer: Viewer) -> tuple[Rendering, Any]:
        asked = well_formed({"query": ALL})
        prepared = prepare(asked, documents().get(ALL), VIEWERS[0], "test", served.app.state.feed)
        its, _ = await _subscribed(prepared, None)
        context = dataclasses.replace(prepared.context, viewer=viewer)
        return Rendering(its.executor, watch, viewer, context.fresh), (_cohort(prepared), watch.where, viewer.sight)

    return made


class Crowd:
    """Readers of all kinds: who stay, and who leave now and then and come again where they were."""

    def __init__(self, world: World, feed: Feed, rendering: Any, start: str) -> None:
        self.world, self.feed, self.rendering, self.start = world, feed, rendering, start
        self.got: list[tuple[Watch, Viewer, Rendering, list[str]]] = []

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for viewer in VIEWERS:
                for stay in (10_000, 10_000, 10_000, self.world.rng.randint(1, 5)):
                    group.create_task(self.follow(self.world.watch(), viewer, stay))

    async def follow(self, watch: Watch, viewer: Viewer, stay: int) -> None:
        its, key = await self.rendering(watch, viewer)
        cursor, texts = self.start, []
        self.got.append((watch, viewer, its, texts))
        while True:
            async with contextlib.aclosing(self.feed.follow(str(key), its, cursor)) as items:
                async for ready in take(items, stay):
                    cursor = ready.cursor
                    texts += [ready.text] if ready.kind == "event" else []


async def take(items: Any, most: int) -> Any:
    async for item in items:
        yield item
        if not (most := most - 1):
            return


@pytest.mark.parametrize("seed", range(3))
async def test_a_feed_is_the_filtered_log_byte_for_byte(served, relay, rendering, seed):
    world, feed = World(random.Random(seed)), served.app.state.feed
    await world.write(30)
    crowd = Crowd(world, feed, rendering, await feed.head())
    async with running(crowd):
        await asyncio.sleep(0.1)
        await world.write(120)
        async with asyncio.timeout(5):
            while feed.cohorts.position < 150:
                await asyncio.sleep(0.01)
        seal = await feed.seal()
        events = await log.after(seal.position(crowd.start), 1_000)
        due = [
            [r.text for e in events if wanted(e, watch, viewer) and (r := await its.event(e, seal))]
            for watch, viewer, its, _ in crowd.got
        ]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10):
                while any(len(got) < len(told) for told, (*_, got) in zip(due, crowd.got, strict=True)):
                    await asyncio.sleep(0.05)
        await asyncio.sleep(0.1)  # for what should not come
    assert await positions.head() == 150
    assert [got for *_, got in crowd.got] == due
    assert sum(len(got) for got in due) > 500


async def test_what_a_view_hides_did_not_happen(served, relay, rendering, monkeypatch):
    """A noun whose view shows a merchant nothing of renames: they are in no feed and in no timeline of his."""
    monkeypatch.setitem(
        VIEWS, "person", lambda item, viewer: item if viewer.reads_everything or item.name != "rename" else None
    )
    world, feed = World(random.Random(1)), served.app.state.feed
    start = await feed.head()
    its, key = await rendering(Watch(nouns=["person"]), VIEWERS[5])
    got: list[tuple[str, dict[str, Any]]] = []

    class Reader:
        async def run(self) -> None:
            async for ready in feed.follow(str(key), its, start):
                got.append((ready.kind, orjson.loads(ready.text)["data"]["events"]))  # noqa: PERF401  as they come

    async with running(Reader()):
        await world.write(60)
        async with asyncio.timeout(5):
            while feed.cohorts.position < 60:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
    adjusted = [e for e in await log.after(0, 100) if "party:p" in e.audience and e.name == "adjust"]
    told = [item for kind, item in got if kind == "event"]
    assert [item["version"] for item in told] == [event.version for event in adjusted]
    assert {(item["name"], item["actorSubject"], item["facts"]) for item in told} == {("adjust", None, None)}
