"""Dead letters: how one is written, corrected and driven again, or discarded."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from models.events.requests import Request
from models.inbox.lifecycle import LETTERS
from models.inbox.operations.receiving import received
from models.inbox.reads import LetterRecord
from models.inbox.tables import LETTER_MAX, REASON_MAX, DeadLetter, InboxMessage
from models.inbox.topics import Arrival, Topics, arrival, json_of, open_to, webhook
from models.inbox.views import letters_visible_to
from models.kernel.lifecycle import AlreadyThere
from models.kernel.refusals import FieldProblem, IllegalMove, InvalidInput, NotAllowed, NotFound, VersionConflict
from models.kernel.sql import TRUE, sql
from models.kernel.viewer import Viewer
from models.unit import Unit, operation
from models.work.claims import release

QUEUE = Viewer.system("queue")
"""Who brings what comes by a queue."""
CALL, WEBHOOK = "ingest_event", "webhook"
FIXED = "fixedPayload"


@operation(answers=LetterRecord, refuses=())
async def bury(
    work: Unit, source: str, name: str, payload: str, reason: str, *, by: Viewer, request: Request | None = None
) -> DeadLetter:
    """Keep something that came by a queue and could not be understood, whole up to half a megabyte, with the reason.

    Locks the text's key. The same text again while its letter is still dead: that letter, nothing written.
    """
    text = payload.replace("\x00", "\ufffd")[:LETTER_MAX]
    source = source[:80]
    await work.alone(f"letter:{source}:{hashlib.sha256(text.encode()).hexdigest()}")
    same = await work.db.fetchval(
        """SELECT id FROM dead_letter WHERE source = $1 AND md5(payload) = md5($2) AND status = 'dead'
              AND message_id IS NULL ORDER BY id LIMIT 1""",
        source,
        text,
    )
    if same is not None:
        raise AlreadyThere(await DeadLetter.get(id=same))
    why = reason.replace("\x00", "\ufffd")[:REASON_MAX]
    return await work.open(DeadLetter(source=source, name=name[:128], payload=text, reason=why), reason=why)


async def write(work: Unit, message: InboxMessage, reason: str) -> None:
    """The letter of a message that dies in this unit: a new one, or the one of its first death, which then counts on.

    Locks the letter, after its message.
    """
    known = await work.db.fetchval("SELECT id FROM dead_letter WHERE message_id = $1", message.id)
    if known is None:
        text = json_of(message.payload, "payload").decode()
        letter = DeadLetter(
            source=f"inbox:{message.topic}", name=message.event_id, payload=text, reason=reason, message_id=message.id
        )
        await work.open(letter, reason=reason)
        return
    letter = await work.lock(DeadLetter, sql("r.id = {}", known), visible_to=TRUE)
    letter.deaths, letter.reason, letter.resolved_by = letter.deaths + 1, reason, None
    await work.move(letter, "die", reason=reason, deaths=letter.deaths)


@operation(answers=LetterRecord, refuses=(NotFound, NotAllowed, IllegalMove, InvalidInput))
async def redrive(
    work: Unit, id: int, fixed_payload: Any, topics: Topics, *, by: Viewer, request: Request | None = None
) -> DeadLetter:
    """Try again what came to nothing, as it came or with `fixed_payload` in its place. [spec/certificates §8.10]

    A message's letter: the message is received once more, under its event id. A queue's letter is read as a call of
    `ingest_event` and becomes a message, or finds the one that came meanwhile. Locks the message, then the letter, or
    the letter, then the event id's key. Repeated on a letter that was driven again: the letter, nothing written.
    Refuses INVALID_INPUT for what cannot be read this time either, EVENT_ID_CONFLICT where a queue's letter brings other
    content under a known id.
    """
    letter, message = await _locked(work, id, by)
    LETTERS.may(letter, "redrive", by)
    if message is None:
        sender = _sender(letter)
        await _arrive(work, _call(letter.payload, fixed_payload, open_to(topics, sender)), sender)
    else:
        await _receive_again(work, message, fixed_payload, topics)
    if fixed_payload is not None:
        letter.fixed_payload = json_of(fixed_payload, FIXED).decode()
    letter.resolved_by = by.subject
    return await work.move(letter, "redrive", fixed=fixed_payload is not None)


@operation(answers=LetterRecord, refuses=(NotFound, NotAllowed, IllegalMove, InvalidInput, VersionConflict))
async def discard(work: Unit, id: int, reason: str, *, by: Viewer, request: Request | None = None) -> DeadLetter:
    """Give up what came to nothing, and say why: the message, if there is one, ends with its letter.

    Locks the message, then the letter. Repeated on a discarded letter: the letter, nothing written.
    """
    if not reason.strip() or len(reason) > REASON_MAX or "\x00" in reason:
        raise InvalidInput(FieldProblem("reason", f"must have 1 to {REASON_MAX} characters, not only blanks"))
    letter, message = await _locked(work, id, by)
    LETTERS.may(letter, "discard", by)
    if message is not None:
        message.reason = reason
        await work.move(message, "discard", reason=reason)
    letter.resolved_by, letter.resolved_reason = by.subject, reason
    return await work.move(letter, "discard", reason=reason)


async def _locked(work: Unit, id: int, by: Viewer) -> tuple[DeadLetter, InboxMessage | None]:
    """The letter, and its message, which is locked first; a letter never changes whose it is."""
    about = await work.db.fetchval("SELECT message_id FROM dead_letter WHERE id = $1", id)
    message = None
    if about is not None:
        message = await work.lock(InboxMessage, sql("r.id = {}", about), visible_to=TRUE)
    return await work.lock(DeadLetter, sql("r.id = {}", id), visible_to=letters_visible_to(by)), message


async def _receive_again(work: Unit, message: InboxMessage, fixed_payload: Any, topics: Topics) -> None:
    if fixed_payload is not None:
        if message.topic not in topics:
            raise InvalidInput(FieldProblem(FIXED, f"nobody here reads {message.topic} any more"))
        message.key = topics[message.topic].order(fixed_payload, FIXED)
        message.payload = fixed_payload
    message.attempts, message.next_check_at, message.last_error = 0, None, None
    message.reason = message.waiting_since = message.processed_at = None
    release(message)
    await work.move(message, "redrive", fixed=fixed_payload is not None)


def _sender(letter: DeadLetter) -> str:
    """Who brought it: a system's webhook, or a queue."""
    by, _, system = letter.source.partition(":")
    return (webhook(system) if by == WEBHOOK else QUEUE).subject


async def _arrive(work: Unit, came: Arrival, sender: str) -> None:
    try:
        await received(work, came, sender)
    except AlreadyThere:
        return  # it came meanwhile by another way, with the same content


def _call(text: str, fixed: Any, topics: Topics) -> Arrival:
    """A queue's message, or what an operator put in its place, as a call of `ingest_event`."""
    try:
        call = orjson.loads(text) if fixed is None else fixed
        if "f" in call and call["f"] != CALL:
            raise ValueError(call["f"])
        topic, event_id, payload = (
            _arguments(*call["a"], **call["k"]) if "f" in call else (call[n] for n in ("topic", "eventId", "payload"))
        )
    except (KeyError, TypeError, ValueError):
        wrong = f"must be a call of {CALL}" if fixed is not None else f"is needed: the letter holds no call of {CALL}"
        raise InvalidInput(FieldProblem(FIXED, wrong)) from None
    return arrival(topics, topic, event_id, payload, at=f"{FIXED}.")


def _arguments(topic: Any, event_id: Any, payload: Any) -> tuple[Any, Any, Any]:
    return topic, event_id, payload
