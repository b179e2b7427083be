"""What reaches the queues and is no call of a known function is kept as a dead letter; the worker goes on."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator

import orjson
import pytest
from arq import create_pool
from redis.exceptions import WatchError

from gateways.wiring import Gateways
from jobs.queues import INNER_QUEUE, PUBLIC_QUEUE, redis_settings
from jobs.worker import Worker, _inner, _rounds
from models.kernel.sql import fetch, sql

CALL = {"t": None, "f": "prune", "a": [], "k": {}, "et": 1}


@pytest.fixture
async def worker(database, redis) -> AsyncIterator[Worker]:
    running = Worker()
    await running.start()
    yield running
    await running.stop()
    assert not running.failed.is_set()


@pytest.mark.parametrize("queue", [PUBLIC_QUEUE, INNER_QUEUE])
@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"\x80\x04\x95pickle", "not a call of a known function"),
        (b"not json", "not a call of a known function"),
        (b"[1, 2]", "not a call of a known function"),
        (b'{"f": "prune"}', "unknown function or missing field"),
        (orjson.dumps({**CALL, "f": "os.system"}), "unknown function or missing field 'os.system'"),
        (orjson.dumps({**CALL, "f": "bury_message", "a": ["q", "m", "r"], "et": 9 * 10**18}), "unknown function"),
        (orjson.dumps({**CALL, "f": "bury_message", "a": 7}), "unknown function"),
        (orjson.dumps({**CALL, "f": "bury_message", "a": ["a", "b\x00", "c"], "et": "never"}), "unknown function"),
    ],
    ids=["pickle", "text", "list", "fields", "function", "arguments", "type", "time"],
)
async def test_poison_is_buried_whole_with_its_reason(worker, redis, queue, message, reason):
    await redis.set("arq:job:poison", message)
    await redis.zadd(queue, {"poison": int(time.time() * 1000)})
    async with asyncio.timeout(10):
        while not (letters := await fetch(sql("SELECT * FROM dead_letter"))):
            await asyncio.sleep(0.02)
    (letter,) = letters
    assert (letter["source"], letter["payload"]) == (f"queue:{queue}", message.decode("utf-8", "replace"))
    assert letter["reason"].startswith(reason)
    assert [row["name"] for row in await fetch(sql("SELECT name FROM event WHERE noun = 'dead_letter'"))] == ["open"]


async def test_a_flushed_redis_is_no_end(worker, redis):
    await redis.flushall()
    before = time.time()
    async with asyncio.timeout(10):
        while not await fetch(
            sql("SELECT 1 FROM scheduled_job WHERE extract(epoch FROM started_at) > {}::float8", before)
        ):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(("t", "et"), [(99, 9 * 10**18), (1, -1), (None, 10**30)])
async def test_what_a_sender_says_of_tries_and_times_harms_nobody(worker, redis, t, et):
    await redis.set("arq:job:call", json.dumps({**CALL, "f": "cron:prune", "t": t, "et": et}))
    await redis.zadd(INNER_QUEUE, {"call": int(time.time() * 1000)})
    async with asyncio.timeout(10):
        while await redis.exists("arq:job:call"):
            await asyncio.sleep(0.02)
    assert not worker.failed.is_set()


async def test_arq_is_begun_again_where_redis_was_lost_while_it_watched_a_key_and_runs_as_many_jobs_as_before(redis):
    """It takes that for a reason to end, whatever it was told to retry, and forgets a place that it had taken."""
    worker = _inner(await create_pool(redis_settings()), Gateways())
    running = asyncio.create_task(asyncio.sleep(60))
    rounds = iter([WatchError("A ConnectionError occurred on while watching one or more keys"), OSError()] * 12)

    async def a_round():
        if error := next(rounds, None):
            await worker.sem.acquire()
            worker.job_counter += 1
            raise error

    worker.async_run, worker.tasks = a_round, {"running": running}
    try:
        async with asyncio.timeout(20):
            await _rounds(worker)
        assert worker.job_counter == 1
        assert worker.sem._value == worker.max_jobs
    finally:
        running.cancel()
        await worker.pool.aclose(close_connection_pool=True)
