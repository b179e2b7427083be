"""Positions: the one order of all events, whoever commits when, and whoever gives them."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from jobs.relay import Relay
from jobs.waking import Waker
from models import migrating
from models.events import log, positions
from models.kernel.sql import fetch, sql, transaction
from models.kernel.tasks import cancelled
from server.feed import Feed
from tests.feed.conftest import placed, running
from tests.races.planted import without

INSERT = """INSERT INTO event (noun, subject, version, name, facts, snapshot, actor, actor_role, audience, occurred_at)
            VALUES ('job_run', $1, $2, 'noted', '{}', '{}', 'x', 'system', '{ops}', saldo_now())"""


async def write(subject: str, version: int, seconds: float = 0) -> None:
    """An event whose transaction stays open for a while after it was written."""
    async with transaction() as db:
        await db.execute(INSERT, subject, version)
        await asyncio.sleep(seconds)


async def read_on(seen: list[log.EventRecord], until: asyncio.Event) -> None:
    """Follow by cursor, as any reader does: page after page from the last position seen."""
    while not until.is_set() or await log.after(seen[-1].position if seen else 0, 1):
        seen += await log.after(seen[-1].position if seen else 0, random.choice((1, 7, 100)))
        await asyncio.sleep(0.002)


async def test_sixteen_writers_commit_late_and_every_reader_sees_every_event_once_and_in_order(database, redis):
    rng, done = random.Random(3), asyncio.Event()
    readers: list[list[log.EventRecord]] = [[] for _ in range(4)]

    async def writer(number: int) -> None:
        late = rng.randrange(8)
        for version in range(8):
            await write(f"job_run:{number}", version, rng.uniform(0.5, 2) if version == late else rng.uniform(0, 0.05))

    async with running(Relay(), Waker()):
        reading = [asyncio.create_task(read_on(seen, done)) for seen in readers]
        await asyncio.gather(*(writer(number) for number in range(16)))
        await placed()
        done.set()
        await asyncio.gather(*reading)
    for seen in readers:
        assert [event.position for event in seen] == list(range(1, 16 * 8 + 1))
        for number in range(16):
            assert [e.version for e in seen if e.subject == f"job_run:{number}"] == list(range(8))
    assert len({tuple(event.id for event in seen) for seen in readers}) == 1


async def places_at_once(events: int = 300) -> list[str]:
    """Several give positions while others write: dense, each event once, and nobody stumbles."""
    going, wrong = True, []

    async def placer() -> None:
        while going:
            try:
                await positions.place(random.choice((1, 3, 20)))
            except Exception as error:  # noqa: BLE001  whatever it is, it is what went wrong
                wrong.append(type(error).__name__)
            await asyncio.sleep(0)

    placers = [asyncio.create_task(placer()) for _ in range(5)]
    await asyncio.gather(*(write(f"job_run:{n}", 0, random.uniform(0, 0.01)) for n in range(events)))
    while not wrong and (await positions.waiting())[0]:
        await asyncio.sleep(0.005)
    going = False
    await asyncio.gather(*placers)
    found = await log.after(0, 10_000)
    if not wrong and [event.position for event in found] != list(range(1, events + 1)):
        wrong.append("positions have gaps")
    return wrong


async def test_several_give_positions_at_once(database):
    assert await places_at_once() == []


@pytest.mark.usefixtures("database")
async def test_several_give_positions_at_once_finds_a_missing_lock():
    head = "SELECT coalesce(max(p.position), 0) INTO head FROM place p;"
    lock = (
        f"IF NOT pg_try_advisory_xact_lock(hashtextextended('event_place', 0)) THEN\n    RETURN;\n  END IF;\n  {head}"
    )
    async with without("event_place", lock, f"{head} PERFORM pg_sleep(0.003);"):
        assert await places_at_once() != []


async def test_of_several_relays_one_leads_and_when_it_dies_another_does_at_once(database, redis):
    relays = [Relay() for _ in range(3)]
    async with running(*relays) as tasks:
        async with asyncio.timeout(5):
            while sum(relay.leads for relay in relays) != 1:
                await asyncio.sleep(0.01)
        leader = next(number for number, relay in enumerate(relays) if relay.leads)
        await cancelled([tasks[leader]])
        async with asyncio.timeout(2):
            while not any(relay.leads for relay in relays):
                await asyncio.sleep(0.01)
        await write("job_run:1", 0)
        await placed()
    assert [event.subject for event in await log.after(0, 10)] == ["job_run:1"]


async def test_a_leader_that_hangs_leaves_nothing_without_a_place(database, redis):
    """It holds the lock of the leader and does nothing: the stand-by places, once a second."""
    async with transaction() as hanging:
        await hanging.fetchval("SELECT pg_advisory_xact_lock($1)", 0x5A1D1)
        async with running(Relay()):
            await write("job_run:1", 0)
            await placed()


async def test_a_position_is_never_changed(database):
    await write("job_run:1", 0)
    await positions.place(10)
    for change in ("UPDATE place SET position = 9", "DELETE FROM place", "TRUNCATE place"):
        with pytest.raises(Exception, match="append-only"):
            await fetch(sql(change))
    assert await positions.head() == 1


async def test_events_from_before_there_were_positions_get_theirs(database):
    """The migration's own statement, over a log that was written without the trigger."""
    async with transaction() as db:
        await db.execute("SET LOCAL session_replication_role = replica")  # no triggers
        for version in range(5):
            await db.execute(INSERT, "job_run:1", version)
    assert await positions.waiting() == (0, 0.0)
    script = (migrating.Path(migrating.__file__).parent / "migrations/sql/0005_positions.sql").read_text()
    backfill = "INSERT INTO unplaced SELECT id FROM event;"
    assert backfill in script
    await fetch(sql(backfill.rstrip(";")))
    await positions.place(10)
    assert [event.version for event in await log.after(0, 10)] == list(range(5))


async def test_a_restored_log_has_other_cursors(database):
    feed = Feed()
    await write("job_run:1", 0)
    await positions.place(1)
    cursor = await feed.head()
    assert (await feed.seal()).position(cursor) == 1
    await positions.begin_epoch()
    other: Any = Feed()
    with pytest.raises(Exception, match="read again from the start"):
        (await other.seal()).position(cursor)
    assert await other.head() != cursor
