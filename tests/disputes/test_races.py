"""Wherever two can meet over a dispute nothing goes wrong; and with its guard taken out something does.
[spec/disputes §10.2, H-O1, H-O4, H-O5, H-O12, H-O14]"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from jobs.wiring import BODIES
from models.disputes import operations as disputes
from models.disputes.lifecycle import DisputeStatus
from models.disputes.operations import working
from models.kernel.sql import sql, transaction
from tests.conftest import empty
from tests.disputes.racing import (
    ALONE,
    FREE,
    OPERATIONS,
    differences,
    nobody_waits,
    rows,
    slow_writes,
    until_called,
)
from tests.disputes.world import WORKER, World
from tests.races.scenarios import outcomes, surprises

S = DisputeStatus


# --- one open dispute of a payment ------------------------------------------------------------------------------------


async def twenty_creates(world: World) -> list[str]:
    """5: twenty at once about one payment: one dispute, and all are answered with it."""
    await world.payment()
    answers = await outcomes(world.ask_to_create() for _ in range(20))
    wrong = surprises(answers)
    while busy := [n for n, one in enumerate(answers) if isinstance(one, dict) and one["__typename"] == "Busy"]:
        for n in busy:
            answers[n] = await world.ask_to_create()
    ids = {one["disputeId"] for one in answers if isinstance(one, dict)}
    there = await rows("SELECT dispute_id::text FROM dispute")
    if len(ids) != 1 or {(id,) for id in ids} != {*there}:
        wrong.append(f"answered {ids}, there are {there}")
    return wrong + await differences()


async def created_while_one_ends(world: World) -> list[str]:
    """Ten create while an operator cancels the one that is open: each is answered with one that was open, or comes again. Every
    other time they looked before that one was, and have put their files away."""
    wrong: list[str] = []
    for number in range(4):
        await world.payment(f"inv-{number}")
        first = (await world.ask_to_create(f"inv-{number}"))["disputeId"]
        calls = [world.ask_to_create(f"inv-{number}") for _ in range(10)]
        calls.insert(number * 3, world.desk("cancelDisputes", first))
        with pytest.MonkeyPatch.context() as patched:
            if number % 2:
                patched.setattr("models.disputes.reads.open_of", nobody_waits)
            async with slow_writes():
                found = await outcomes(calls)
        wrong += surprises(found)
        answered = {one.get("disputeId", one["__typename"]) for one in found if isinstance(one, dict)}
        there = await rows("SELECT dispute_id::text, status FROM dispute WHERE invoice_id = {}", f"inv-{number}")
        if (first, "cancelled") not in there or len(there) > 2 or answered - {id for id, _ in there} - {"Busy"}:
            wrong.append(f"answered {answered}, there are {there}")
    return wrong + await differences()


# --- workers beside each other ----------------------------------------------------------------------------------------


async def _created(world: World, _url: str) -> None:
    for n in range(3):
        await world.created(f"inv-{n}", paid={"providerTrxId": f"trx-undecided-{n}"})


async def _pending(world: World, url: str) -> None:
    await _created(world, url)
    await world.create_tick()


async def _manual(world: World, _url: str) -> None:
    for n in range(3):
        await world.created(f"inv-{n}", paid={"terminalId": 3})
    await world.create_tick()


async def ended(world: World, url: str) -> None:
    for n in range(3):
        dispute = await world.created(f"inv-{n}", notificationUrl=url)
        await world.desk("cancelDisputes", dispute)


WORKERS = {
    "process_created_disputes": (_created, "quickpay", "open", 3),
    "process_pending_disputes": (_pending, "quickpay", "check_dispute", 3),
    "process_forgotten_disputes": (_manual, "billing", "payment", 3),
    "deliver_dispute_notifications": (ended, "receiver", "notify", 3),
    "tell_support": (_pending, "support", "tell", 3),
}
"""By job: what there is to do, whom it asks, and how often."""


async def four_workers(world: World, job: str) -> list[str]:
    """Two begin at once, two more while those ask: each row is asked about by one, once."""
    prepare, system, operation, times = WORKERS[job]
    await prepare(world, f"{world.box.url}/receiver/hooks/shop")
    before = len(await world.calls(system, operation))
    await world.due()
    await world.script(system, operation, "slow", times=99, seconds=0.4)
    first = [asyncio.create_task(BODIES[job](world.tools)) for _ in range(2)]
    await until_called(world, system, operation, before)
    found = await outcomes([*first, *(BODIES[job](world.tools) for _ in range(2))])
    wrong = surprises(found)
    made = len(await world.calls(system, operation)) - before
    if made != times:
        wrong.append(f"asked {made} times, not {times}")
    return wrong + await differences()


async def claims_beside_each_other(world: World) -> list[str]:
    """One claims, in a unit that takes its time: another claims meanwhile, takes other rows, and does not wait."""
    claim, begun, let = working.claim, asyncio.Event(), asyncio.Event()

    async def slowly(*args, **more):
        rows = await claim(*args, **more)
        if not begun.is_set():
            begun.set()
            await let.wait()
        return rows

    await _created(world, "")
    await world.due()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(working, "claim", slowly)
        slow = asyncio.create_task(disputes.claim_due(S.CREATED, limit=2, lease_seconds=60, by=WORKER))
        await begun.wait()
        quick = asyncio.create_task(disputes.claim_due(S.CREATED, limit=2, lease_seconds=60, by=WORKER))
        await asyncio.wait([quick], timeout=1.5)
        wrong = [] if quick.done() else ["waited"]
        let.set()
        found = await outcomes([slow, quick])
    wrong += surprises(found)
    ids = [one.id for haul in found if not isinstance(haul, BaseException) for one in haul]
    return wrong + ([] if len(ids) == len(set(ids)) == 3 else [f"claimed {sorted(ids)}"])


async def messages_of_one(world: World) -> list[str]:
    """Three statuses of one dispute, told by workers of whom each tells what it can: the desk hears them in order."""
    dispute = await world.pending()
    await world.desk("cancelDisputes", dispute)
    await world.script("support", "tell", "slow", times=1, seconds=0.4, match='"status":"created"')
    for _ in range(3):
        await world.due()
        await outcomes(world.tick("tell_support", due=False) for _ in range(3))
    ended = await rows("SELECT version FROM support_message ORDER BY ended_at")
    asked = [call["body"]["status"] for call in await world.calls("support", "tell")]
    right = asked == ["created", "pending", "cancelled"] and ended == [(0,), (1,), (2,)]
    return [] if right else [f"asked {asked}, ended {ended}"]


# --- with and without -------------------------------------------------------------------------------------------------


def _waiting_for_each_other(text, *values):
    return sql(text.replace("SKIP LOCKED", ""), *values)


GUARDED = [
    (twenty_creates, {ALONE: nobody_waits}),
    (created_while_one_ends, {ALONE: nobody_waits}),
    (claims_beside_each_other, {"models.work.claims.sql": _waiting_for_each_other}),
    (messages_of_one, {f"{OPERATIONS}.supporting.FIRST_OF_ITS_DISPUTE": "TRUE"}),
]
by_name = {"ids": lambda value: getattr(value, "__name__", "")}


@pytest.mark.parametrize("scenario", dict.fromkeys(row[0] for row in GUARDED), **by_name)
async def test_nothing_goes_wrong(world, scenario):
    assert await scenario(world) == []


@pytest.mark.parametrize("job", WORKERS)
async def test_of_four_workers_one_does_it(world, job):
    assert await four_workers(world, job) == []


@pytest.mark.broken_books
@pytest.mark.parametrize(("scenario", "guards"), GUARDED, **by_name)
async def test_without_its_guard_something_does(world, scenario, guards, monkeypatch):
    for guard, instead in guards.items():
        monkeypatch.setattr(guard, instead)
    assert await scenario(world) != []


@pytest.mark.broken_books
@pytest.mark.parametrize("job", WORKERS)
async def test_without_leases_several_do(world, job, monkeypatch):
    monkeypatch.setattr(FREE, "TRUE")
    assert await four_workers(world, job) != []


@asynccontextmanager
async def without_the_index() -> AsyncIterator[None]:
    """As if the database did not know that one dispute of a payment may be open."""
    ((made,),) = await rows("SELECT indexdef FROM pg_indexes WHERE indexname = 'dispute_open_once'")
    async with transaction() as db:
        await db.execute("DROP INDEX dispute_open_once")
    try:
        yield
    finally:
        await empty()
        async with transaction() as db:
            await db.execute(made)


@pytest.mark.broken_books
async def test_without_waiting_the_index_still_lets_one_be_open_and_without_both_there_are_several(world, monkeypatch):
    """The last guard of all: whoever loses then gets no answer, and there is one dispute all the same."""
    opened = "SELECT count(*) FROM dispute"
    monkeypatch.setattr(ALONE, nobody_waits)
    await world.payment()
    async with slow_writes():
        await outcomes(world.ask_to_create() for _ in range(20))
    assert await rows(opened) == [(1,)]
    async with without_the_index():
        await world.payment("other")
        async with slow_writes():
            await outcomes(world.ask_to_create("other") for _ in range(20))
        assert (await rows(f"{opened} WHERE invoice_id = 'other'"))[0][0] > 1
        assert any("a newer one of its payment follows" in text for text in await differences())
