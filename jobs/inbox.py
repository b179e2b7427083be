"""The inbox's jobs: what other services may enqueue, and working off what came."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import orjson
import sentry_sdk
import structlog

from jobs.queues import PUBLIC_QUEUE, kept
from jobs.running import Tools, each
from models.inbox import operations as inbox
from models.inbox.operations import Claimed
from models.inbox.operations.letters import CALL, QUEUE
from models.inbox.topics import Poison, SetAside
from models.kernel.refusals import Busy, Refusal
from models.wiring import TOPICS
from models.work.operations import Report

log = structlog.get_logger("jobs")


async def ingest_event(ctx: dict[Any, Any], topic: Any, event_id: Any, payload: Any) -> None:
    """What other services enqueue on `saldo:public`. Its first act is the message's row; what is refused becomes a dead letter.

    Run twice: the row, or the letter, is there already.
    """
    async with kept(ctx):
        try:
            await inbox.ingest(topic, event_id, payload, TOPICS, by=QUEUE)
        except Busy:
            raise
        except Refusal as no:
            call = _text({"topic": topic, "eventId": event_id, "payload": payload})
            await inbox.bury(f"queue:{PUBLIC_QUEUE}", CALL, call, f"{no.code}: {no}", by=QUEUE)


async def drain_inbox(tools: Tools) -> Report:
    """Claim messages, do each, and again until none is due or half of the job's time is over: what is last of a key today
    may be first of it now."""
    done = failures = 0
    until = time.monotonic() + tools.settings.inbox_timeout_seconds / 2
    while time.monotonic() < until:
        claimed = await inbox.claim_messages(
            limit=tools.settings.inbox_batch, lease_seconds=tools.settings.inbox_lease_seconds, by=tools.by
        )
        if not claimed:
            break
        report = await each(
            claimed, partial(_do, tools), at_once=tools.settings.inbox_at_once, failed=partial(_failed, tools)
        )
        done, failures = done + report.done, failures + report.failures
    return Report(done, failures)


async def _do(tools: Tools, claimed: Claimed) -> None:
    """One message. What its handler says of it is no failure; one that takes its workers with it is given up."""
    attempts_max = tools.settings.inbox_attempts_max
    try:
        if claimed.attempts > attempts_max:
            raise Poison(f"given up after {attempts_max} attempts")
        await inbox.process(claimed, TOPICS, by=tools.by)
    except SetAside as word:
        if await inbox.set_aside(claimed, word, wait_seconds=tools.settings.inbox_wait_seconds, by=tools.by):
            _tell(claimed, word)


async def _failed(tools: Tools, claimed: Claimed, error: Exception) -> None:
    words, limit = f"{type(error).__name__}: {error}", tools.settings.inbox_attempts_max
    if await inbox.note_failure(claimed, words, attempts_max=limit, by=tools.by):
        _tell(claimed, error)


def _tell(claimed: Claimed, error: Exception) -> None:
    """A death is told once, when it is written."""
    log.error("message_dead", message=claimed.id, topic=claimed.topic, attempts=claimed.attempts, error=repr(error))
    with sentry_sdk.new_scope() as scope:
        scope.set_tag("job", "drain_inbox")
        scope.set_tag("topic", claimed.topic)
        scope.set_tag("subject", f"inbox_message:{claimed.id}")
        scope.fingerprint = ["inbox", claimed.topic, type(error).__name__]
        sentry_sdk.capture_exception(error)


def _text(call: dict[str, Any]) -> str:
    """The call as text, also where it is nested so deeply that it cannot be written as JSON."""
    try:
        return orjson.dumps(call).decode()
    except TypeError:
        return repr(call)
