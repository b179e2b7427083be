"""Other services enqueue `ingest_event`: what arrives is a message, what is refused a dead letter, and nothing is lost."""

from __future__ import annotations

import ast
import asyncio
import json
import re
import time
from pathlib import Path

import asyncpg
import orjson
import pytest
from arq import Retry

from jobs import queues
from jobs.inbox import ingest_event
from jobs.queues import PUBLIC_QUEUE
from jobs.wiring import PUBLIC
from models.inbox import operations as inbox
from models.kernel.refusals import Busy
from models.kernel.sql import fetch, sql
from models.wiring import TOPICS
from settings import settings
from tests.inbox.telling import REDRIVE, row, statuses, tell, until

ANNA = {"externalId": "7", "name": "Anna"}
EXAMPLES = re.findall(r"```python\n(.*?)```", Path("docs/inbox.md").read_text(), re.DOTALL)
CTX = {"job_try": 1}


async def run(source: str, **names) -> None:
    """Run an example as a reader would, in an `async` place."""
    await eval(compile(source, "example", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
    if "pool" in names:
        await names["pool"].aclose(close_connection_pool=True)


async def enqueue(redis, *args, name="ingest_event", **kwargs) -> None:
    at = int(time.time() * 1000)
    call = {"t": 1, "f": name, "a": args, "k": kwargs, "et": at}
    await redis.set(f"arq:job:{at}{args}", json.dumps(call))
    await redis.zadd(PUBLIC_QUEUE, {f"{at}{args}": at})


async def letters() -> list[tuple]:
    query = sql("SELECT source, name, payload, reason FROM dead_letter ORDER BY id")
    return [(*letter[:2], orjson.loads(letter[2]), letter[3]) for letter in await fetch(query)]


async def test_the_examples_of_the_documentation_work(worker, redis, redis_url):
    assert len(EXAMPLES) == 2
    for example in EXAMPLES:
        await run(example, REDIS_URL=redis_url)
        await run(example, REDIS_URL=redis_url)
    people = sql("SELECT name FROM person ORDER BY name")
    found = await until(lambda: _all(people, 2))
    assert [person["name"] for person in found] == ["Anna", "Boris"]
    assert (await statuses(), await letters()) == ({"crm-4711": "processed", "crm-4712": "processed"}, [])
    assert (await row("crm-4711"))["sender"] == "job:queue"


async def _all(query, count):
    found = await fetch(query)
    return found if len(found) == count else None


async def test_what_is_refused_is_a_letter_with_the_call_and_the_reason(worker, redis, api, make):
    await enqueue(redis, "person.named", "crm-1", ANNA)
    await until(statuses)
    await enqueue(redis, "person.named", "crm-1", ANNA | {"name": "Anja"})
    await enqueue(redis, topic="person.named", event_id="crm-1", payload=ANNA)
    await enqueue(redis, "person.renamed", "crm-2", ANNA)
    await enqueue(redis, "person.named", ["crm-3"], "\x00")
    found = await until(lambda: _all(sql("SELECT reason FROM dead_letter"), 3))
    assert sorted(letter["reason"] for letter in found) == [
        "EVENT_ID_CONFLICT: This event id came before with another content.",
        "INVALID_INPUT: eventId: must have 1 to 128 characters, not only blanks",
        "INVALID_INPUT: topic: must be one of person.named, shop.credited",
    ]
    assert {letter[:2] for letter in await letters()} == {("queue:saldo:public", "ingest_event")}
    held = {"topic": "person.named", "eventId": "crm-1", "payload": ANNA | {"name": "Anja"}}
    assert held in [letter[2] for letter in await letters()]
    assert list(await statuses()) == ["crm-1"]


async def test_a_call_that_does_not_fit_the_function_is_a_letter_that_can_be_corrected(worker, redis, api, make):
    await enqueue(redis, "person.named", "crm-1")
    (letter,) = await until(lambda: _all(sql("SELECT * FROM dead_letter"), 1))
    assert letter["reason"].startswith("not a call of a known function: missing a required argument: 'payload'")
    shown = await api("{ deadLetters { edges { node { id } } } }", by=make.operator)
    fixed = {"topic": "person.named", "eventId": "crm-1", "payload": ANNA}
    asked = {"ids": [shown["edges"][0]["node"]["id"]], "fixedPayload": fixed}
    (answer,) = await api(REDRIVE, by=make.operator, input=asked)
    assert (answer["status"], list(await statuses())) == ("REDRIVEN", ["crm-1"])


async def test_a_call_that_runs_twice_is_kept_once(database, nothing_written):
    conflict = ("person.named", "crm-1", ANNA | {"name": "Anja"})
    for args in (("person.named", "crm-1", ANNA), conflict, ("no topic", 7, None)):
        await ingest_event(CTX, *args)
    async with nothing_written():
        for args in (("person.named", "crm-1", ANNA), conflict, ("no topic", 7, None)):
            await ingest_event(CTX, *args)
    assert (len(await statuses()), len(await letters())) == (1, 2)


async def test_a_payload_without_end_is_a_letter_too(database):
    deep: list = []
    for _ in range(400):
        deep = [deep]
    await ingest_event(CTX, "person.named", "deep", deep)
    await ingest_event(CTX, "person.named", "huge", ANNA | {"more": "x" * 65_536})
    found = await fetch(sql("SELECT reason, length(payload) AS size FROM dead_letter ORDER BY id"))
    assert [letter["reason"] for letter in found] == [
        "INVALID_INPUT: payload: must be JSON, with whole numbers of up to 64 bits",
        "INVALID_INPUT: payload: may have up to 65536 bytes as JSON",
    ]
    assert found[1]["size"] > 65_536


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Busy(), 0),
        (ConnectionRefusedError(), 0),
        (asyncpg.InterfaceError("closed"), 0),
        (ZeroDivisionError("a bug"), 1),
    ],
    ids=["busy", "out of reach", "closed", "bug"],
)
async def test_what_cannot_be_kept_now_is_tried_again_later(
    database, monkeypatch, sentry, nothing_written, error, told
):
    async def fails(*_args, **_kwargs) -> None:
        raise error

    monkeypatch.setattr(inbox, "ingest", fails)
    monkeypatch.setattr(inbox, "bury", fails)
    async with nothing_written():
        for attempt, seconds in ((1, 2), (5, 32), (99, 300)):
            for call in (
                ingest_event({"job_try": attempt}, "person.named", "crm-1", ANNA),
                queues.bury_message({"job_try": attempt}, "q", "m", "r"),
            ):
                with pytest.raises(Retry) as again:
                    await call
                assert again.value.defer_score == seconds * 1000
    assert bool(sentry) == bool(told)


