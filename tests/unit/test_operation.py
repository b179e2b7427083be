"""The unit of work: what a verb may do, what happens when units meet, and what a refusal leaves behind."""

from __future__ import annotations

import asyncio
import contextvars

import asyncpg
import pytest

from models.events.requests import Request
from models.kernel.refusals import Busy, IdempotencyKeyConflict, InvalidInput, NotFound, VersionConflict
from models.kernel.sql import TRUE, fetch, sql, transaction
from models.kernel.viewer import Viewer
from models.people import operations as people
from models.people.reads import PersonRecord
from models.people.tables import Person
from models.unit import Unit, operation, step
from tests.ledger.books import BY, floored, house, transfers
from tests.make import money

pytestmark = pytest.mark.usefixtures("database")


@operation(answers=PersonRecord, refuses=())
async def undeclared(work: Unit, *, by: Viewer, request: Request | None = None) -> Person:
    raise NotFound("person")


@operation(answers=PersonRecord, refuses=())
async def nested(work: Unit, *, by: Viewer, request: Request | None = None) -> PersonRecord:
    return await people.upsert("inner", "Anna", by=by)


@step()
async def locks(work: Unit, first: int, second: int, *, by: Viewer) -> None:
    for number in (first, second):
        await work.lock(Person, sql("r.id = {}", number), visible_to=TRUE)


@step()
async def pays_twice(work: Unit, *, by: Viewer) -> None:
    for _ in range(2):
        await work.post(Person(id=0), transfers((house(), floored(1), 1)))


async def test_a_refusal_that_was_not_declared_fails_loudly():
    with pytest.raises(AssertionError, match="undeclared refuses NotFound"):
        await undeclared(by=BY)


async def test_a_unit_inside_a_unit_is_an_error(nothing_written):
    async with nothing_written():
        with pytest.raises(AssertionError, match="upsert is called inside nested"):
            await nested(by=BY)


async def test_rows_are_locked_in_the_order_of_their_ids():
    one, two = [await people.upsert(f"rank {n}", "Anna", by=BY) for n in range(2)]
    await locks(one.id, two.id, by=BY)
    with pytest.raises(AssertionError, match="is locked after person"):
        await locks(two.id, one.id, by=BY)


async def test_a_unit_moves_money_once(nothing_written):
    async with nothing_written():
        with pytest.raises(AssertionError, match="one unit moves money once"):
            await pays_twice(by=BY)


async def test_a_wait_that_is_too_long_is_busy():
    person = await people.upsert("held", "Anna", by=BY)
    async with transaction() as holder:
        await holder.execute("SELECT 1 FROM person WHERE id = $1 FOR UPDATE", person.id)
        await holder.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        elsewhere = contextvars.Context()  # a task that does not see this one's transaction
        with pytest.raises(Busy) as no:
            await asyncio.get_running_loop().create_task(_impatient(person.id), context=elsewhere)
    assert (no.value.code, no.value.retryable) == ("BUSY", True)


@step()
async def impatient(work: Unit, number: int, *, by: Viewer) -> None:
    await work.db.execute("SET LOCAL lock_timeout = '50ms'")
    await work.lock(Person, sql("r.id = {}", number), visible_to=TRUE)


async def _impatient(number: int) -> None:
    await impatient(number, by=BY)


@pytest.mark.parametrize(("clashes", "ends"), [(0, "done"), (2, "done"), (3, "busy")])
async def test_a_clash_runs_the_verb_again_from_the_start(clashes, ends, nothing_written):
    runs = 0

    @step()
    async def clashing(work: Unit, *, by: Viewer) -> int:
        nonlocal runs
        runs += 1
        await work.alone("something")
        if runs <= clashes:
            raise asyncpg.DeadlockDetectedError
        return runs

    async with nothing_written():
        if ends == "done":
            assert await clashing(by=BY) == clashes + 1
        else:
            with pytest.raises(Busy):
                await clashing(by=BY)
    assert runs == min(clashes + 1, 3)


async def test_a_bug_leaves_nothing_behind(nothing_written):
    @step()
    async def broken(work: Unit, *, by: Viewer) -> None:
        await work.open(Person(name="Anna"))
        await work.post(Person(id=0), transfers((house(), floored(1), 1)))
        raise ZeroDivisionError

    async with nothing_written():
        with pytest.raises(ZeroDivisionError):
            await broken(by=BY)


async def test_a_replay_is_the_noun_as_it_was_then():
    told: list[str] = []
    asked = Request("upsertPerson", {"n": 1}, key="k", on_replay=lambda: told.append("replayed"))
    first = await people.upsert("then", "Anna", by=BY, request=asked)
    await people.upsert("then", "Anna Petrova", by=BY)
    assert (await people.upsert("then", "Anna", by=BY, request=asked), told) == (first, ["replayed"])


async def test_a_key_stands_for_one_request_even_where_nothing_was_to_be_done(nothing_written):
    await people.upsert("there", "Anna", by=BY)
    same = Request("upsertPerson", {"name": "Anna"}, key="k")
    await people.upsert("there", "Anna", by=BY, request=same)
    async with nothing_written():
        with pytest.raises(IdempotencyKeyConflict):
            await people.upsert("there", "Boris", by=BY, request=Request("upsertPerson", {"name": "Boris"}, key="k"))


async def test_a_refusal_keeps_no_key(nothing_written):
    async with nothing_written():
        with pytest.raises(InvalidInput):
            await people.upsert("blank", " ", by=BY, request=Request("upsertPerson", {}, key="k"))


async def test_a_version_that_was_expected_of_nobody_is_a_conflict(nothing_written):
    async with nothing_written():
        with pytest.raises(VersionConflict) as no:
            await people.upsert("nobody", "Anna", by=BY, request=Request("upsertPerson", {}, expected_version=0))
    assert (no.value.expected, no.value.actual) == (0, None)


async def test_an_event_is_the_row_at_its_version():
    person = await people.upsert("events", "Anna", by=BY)
    await people.adjust(person.id, money("5 EUR"), "a test", by=BY)
    rows = await fetch(
        sql("SELECT version, name, from_status, to_status, audience, actor, actor_role, snapshot::jsonb->>'version' AS at"
            " FROM event WHERE subject = {} ORDER BY version", f"person:{person.id}")
    )  # fmt: skip
    audience = ["ops", f"person:{person.id}"]
    assert [tuple(row) for row in rows] == [
        (0, "open", None, "active", audience, "test", "operator", "0"),
        (1, "adjust", "active", "active", audience, "test", "operator", "1"),
    ]
