"""Messages are worked off: in order for each key, in one unit with what they do, and once, whoever fails, dies or is late."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import ValidationError

from jobs.inbox import drain_inbox
from jobs.running import measured
from jobs.wiring import BODIES
from models.inbox import operations as inbox
from models.inbox.operations.draining import DUE, FIRST_OF_ITS_KEY
from models.inbox.reads import backlog
from models.inbox.topics import Ignore, Poison, Wait
from models.kernel.refusals import Busy
from models.kernel.sql import fetch, sql, transaction
from models.kernel.viewer import Role, Viewer
from models.wiring import JOBS, REACTIONS, TOPICS, VIEWS
from models.work.jobs import PRUNE
from settings import Settings, settings
from tests.inbox.telling import SYSTEM, claim, drain, later, names, row, statuses, tell, was_here

OPERATOR = Viewer("operator", frozenset({Role.OPERATOR}))
DEAD_LETTERS = sql("SELECT name, source, status, deaths, reason, payload FROM dead_letter ORDER BY id")


async def letters() -> list[tuple]:
    return [tuple(letter) for letter in await fetch(DEAD_LETTERS)]


# --- order --------------------------------------------------------------------------------------------------------------


async def test_messages_of_one_key_are_done_in_order_and_others_beside_them(told):
    for n in range(12):
        await tell(n, key="ab"[n % 2] if n < 8 else None)
    report = await drain()
    assert (report.done, report.failures) == (12, 0)
    for key in "ab":
        assert [n for of, n in told.seen if of == key] == [n for n in range(8) if "ab"[n % 2] == key]
    assert sorted(told.seen[:6], key=lambda one: one[1]) == [("a", 0), ("b", 1), *((None, n) for n in range(8, 12))]


async def test_poison_among_good_ones_dies_alone(told, sentry):
    for n in range(6):
        await tell(n, key="k" if n < 3 else None, do="poison" if n in (1, 4) else "done")
    assert (await drain()).done == 6
    assert list((await statuses()).values()) == [
        "processed", "dead", "processed", "processed", "dead", "processed",
    ]  # fmt: skip
    assert sorted(await was_here()) == ["e0", "e2", "e3", "e5"]
    assert [letter[:5] for letter in sorted(await letters())] == [
        (f"e{n}", "inbox:test.said", "dead", 1, "nobody can do this") for n in (1, 4)
    ]
    assert {event["tags"]["topic"] for event in sentry} == {"test.said"}
    assert len(sentry) == 2


async def test_a_message_that_waits_holds_up_its_key_alone_until_it_is_released(told):
    told.but = {1: "wait"}
    for n, key in ((1, "k"), (2, "k"), (3, "other"), (4, None)):
        await tell(n, key=key)
    await drain()
    assert await statuses() == {"e1": "waiting", "e2": "received", "e3": "processed", "e4": "processed"}
    told.but = {}
    assert (await drain()).done == 0
    await later()
    assert (await drain()).done == 2
    assert set((await statuses()).values()) == {"processed"}
    assert [n for key, n in told.seen if key == "k"] == [1, 1, 2]
    assert await names("inbox_message:" + str((await row("e1"))["id"])) == ["open", "wait", "process"]


async def test_a_message_waits_silently_and_longer_each_time(told):
    await tell(1, do="wait")
    await drain()
    first = await row()
    pauses = []
    for seconds in (0, 4, 60, 3_600):
        await later(seconds)
        await drain()
        found = (await fetch(sql("SELECT next_check_at - saldo_now() AS pause, * FROM inbox_message")))[0]
        pauses.append(round(found["pause"].total_seconds()))
        assert (found["version"], found["status"], found["attempts"]) == (1, "waiting", 0)
    assert first["reason"] == "another has to come first"
    assert pauses == [5, 5, 64, 600]


async def test_a_message_that_has_waited_too_long_is_dead(told, sentry):
    await tell(1, key="k", do="wait")
    await tell(2, key="k")
    await drain()
    await later(settings().inbox_wait_seconds)
    await drain()
    assert await statuses() == {"e1": "dead", "e2": "processed"}
    ((_, _, _, deaths, reason, _),) = await letters()
    assert (deaths, reason) == (1, "waited 86400 seconds: another has to come first")
    assert len(sentry) == 1


# --- what a handler says ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("do", "status", "reason"),
    [
        ("ignore", "ignored", "told before"),
        ("poison", "dead", "nobody can do this"),
        ("refuse", "dead", "NOT_FOUND: There is no such shop."),
        ("wait", "waiting", "another has to come first"),
        ("fail", "received", None),
        ("busy", "received", None),
    ],
)
async def test_what_a_handler_wrote_is_undone_unless_it_processed_the_message(told, do, status, reason):
    await tell(1, do=do)
    await drain()
    found = await row()
    assert (found["status"], found["reason"], found["lease_token"]) == (status, reason, None)
    assert told.seen == [(None, 1)]
    assert await was_here() == []
    assert len(await letters()) == (status == "dead")


async def test_a_handler_that_finds_its_work_done_has_processed_the_message(told):
    await tell(1, do="there")
    await drain()
    assert (await statuses(), await letters()) == ({"e1": "processed"}, [])


async def test_a_topic_that_nobody_reads_any_more_is_poison(told, monkeypatch):
    await tell(1)
    monkeypatch.delitem(TOPICS, "test.said")
    await drain()
    assert [letter[4] for letter in await letters()] == ["nobody here reads test.said any more"]


async def test_a_payload_that_its_model_reads_no_more_is_poison(told):
    await tell(1)
    await fetch(sql("""UPDATE inbox_message SET payload = {}::text::jsonb RETURNING 1""", '{"n": "one"}'))
    await drain()
    assert [letter[4] for letter in await letters()] == ["INVALID_INPUT: payload.n: Input should be a valid integer"]


async def test_a_failure_is_tried_again_later_and_later_then_dies_and_is_told_once(told, sentry):
    await tell(1, do="fail")
    pauses = []
    for _ in range(7):
        assert (await drain()).failures == 1
        found = (await fetch(sql("SELECT next_check_at - saldo_now() AS pause, * FROM inbox_message")))[0]
        pauses.append(round(found["pause"].total_seconds()))
        assert (found["status"], found["version"], found["last_error"]) == (
            "received",
            0,
            "ZeroDivisionError: out of luck",
        )
        await later()
    assert (pauses, sentry) == ([5, 10, 20, 40, 80, 160, 320], [])
    for _ in range(2):
        await drain()
        await later()
    assert await letters() == [
        ("e1", "inbox:test.said", "dead", 1, "failed 8 times: ZeroDivisionError: out of luck",
         '{"do":"fail","key":null,"n":1}'),
    ]  # fmt: skip
    assert len(told.seen) == 8
    (event,) = sentry
    assert event["fingerprint"] == ["inbox", "test.said", "ZeroDivisionError"]


async def test_waiting_is_no_failure(told, knobs):
    knobs(inbox_attempts_max=2)
    await tell(1, do="wait")
    for _ in range(4):
        await drain()
        await later()
    assert (len(told.seen), await statuses()) == (4, {"e1": "waiting"})


# --- workers that die, or come late -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("do", ["done", "wait", "ignore", "poison"])
@pytest.mark.parametrize("after", ["claim", "handler", "word"])
async def test_killed_between_two_steps_a_message_still_ends_once(told, do, after):
    """What a worker leaves behind when it dies after a step, the next one finishes."""
    await tell(1, do=do)
    (dead,) = await claim(lease_seconds=0)
    if after == "handler":
        told.but = {1: "die"}
        with pytest.raises(asyncio.CancelledError):
            await inbox.process(dead, TOPICS, by=SYSTEM)
        told.but = {}
    if after == "word" and do != "done":
        with pytest.raises((Wait, Ignore, Poison)):
            await inbox.process(dead, TOPICS, by=SYSTEM)
    if after == "word" and do == "done":
        assert await inbox.process(dead, TOPICS, by=SYSTEM)
    for _ in range(2):
        await drain()
    ends = {"done": "processed", "wait": "waiting", "ignore": "ignored", "poison": "dead"}
    assert await statuses() == {"e1": ends[do]}
    assert await names("inbox_message:" + str((await row())["id"])) == [
        "open",
        {"done": "process", "poison": "die"}.get(do, do),
    ]
    assert (await was_here(), len(await letters())) == (["e1"] if do == "done" else [], int(do == "poison"))


async def test_a_late_worker_writes_nothing(told, nothing_written):
    await tell(1)
    (late,) = await claim(lease_seconds=0)
    (alive,) = await claim()
    assert (late.id, alive.attempts) == (alive.id, 2)

    async def writes_nothing():
        async with nothing_written():
            assert await inbox.process(late, TOPICS, by=SYSTEM) is False
            for word in (Wait("late"), Ignore("late"), Poison("late")):
                assert await inbox.set_aside(late, word, wait_seconds=60, by=SYSTEM) is False
            assert await inbox.note_failure(late, "late", attempts_max=1, by=SYSTEM) is False

    await writes_nothing()
    assert await inbox.process(alive, TOPICS, by=SYSTEM) is True
    await writes_nothing()
    assert told.seen == [(None, 1)]


async def test_a_message_that_takes_its_workers_with_it_is_given_up(told, knobs):
    knobs(inbox_attempts_max=2)
    await tell(1, key="k")
    await tell(2, key="k")
    for _ in range(2):
        assert [claimed.event_id for claimed in await claim(lease_seconds=0)] == ["e1"]
    await drain()
    assert (told.seen, await statuses()) == ([("k", 2)], {"e1": "dead", "e2": "processed"})
    assert [letter[4] for letter in await letters()] == ["given up after 2 attempts"]


async def test_a_death_that_cannot_be_written_is_left_to_the_lease(told, monkeypatch):
    await tell(1, do="poison")

    async def busy(*_args, **_kwargs) -> bool:
        raise Busy

    with monkeypatch.context() as patched:
        for step in ("set_aside", "note_failure"):
            patched.setattr(inbox, step, busy)
        assert (await drain()).failures == 1
    assert await statuses() == {"e1": "received"}
    await fetch(sql("UPDATE inbox_message SET lease_until = lease_until - interval '1 hour' RETURNING 1"))
    await drain()
    assert (await statuses(), len(await letters())) == ({"e1": "dead"}, 1)


async def test_a_drain_ends_in_time_though_more_is_due(told, knobs):
    knobs(inbox_batch=1, inbox_timeout_seconds=1, inbox_lease_seconds=3)
    for n in range(3):
        await tell(n)
    original = told.handle

    async def slow(*args) -> None:
        await asyncio.sleep(0.3)
        await original(*args)

    told.handle = slow
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(TOPICS, "test.said", told.topic)
        assert 1 <= (await measured(JOBS["drain_inbox"], BODIES)).done < 3


# --- the house around it --------------------------------------------------------------------------------------------------------


async def test_what_ended_long_ago_is_forgotten_and_its_id_is_as_good_as_new(told, knobs):
    for n, do in enumerate(("done", "ignore", "poison", "poison", "wait", "fail")):
        await tell(n, do=do)
    await drain()
    (first, _) = await fetch(sql("SELECT id FROM dead_letter ORDER BY id"))
    await inbox.discard(first["id"], "a test", by=OPERATOR)
    events = await fetch(sql("SELECT id FROM event"))
    assert (await measured(PRUNE, BODIES)).done == 0
    for table in ("inbox_message", "dead_letter"):
        await fetch(sql(f"UPDATE {table} SET updated_at = updated_at - interval '31 days' RETURNING 1"))
    assert (await measured(PRUNE, BODIES)).done == 4
    assert sorted((await statuses()).values()) == ["dead", "received", "waiting"]
    assert await fetch(sql("SELECT id FROM event")) == events
    assert (await tell(0)).version == 0


async def test_the_figures_say_what_is_left(told, http):
    for n, do in enumerate(("done", "wait", "poison", "fail", "fail")):
        await tell(n, do=do)
    await drain()
    await fetch(sql("UPDATE inbox_message SET updated_at = updated_at - interval '90 seconds' RETURNING 1"))
    left = await backlog()
    assert ((left.received, left.waiting, left.dead), left.oldest_seconds) == ((2, 1, 1), 90)
    figures = (await http.get("/metrics")).text
    for line in (
        'saldo_inbox_messages{status="received"} 2.0',
        'saldo_inbox_messages{status="waiting"} 1.0',
        'saldo_inbox_messages{status="dead"} 1.0',
        "saldo_inbox_oldest_seconds 90.0",
    ):
        assert line in figures


def test_the_inbox_is_wired():
    assert BODIES["drain_inbox"] is drain_inbox
    assert {event for event, job in REACTIONS.items() if job is JOBS["drain_inbox"]} == {
        ("inbox_message", "open"), ("inbox_message", "redrive"),
    }  # fmt: skip
    assert {"inbox_message", "dead_letter"} <= set(VIEWS)
    with pytest.raises(ValidationError, match="inbox_lease_seconds must be more than twice inbox_timeout_seconds"):
        Settings(env="development", inbox_timeout_seconds=30, inbox_lease_seconds=60)


async def test_a_claim_looks_at_what_is_open_however_much_has_ended(database):
    query = f"EXPLAIN SELECT r.id FROM inbox_message r WHERE {DUE} AND ({FIRST_OF_ITS_KEY}) ORDER BY r.id LIMIT 50"
    async with transaction() as db:
        await db.execute("SAVEPOINT whole")
        await db.execute(
            """INSERT INTO inbox_message
                 (version, created_at, updated_at, topic, event_id, key, digest, payload, sender, status, attempts)
               SELECT 0, now(), now(), 't', n, n % 7, '', '[]', 's', CASE WHEN n < 9900 THEN 'processed' ELSE 'received' END, 0
                 FROM generate_series(1, 10000) n"""
        )
        await db.execute("ANALYZE inbox_message")
        plan = "\n".join(line[0] for line in await db.fetch(query))
        await db.execute("ROLLBACK TO SAVEPOINT whole")
    assert plan.count("Index") >= 2, plan
    assert "Seq Scan" not in plan, plan