async def test_a_worker_tries_until_it_is_kept(worker, redis, monkeypatch):
    original, tries = inbox.ingest, []

    async def busy_first(*args, **kwargs):
        tries.append(args)
        if len(tries) == 1:
            raise Busy
        return await original(*args, **kwargs)

    monkeypatch.setattr(queues, "BACK_OFF_MAX_SECONDS", 0.05)
    monkeypatch.setattr(inbox, "ingest", busy_first)
    await enqueue(redis, "person.named", "crm-1", ANNA)
    await until(statuses)
    assert len(tries) == 2


async def test_a_database_that_hangs_is_left_before_the_message_is_lost(database, monkeypatch, knobs):
    knobs(job_timeout_seconds=1, run_requests_timeout_seconds=140)

    async def hangs(*_args, **_kwargs) -> None:
        await asyncio.sleep(30)

    monkeypatch.setattr(inbox, "ingest", hangs)
    before = time.monotonic()
    with pytest.raises(Retry):
        await ingest_event(CTX, "person.named", "crm-1", ANNA)
    assert time.monotonic() - before < settings().job_timeout_seconds


async def test_what_came_by_both_ways_is_one_message(told, nothing_written):
    await tell(1)
    async with nothing_written():
        await ingest_event(CTX, "test.said", "e1", {"do": "done", "n": 1, "key": None})


def test_the_public_queue_takes_what_is_documented():
    assert set(PUBLIC) == {"ingest_event"}


def test_every_topic_is_documented():
    text = Path("docs/inbox.md").read_text()
    assert [name for name in TOPICS if f"| `{name}` |" not in text] == []
