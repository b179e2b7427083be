"""Cuts, slow readers, and a log that was restored: nothing is lost, nothing comes twice, and nobody slows the others."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from models.events import log, positions
from models.kernel.refusals import CursorExpired
from models.kernel.sql import transaction
from models.people import reads
from server.feed import following as feed_following
from server.feed.members import Member, Ready
from tests.feed.conftest import placed
from tests.feed.dashboard import let_in

EVENTS = """subscription ($after: Cursor) { events(after: $after) {
  __typename ... on Event { name version cursor facts } ... on Heartbeat { cursor } ... on Lagged { cursor missed } } }"""
BALANCE = """subscription { balanceChanged { __typename ... on BalanceEvent { version cursor } ... on Heartbeat { cursor } } }"""
BALANCES = """subscription ($after: Cursor) { balanceChanged(after: $after) {
  __typename ... on BalanceEvent { currency cursor } } }"""
NOTED = """INSERT INTO event (noun, subject, version, name, facts, snapshot, actor, actor_role, audience, occurred_at)
           VALUES ('dead_letter', $1, $2, 'noted', $3, $4, 'x', 'system', '{ops}', saldo_now())"""
LETTER = orjson.dumps(
    {"id": 1, "status": "dead", "source": "s", "name": "n", "reason": "r", "deaths": 1, "version": 0}
    | dict.fromkeys(("message_id", "resolved_by", "resolved_reason"))
    | dict.fromkeys(("created_at", "updated_at"), "2026-01-01T00:00:00+00:00")
).decode()


async def note(number: int, size: int = 0) -> None:
    """An event, as large as asked for."""
    async with transaction() as db:
        facts = orjson.dumps({"n": number, "x": "x" * size}).decode()
        await db.execute(NOTED, f"dead_letter:{number}", 0, facts, LETTER)


class Reader:
    """A dashboard that is cut again and again, and comes again with the last cursor it was given."""

    def __init__(self, url: str, token: str, rng: random.Random) -> None:
        self.url, self.token, self.rng = url, token, rng
        self.cursor: str | None = None
        self.seen: list[int] = []
        self.cuts = 0

    async def run(self, enough: Callable[[list[int]], bool]) -> None:
        while not enough(self.seen):
            board = await let_in(self.url, self.token)
            following = await board.subscribe(EVENTS, **({"after": self.cursor} if self.cursor else {}))
            for _ in range(self.rng.randint(1, 30)):
                item = await following.item(10)
                self.cursor = item["cursor"]
                self.seen += [item["facts"]["n"]] if item["__typename"] != "Heartbeat" else []
                if enough(self.seen):
                    break
            await board.cut()
            self.cuts += 1


async def test_two_hundred_sockets_are_cut_at_random_and_nothing_is_lost_or_doubled(make, served, relay, knobs):
    knobs(sockets_per_viewer_max=1_000)
    rng, most = random.Random(11), 60
    readers = [Reader(served.url, make.operator.token, random.Random(n)) for n in range(200)]
    running = [asyncio.create_task(reader.run(lambda seen: most - 1 in seen)) for reader in readers]
    while any(reader.cursor is None for reader in readers):
        await asyncio.sleep(0.02)
    for number in range(most):
        await note(number)
        await asyncio.sleep(rng.uniform(0, 0.04))
    async with asyncio.timeout(30):
        await asyncio.gather(*running)
    assert all(reader.seen == list(range(most)) for reader in readers)
    assert sum(reader.cuts for reader in readers) > 400


async def test_a_slow_reader_is_told_that_it_lags_and_the_others_do_not_notice(make, served, watch, knobs):
    knobs(feed_queue_max=8)
    slow = await watch(make.operator, max_queue=1)
    lagging = await slow.subscribe(EVENTS)
    cursor = (await lagging.item())["cursor"]
    slow.reading.cancel()  # it reads no more: what is sent fills the buffers of both ends
    quick = await watch(make.operator)
    following = await quick.subscribe(EVENTS, after=cursor)
    for number in range(200):
        await note(number, size=40_000)
        await asyncio.sleep(0)
        if number % 4 == 3:
            assert [(await following.event())["facts"]["n"] for _ in range(4)] == list(range(number - 3, number + 1))
    slow.reading = asyncio.create_task(slow._read())
    items = [await lagging.item()]
    while items[-1]["__typename"] != "Lagged":
        items.append(await lagging.item())
    assert (await lagging.message())["type"] == "complete"
    got, lagged = [item["facts"]["n"] for item in items[:-1]], items[-1]
    assert got == list(range(len(got)))
    assert 0 < lagged["missed"] <= 200 - len(got)
    assert lagged["cursor"] == items[-2]["cursor"]
    again = await watch(make.operator)
    resumed = await again.subscribe(EVENTS, after=lagged["cursor"])
    assert [(await resumed.event())["facts"]["n"] for _ in range(200 - len(got))] == list(range(len(got), 200))


async def test_heartbeats_come_through_the_same_queue_and_cover_what_was_not_for_one(make, watch, knobs):
    knobs(heartbeat_seconds=0.1)
    anna = await make.person("1 EUR")
    board = await watch(make.user(anna))
    following = await board.subscribe(BALANCE)
    first = await following.item()
    await note(1)
    await placed()
    beats = [await following.item() for _ in range(4)]
    assert {beat["__typename"] for beat in beats} == {"Heartbeat"}
    assert first["cursor"] != beats[-1]["cursor"]
    assert beats[-1]["cursor"] == (await _seal(board)).cursor(await positions.head())


async def _seal(_board: Any) -> Any:
    from models.events.cursors import read_seal  # noqa: PLC0415

    return await read_seal()


async def test_a_burst_of_more_than_a_queue_holds_is_no_reason_to_lag(make, watch, knobs):
    knobs(feed_queue_max=16)
    board = await watch(make.operator)
    following = await board.subscribe(EVENTS)
    await following.item()
    async with transaction() as db:
        for number in range(500):
            await db.execute(NOTED, f"dead_letter:{number}", 0, orjson.dumps({"n": number}).decode(), LETTER)
    assert [(await following.event())["facts"]["n"] for _ in range(500)] == list(range(500))


async def test_too_much_while_catching_up_is_one_more_page_and_not_a_reason_to_lag(
    make, served, watch, knobs, monkeypatch
):
    knobs(feed_queue_max=4)
    written, read = itertools.count(1), log.after

    def handing_out() -> bool:
        """Whether what was routed is not in the queues yet, where it is too much."""
        return any(cohort._backlog for cohort in served.app.state.feed.cohorts._known.values())

    async def slowly(position: int, limit: int, **options: Any) -> list[log.EventRecord]:
        """Much happens while a page is read, three times over."""
        found = await read(position, limit, **options)
        if (last := served.app.state.feed.cohorts.position) < 40:
            for _ in range(15):
                await note(next(written))
            while served.app.state.feed.cohorts.position < last + 15 or handing_out():
                await asyncio.sleep(0.01)
        return found

    board = await watch(make.operator)
    cursor = (await (await board.subscribe(EVENTS)).item())["cursor"]
    await note(0)
    await placed()
    while served.app.state.feed.cohorts.position < await positions.head():
        await asyncio.sleep(0.01)
    monkeypatch.setattr(feed_following, "log", SimpleNamespace(after=slowly))
    following = await board.subscribe(EVENTS, after=cursor)
    assert [(await following.event(20))["facts"]["n"] for _ in range(46)] == list(range(46))


async def test_a_log_that_was_restored_ends_its_subscriptions_and_its_cursors(make, served, watch):
    await note(1)
    await placed()
    board = await watch(make.operator)
    following = await board.subscribe(EVENTS)
    cursor = (await following.item())["cursor"]
    await positions.begin_epoch()
    served.app.state.feed._sealed_at = 0.0
    await served.app.state.feed.seal()
    assert (await following.error())["extensions"]["code"] == "CURSOR_EXPIRED"
    assert (await (await board.subscribe(EVENTS, after=cursor)).error())["extensions"]["code"] == "CURSOR_EXPIRED"
    fresh = await board.subscribe(EVENTS)
    assert (await fresh.item())["__typename"] == "Heartbeat"
    await note(2)
    assert (await fresh.event(10))["facts"]["n"] == 2


async def test_a_cursor_ahead_of_the_log_is_expired(make, watch):
    board = await watch(make.operator)
    ahead = (await _seal(board)).cursor(1_000)
    assert (await (await board.subscribe(EVENTS, after=ahead)).error())["extensions"]["code"] == "CURSOR_EXPIRED"


async def test_what_was_born_a_moment_ago_is_waited_for(make, served, redis, knobs):
    """Nobody gives positions yet: the subscription waits for its snapshot, and has it as soon as there is one."""
    anna = await make.person("1 EUR")
    board = await let_in(served.url, make.user(anna).token)
    following = await board.subscribe(BALANCE)
    with pytest.raises(TimeoutError):
        await following.message(0.3)
    await positions.place(10)
    assert (await following.item())["version"] == 1
    await board.close()


async def test_a_cut_among_several_snapshots_loses_none(make, watch):
    """A person with three balances is cut after each item of the beginning: the others come when he comes again."""
    anna = await make.person("1 EUR", "2 USD", "3 RUB")
    await placed()
    for cut_after in (1, 2, 3):
        seen, after = [], None
        for most in (cut_after, 3 - cut_after):
            board = await watch(make.user(anna))
            following = await board.subscribe(BALANCES, **({"after": after} if after else {}))
            for _ in range(most):
                item = await following.item()
                after = item["cursor"]
                seen.append(item["currency"])
            await board.cut()
        assert seen == ["EUR", "USD", "RUB"]


async def test_a_restored_log_is_noticed_also_where_the_first_look_failed(make, served, watch, monkeypatch):
    await note(1)
    await placed()
    board = await watch(make.operator)
    following = await board.subscribe(EVENTS)
    await following.item()
    await positions.begin_epoch()
    feed = served.app.state.feed

    async def out_of_reach() -> int:
        raise OSError("the server has gone away")

    with monkeypatch.context() as patch:
        patch.setattr(positions, "head", out_of_reach)
        feed._sealed_at = 0.0
        with pytest.raises(OSError, match="gone away"):
            await feed.seal()
    await feed.seal()
    assert (await following.error())["extensions"]["code"] == "CURSOR_EXPIRED"
    fresh = await board.subscribe(EVENTS)
    assert (await fresh.item())["__typename"] == "Heartbeat"
    await note(2)
    assert (await fresh.event(10))["facts"]["n"] == 2


async def test_what_is_nested_and_out_of_reach_for_a_moment_is_tried_again(make, watch, monkeypatch):
    """And where it stays so, the subscription ends before the item, so that it comes again."""
    anna = await make.person("1 EUR")
    board = await watch(make.user(anna))
    nested = BALANCES.replace("currency", "version person { name }")
    following = await board.subscribe(nested)
    cursor = (await following.item())["extensions"]["cursor"]
    failures = itertools.count()
    good = reads.persons

    async def ill(*args: Any) -> Any:
        if next(failures) < limit:
            raise OSError("out of reach")
        return await good(*args)

    monkeypatch.setattr(reads, "persons", ill)
    limit = 2
    await make.adjust(anna, "1 EUR")
    item = await following.item()
    assert (item["version"], item["person"]["name"]) == (2, "Anna")
    limit, failures = 1_000, itertools.count()
    cursor = item["extensions"]["cursor"]
    await make.adjust(anna, "1 EUR")
    assert (await following.error())["extensions"]["code"] == "UPSTREAM_UNAVAILABLE"
    limit = 0
    again = await board.subscribe(nested, after=cursor)
    assert (await again.event())["version"] == 3


async def test_an_event_that_cannot_be_told_is_an_error_in_its_place_and_the_feed_goes_on(make, watch):
    """As where a new version of the house has written what this one does not know."""
    board = await watch(make.operator)
    following = await board.subscribe(EVENTS)
    first = await following.item()
    async with transaction() as db:
        await db.execute(NOTED.replace("dead_letter", "unheard_of"), "unheard_of:1", 0, "{}", "{}")
    await note(1)
    told = (await following.message())["payload"]
    assert (told["data"], told["errors"][0]["extensions"]["code"]) == (None, "INTERNAL")
    assert told["extensions"]["cursor"] > "" != first["cursor"]
    assert (await following.event())["facts"]["n"] == 1


async def test_after_the_end_nothing_more_is_taken(make):
    member = Member(10)
    ready = Ready("event", 1, "c", "t")
    member.put(ready)
    member.end(CursorExpired())
    member.put(Ready("event", 2, "d", "t"))
    assert await member.next() == ready
    with pytest.raises(CursorExpired):
        await member.next()
