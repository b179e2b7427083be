"""What other systems told us, and the letters of what came to nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, cast

import strawberry
from strawberry.scalars import JSON

from models.events.requests import Request
from models.inbox import reads
from models.inbox.lifecycle import LETTERS, MESSAGES, DeadLetterStatus, InboxMessageStatus
from models.inbox.topics import json_of
from models.kernel.refusals import FieldProblem
from models.kernel.refusals import InvalidInput as WrongInput
from schema.context import Info
from schema.events import Event, Told
from schema.inputs import Asked
from schema.node import Action, Node, global_id
from schema.refusals import (
    Busy,
    IdempotencyKeyConflict,
    IllegalMove,
    InvalidInput,
    NotAllowed,
    NotFound,
    VersionConflict,
)

MESSAGE, LETTER = "InboxMessage", "DeadLetter"

strawberry.enum(InboxMessageStatus, description="Of a message's life.")
strawberry.enum(DeadLetterStatus, description="Of a dead letter.")


@strawberry.type(description="Something that another system told us; `createdAt` is when it came.")
class InboxMessage(Node):
    topic: str = strawberry.field(description="What kind of thing it says.")
    event_id: str = strawberry.field(description="The sender's; the same id on the same topic is the same message.")
    key: str | None = strawberry.field(description="Messages of one topic and key are done in the order they came.")
    status: InboxMessageStatus = strawberry.field(description="Of the message's life.")
    sender: str = strawberry.field(description="Who sent it; `job:queue` for what came by a queue.")
    reason: str | None = strawberry.field(description="Why it waits, was ignored, is dead or was discarded.")
    waiting_since: datetime | None = strawberry.field(description="Since when it waits for something else.")
    processed_at: datetime | None = strawberry.field(description="When it was processed or ignored.")
    record: strawberry.Private[reads.MessageRecord]

    @strawberry.field(description="What it holds; as corrected, where an operator did so.")
    async def payload(self, info: Info) -> JSON | None:
        now = await info.context.load.message_now(self.record.id)
        return cast(JSON, now.payload) if now else None

    @strawberry.field(description="How often it was tried since it last waited.")
    async def attempts(self, info: Info) -> int | None:
        now = await info.context.load.message_now(self.record.id)
        return now.attempts if now else None

    @strawberry.field(description="What the last attempt came to, if it was no success.")
    async def last_error(self, info: Info) -> str | None:
        now = await info.context.load.message_now(self.record.id)
        return now.last_error if now else None

    @strawberry.field(description="When it is looked at again; null: as soon as may be, or never more.")
    async def next_check_at(self, info: Info) -> datetime | None:
        now = await info.context.load.message_now(self.record.id)
        return now.next_check_at if now else None

    @strawberry.field(
        description="What could be done with it, by way of its letter, and whether this viewer may do it now."
    )
    def allowed_actions(self, info: Info) -> list[Action]:
        return [Action.of(action) for action in MESSAGES.allowed(self.record, info.context.viewer)]

    @classmethod
    def of(cls, record: reads.MessageRecord) -> InboxMessage:
        return cls(
            id=global_id(MESSAGE, record.id),
            topic=record.topic,
            event_id=record.event_id,
            key=record.key,
            status=record.status,
            sender=record.sender,
            reason=record.reason,
            waiting_since=record.waiting_since,
            processed_at=record.processed_at,
            version=record.version,
            created_at=record.created_at,
            updated_at=record.updated_at,
            subject=record.subject,
            record=record,
        )


@strawberry.type(description="Something that came to nothing, kept whole until a human has decided.")
class DeadLetter(Node):
    status: DeadLetterStatus = strawberry.field(description="Of the letter.")
    source: str = strawberry.field(description='Where it comes from: "inbox:<topic>", "queue:saldo:public".')
    name: str = strawberry.field(description="The event id, or the function that was called.")
    reason: str = strawberry.field(description="Why it came to nothing.")
    deaths: int = strawberry.field(description="How often it has died.")
    resolved_by: str | None = strawberry.field(description="Who drove it again or discarded it.")
    resolved_reason: str | None = strawberry.field(description="Why it was discarded.")
    record: strawberry.Private[reads.LetterRecord]

    @strawberry.field(description="The text as it came.")
    async def payload(self, info: Info) -> str | None:
        now = await info.context.load.letter_now(self.record.id)
        return now.payload if now else None

    @strawberry.field(description="What an operator put in its place, the last time.")
    async def fixed_payload(self, info: Info) -> JSON | None:
        now = await info.context.load.letter_now(self.record.id)
        return cast(JSON, now.fixed_payload) if now else None

    @strawberry.field(description="The message that died; null for what came by a queue and never was one.")
    async def inbox_message(self, info: Info) -> InboxMessage | None:
        about = self.record.message_id
        record = await info.context.load.message(about) if about is not None else None
        return InboxMessage.of(record) if record else None

    @strawberry.field(description="What could be done with it, and whether this viewer may do it now.")
    def allowed_actions(self, info: Info) -> list[Action]:
        return [Action.of(action) for action in LETTERS.allowed(self.record, info.context.viewer)]

    @classmethod
    def of(cls, record: reads.LetterRecord) -> DeadLetter:
        return cls(
            id=global_id(LETTER, record.id),
            status=record.status,
            source=record.source,
            name=record.name,
            reason=record.reason,
            deaths=record.deaths,
            resolved_by=record.resolved_by,
            resolved_reason=record.resolved_reason,
            version=record.version,
            created_at=record.created_at,
            updated_at=record.updated_at,
            subject=record.subject,
            record=record,
        )


@strawberry.type(description="Something that happened to a message of the inbox.")
class InboxMessageEvent(Event):
    message: InboxMessage = strawberry.field(description="As it was right after; its payload and attempts as they are.")

    @classmethod
    def carried(cls, told: Told) -> dict[str, Any]:
        return {"message": InboxMessage.of(reads.MessageRecord.of(told.event.snapshot))}


@strawberry.type(description="Something that happened to a dead letter.")
class DeadLetterEvent(Event):
    letter: DeadLetter = strawberry.field(description="As it was right after; its payload as it is.")

    @classmethod
    def carried(cls, told: Told) -> dict[str, Any]:
        return {"letter": DeadLetter.of(reads.LetterRecord.of(told.event.snapshot))}


@strawberry.input(description="Which letters are meant: all that is given must be so.")
class DeadLetterFilter:
    source: str | None = strawberry.field(default=None, description='As `source` says: "inbox:person.named".')
    status: DeadLetterStatus | None = strawberry.field(default=None, description="Of the letter.")
    created_from: datetime | None = strawberry.field(default=None, description="At this moment or later.")
    created_to: datetime | None = strawberry.field(default=None, description="Before this moment.")

    def wanted(self) -> reads.Wanted:
        return reads.Wanted(self.source, self.status, self.created_from, self.created_to)


@strawberry.input(description="Something to tell the house.")
class IngestEventInput(Asked):
    topic: str = strawberry.field(description='What kind of thing it says: "person.named".')
    event_id: str = strawberry.field(description="Your id of it, 1 to 128 characters; the same id is done once.")
    payload: JSON = strawberry.field(description="What the topic wants to know.")
    idempotency_key: str | None = strawberry.field(default=None, description="The event id does the same already.")

    def request(self, info: Info) -> Request:
        json_of(self.payload, "payload")
        return super().request(info)


@strawberry.input(description="Dead letters to try again: by their ids, or the oldest dead ones that a filter means.")
class RedriveDeadLettersInput(Asked):
    ids: list[strawberry.ID] | None = strawberry.field(default=None, description="Which; or `filter`.")
    filter: DeadLetterFilter | None = strawberry.field(
        default=None, description="Which; or `ids`. Means those that are dead where it names no status."
    )
    fixed_payload: JSON | None = strawberry.field(
        default=None,
        description="In place of what the one letter of `ids` holds: the payload of a message, or for what came by a"
        " queue {topic, eventId, payload}.",
    )
    idempotency_key: str | None = strawberry.field(
        default=None, description="For each letter: the same key again, the same answer again."
    )

    def check(self) -> None:
        """Refuses INVALID_INPUT for what is no clear choice of letters."""
        if (self.ids is None) == (self.filter is None):
            raise WrongInput(FieldProblem("ids", "give either ids or filter"))
        if self.fixed_payload is not None:
            json_of(self.fixed_payload, "fixedPayload")
            if self.ids is None or len(self.ids) != 1:
                raise WrongInput(FieldProblem("fixedPayload", "stands beside exactly one id"))


@strawberry.input(description="A dead letter to give up.")
class DiscardDeadLetterInput(Asked):
    id: strawberry.ID = strawberry.field(description="Which.")
    reason: str = strawberry.field(description="Why, 1 to 500 characters.")
    expected_version: int | None = strawberry.field(
        default=None, description="Refused when the letter has another version."
    )
    idempotency_key: str | None = strawberry.field(
        default=None, description="The same key again: the same answer again."
    )


IngestEventResult = Annotated[
    InboxMessage | InvalidInput | NotAllowed | Busy | IdempotencyKeyConflict, strawberry.union("IngestEventResult")
]
RedriveDeadLetterResult = Annotated[
    DeadLetter | NotFound | NotAllowed | IllegalMove | InvalidInput | Busy | IdempotencyKeyConflict,
    strawberry.union("RedriveDeadLetterResult"),
]
DiscardDeadLetterResult = Annotated[
    DeadLetter | NotFound | NotAllowed | IllegalMove | InvalidInput | VersionConflict | Busy | IdempotencyKeyConflict,
    strawberry.union("DiscardDeadLetterResult"),
]
