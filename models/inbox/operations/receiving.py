"""How a message comes in: kept first, handled later."""

from __future__ import annotations

from models.events.requests import Request
from models.inbox.errors import EVENT_ID_CONFLICT
from models.inbox.reads import MessageRecord
from models.inbox.tables import InboxMessage
from models.inbox.topics import Arrival, Topics, arrival, open_to
from models.kernel.lifecycle import AlreadyThere
from models.kernel.refusals import IdempotencyKeyConflict, InvalidInput, NotAllowed
from models.kernel.viewer import SERVICE, SYSTEM, Viewer
from models.unit import Unit, operation


@operation(answers=MessageRecord, refuses=(InvalidInput, NotAllowed))
async def ingest(
    work: Unit,
    topic: object,
    event_id: object,
    payload: object,
    topics: Topics,
    *,
    by: Viewer,
    request: Request | None = None,
) -> InboxMessage:
    """Keep what another system tells us; a worker handles it within seconds. [spec/certificates §8]

    Locks the event id's key, then that of its order. The same content again: the message as it is, nothing written,
    whoever sends it. Refuses EVENT_ID_CONFLICT for other content under the id, INVALID_INPUT for an unknown topic and for
    what its payload cannot be.
    """
    if not by.has(SERVICE, SYSTEM):
        raise NotAllowed("ingest")
    came = arrival(open_to(topics, by.subject), topic, event_id, payload)
    return await received(work, came, by.subject)


async def received(work: Unit, came: Arrival, sender: str) -> InboxMessage:
    """The row of a message that could be read. Raises AlreadyThere, with the row, where it came before.

    Whoever brings another message of the same order waits, so that numbers and commits have the same order.
    """
    await work.alone(f"inbox:{came.topic}:{came.event_id}")
    known = await InboxMessage.get_or_none(topic=came.topic, event_id=came.event_id)
    if known is not None:
        if known.digest != came.digest:
            raise IdempotencyKeyConflict("This event id came before with another content.", code=EVENT_ID_CONFLICT)
        raise AlreadyThere(known)
    if came.key is not None:
        await work.alone(f"inbox order:{came.topic}:{came.key}")
    message = InboxMessage(
        topic=came.topic,
        event_id=came.event_id,
        key=came.key,
        digest=came.digest,
        payload=came.payload,
        sender=sender,
    )
    return await work.open(message)
