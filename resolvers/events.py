"""The log: where it ends, what it holds, and following all of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, Union

import strawberry

from models.kernel.pages import Cut
from models.kernel.sql import TRUE, sql
from models.kernel.viewer import AUDITOR, OPERATOR
from resolvers import telling
from resolvers.access import query, subscription
from resolvers.watching import Watch
from schema.connections import Connection
from schema.context import Info
from schema.enums import enum_of
from schema.events import Event, Heartbeat, Lagged
from schema.scalars import Cursor
from schema.wiring import EVENTS

if TYPE_CHECKING:
    EventNoun: TypeAlias = Any
    FeedItem: TypeAlias = Any
else:
    EventNoun = enum_of(
        "EventNoun", {noun.upper(): noun for noun in EVENTS}, "Whose events. The list grows: have a default."
    )
    FeedItem = Annotated[Union[(*EVENTS.values(), Heartbeat, Lagged)], strawberry.union("FeedItem")]


@strawberry.input(description="Which events.")
class EventFilter:
    nouns: list[EventNoun] | None = strawberry.field(default=None, description="Of these nouns alone.")
    names: list[str] | None = strawberry.field(default=None, description="Of these moves and facts alone: `open`.")


def _nouns(given: list[EventNoun] | None) -> list[str] | None:
    return None if given is None else [noun.value for noun in given]


@strawberry.type
class Queries:
    @query(
        "The end of the log, taken before anything else of the document: read, then watch `after` it, and nothing between "
        "the two is missed."
    )
    async def head(self, info: Info) -> Cursor:
        return Cursor(info.context.head)

    @query("The log, the oldest first: what happened to everything.", OPERATOR, AUDITOR)
    async def events(
        self, info: Info, filter: EventFilter | None = None, first: int | None = None, after: Cursor | None = None
    ) -> Connection[Event] | None:
        wanted = TRUE
        if filter and filter.nouns is not None:
            wanted &= sql("e.noun = ANY({}::text[])", _nouns(filter.nouns))
        if filter and filter.names is not None:
            wanted &= sql("e.name = ANY({}::text[])", filter.names)
        seal = await info.context.seal()
        return await telling.events(info.context.viewer, seal, wanted, after, Cut(first).size)


@strawberry.type
class Subscriptions:
    @subscription("Everything that happens, from `after` on, in order, once.", OPERATOR, AUDITOR)
    async def events(
        self,
        info: Info,
        nouns: list[EventNoun] | None = None,
        names: list[str] | None = None,
        after: Cursor | None = None,
    ) -> AsyncIterator[FeedItem]:
        return Watch(nouns=_nouns(nouns), names=names, after=after)
