"""How messages are worked off: claimed in their order, handled in one unit with their move, set aside or tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from models.inbox.lifecycle import InboxMessageStatus
from models.inbox.operations.letters import write
from models.inbox.tables import REASON_MAX, InboxMessage
from models.inbox.topics import Ignore, Poison, Received, SetAside, Topics, Wait
from models.kernel.clock import now
from models.kernel.lifecycle import AlreadyThere
from models.kernel.refusals import Refusal
from models.kernel.sql import sql
from models.kernel.viewer import Viewer
from models.unit import Unit, step
from models.work.claims import claim, release, still_ours

BACK_OFF_SECONDS, BACK_OFF_MAX_SECONDS = 5, 600
FREED = {"lease_until": None, "lease_token": None}
DUE = "r.status IN ('received', 'waiting') AND (r.next_check_at IS NULL OR r.next_check_at <= saldo_now())"
FIRST_OF_ITS_KEY = """r.key IS NULL OR NOT EXISTS (
  SELECT FROM inbox_message e WHERE e.topic = r.topic AND e.key = r.key AND e.id < r.id
     AND e.status IN ('received', 'waiting'))"""
"""A message waits for the earlier ones of its key, also for those that wait themselves; not for the dead: a human has them."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that is ours until its lease ends. `attempts` counts this one."""

    id: int
    topic: str
    event_id: str
    attempts: int
    token: UUID


@step()
async def claim_messages(work: Unit, *, limit: int, lease_seconds: int, by: Viewer) -> list[Claimed]:
    """Take messages that are due, the oldest first, of each topic and key the first one alone."""
    due = sql(DUE) & sql(FIRST_OF_ITS_KEY)
    rows = await claim(work, InboxMessage, due, limit=limit, lease_seconds=lease_seconds)
    return [Claimed(row.id, row.topic, row.event_id, row.attempts, _token(row)) for row in rows]


@step()
async def process(work: Unit, claimed: Claimed, topics: Topics, *, by: Viewer) -> bool:
    """Do what a message asks for and end it: both, or neither. False: the lease went to another worker, nothing is written.

    Locks the message, then whatever its handler locks. A handler that finds its work done has processed it. Raises what
    the handler raised, when all of the unit is undone; a refusal becomes `Poison`, unless asking again may help.
    """
    message = await still_ours(work, InboxMessage, claimed.id, claimed.token)
    if message is None:
        return False
    topic = topics.get(message.topic)
    if topic is None:
        raise Poison(f"nobody here reads {message.topic} any more")
    received = Received(message.id, message.topic, message.event_id, message.sender, message.created_at)
    try:
        await topic.deliver(work, message.payload, received)
    except AlreadyThere:
        pass
    except Refusal as no:
        if no.retryable:
            raise
        raise Poison(f"{no.code}: {no}") from no
    message.reason, message.processed_at = None, now()
    _end(message)
    await work.move(message, "process")
    return True


@step()
async def set_aside(work: Unit, claimed: Claimed, word: SetAside, *, wait_seconds: int, by: Viewer) -> bool:
    """Do with a message as its handler said: let it wait, ignore it, or let it die. True: it is dead now.

    Locks the message, then its letter. A message that waits is looked at again after as long as it has waited, from
    five seconds to ten minutes, and dies after `wait_seconds`. A late worker writes nothing.
    """
    message = await still_ours(work, InboxMessage, claimed.id, claimed.token)
    if message is None:
        return False
    reason = _text(word.reason)
    match word:
        case Ignore():
            message.reason, message.processed_at = reason, now()
            _end(message)
            await work.move(message, "ignore", reason=reason)
            return False
        case Wait():
            return await _wait(work, message, reason, wait_seconds)
        case _:
            return await _die(work, message, reason)


@step()
async def note_failure(work: Unit, claimed: Claimed, error: str, *, attempts_max: int, by: Viewer) -> bool:
    """Keep why an attempt failed, and try again later: after 5 s, twice as long each time, up to 10 min. True: it is dead now.

    Locks the message, then its letter. It dies with the attempt that reaches `attempts_max`. A late worker writes nothing.
    """
    message = await still_ours(work, InboxMessage, claimed.id, claimed.token)
    if message is None:
        return False
    if message.attempts >= attempts_max:
        return await _die(work, message, _text(f"failed {message.attempts} times: {error}"))
    later = min(BACK_OFF_SECONDS * 2 ** (message.attempts - 1), BACK_OFF_MAX_SECONDS)
    await work.touch(message, last_error=_text(error), next_check_at=now() + timedelta(seconds=later), **FREED)
    return False


async def _wait(work: Unit, message: InboxMessage, reason: str, wait_seconds: int) -> bool:
    waited = now() - message.waiting_since if message.waiting_since else timedelta()
    if message.waiting_since and waited >= timedelta(seconds=wait_seconds):
        return await _die(work, message, _text(f"waited {int(waited.total_seconds())} seconds: {reason}"))
    pause = min(max(waited, timedelta(seconds=BACK_OFF_SECONDS)), timedelta(seconds=BACK_OFF_MAX_SECONDS))
    later, error = now() + pause, reason
    if message.status is InboxMessageStatus.WAITING:
        await work.touch(message, attempts=0, last_error=error, next_check_at=later, **FREED)
        return False
    message.reason, message.waiting_since = reason, now()
    message.attempts, message.last_error, message.next_check_at = 0, error, later
    release(message)
    await work.move(message, "wait", reason=reason)
    return False


async def _die(work: Unit, message: InboxMessage, reason: str) -> bool:
    message.reason = reason
    _end(message)
    await write(work, message, reason)
    await work.move(message, "die", reason=reason)
    return True


def _end(message: InboxMessage) -> None:
    """Nobody comes back to it by the clock."""
    message.next_check_at = message.waiting_since = None
    release(message)


def _text(words: str) -> str:
    return words.replace("\x00", "\ufffd")[:REASON_MAX]


def _token(message: InboxMessage) -> UUID:
    if message.lease_token is None:
        raise AssertionError("a claimed row has a token")
    return message.lease_token
