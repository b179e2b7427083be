"""What other systems tell us, and what operators do with what came to nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import strawberry

from models.events.requests import Request
from models.inbox import operations as inbox
from models.inbox import reads
from models.inbox.lifecycle import DeadLetterStatus
from models.kernel.pages import Cut
from models.kernel.viewer import AUDITOR, OPERATOR, SERVICE, Viewer
from models.wiring import TOPICS
from resolvers.access import mutation, query
from resolvers.bulk import each
from resolvers.finding import by_number
from schema.connections import Connection
from schema.context import Info
from schema.inbox import (
    LETTER,
    MESSAGE,
    DeadLetter,
    DeadLetterFilter,
    DiscardDeadLetterInput,
    DiscardDeadLetterResult,
    InboxMessage,
    IngestEventInput,
    IngestEventResult,
    RedriveDeadLetterResult,
    RedriveDeadLettersInput,
)
from schema.node import number_of
from schema.scalars import Cursor
from settings import settings

NODES = {
    MESSAGE: by_number(MESSAGE, reads.messages, InboxMessage.of),
    LETTER: by_number(LETTER, reads.letters, DeadLetter.of),
}
NOBODYS = 0  # the number of no letter: an id that is none is not found like any other


async def _meant(viewer: Viewer, input: RedriveDeadLettersInput) -> list[int]:
    """The numbers of the letters to drive again."""
    input.check()
    if input.filter is None:
        return [number_of(id, LETTER) or NOBODYS for id in input.ids or ()]
    wanted = input.filter.wanted()
    dead = replace(wanted, status=wanted.status or DeadLetterStatus.DEAD)
    return await reads.oldest_letters(viewer, dead, settings().list_input_max)


@strawberry.type
class Queries:
    @query("What came to nothing, the newest first.", OPERATOR, AUDITOR)
    async def dead_letters(
        self,
        info: Info,
        filter: DeadLetterFilter | None = None,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[DeadLetter] | None:
        wanted, cut = filter or DeadLetterFilter(), Cut(first, after, last, before)
        return Connection[DeadLetter].of(
            await reads.letter_page(info.context.viewer, cut, wanted.wanted()), DeadLetter.of
        )


@strawberry.type
class Mutations:
    @mutation("Tell the house something; it is kept at once and done within seconds.", SERVICE, does=inbox.ingest)
    async def ingest_event(self, info: Info, input: IngestEventInput) -> IngestEventResult:
        request, viewer = input.request(info), info.context.viewer
        record = await inbox.ingest(input.topic, input.event_id, input.payload, TOPICS, by=viewer, request=request)
        return InboxMessage.of(record)

    @mutation("Try dead letters again, each for itself: one answer for each of them.", OPERATOR, does=inbox.redrive)
    async def redrive_dead_letters(
        self, info: Info, input: RedriveDeadLettersInput
    ) -> list[RedriveDeadLetterResult] | None:
        viewer, fixed = info.context.viewer, input.fixed_payload
        meant = await _meant(viewer, input)

        async def redrive(number: int, request: Request) -> Any:
            return DeadLetter.of(await inbox.redrive(number, fixed, TOPICS, by=viewer, request=request))

        return await each(info, input, meant, redrive, content=lambda number: {"id": number, "fixed_payload": fixed})

    @mutation("Give up a dead letter, and the message it is of.", OPERATOR, does=inbox.discard)
    async def discard_dead_letter(self, info: Info, input: DiscardDeadLetterInput) -> DiscardDeadLetterResult:
        request, number = input.request(info), number_of(input.id, LETTER) or NOBODYS
        return DeadLetter.of(await inbox.discard(number, input.reason, by=info.context.viewer, request=request))
