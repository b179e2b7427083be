"""What a subscription watches: a resolver says it in one line, the feed does the rest for all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from models.events.log import EventRecord
from models.kernel.sql import TRUE, Sql, sql
from models.kernel.viewer import Viewer


@dataclass(frozen=True, slots=True)
class Watch(AsyncIterator[Any]):
    """Events of `nouns` (None: of all), in their order, from `after` on.

    Of `subjects` alone, where given; or of those whose audience has the token `about`, whatever their subject. Without
    `after` it begins with the last event of each of `subjects`, else with a Heartbeat.
    """

    nouns: Collection[str] | None = None
    subjects: Collection[str] = ()
    about: str | None = None
    names: Collection[str] | None = None
    after: str | None = None

    def wants(self, event: EventRecord) -> bool:
        return (
            (self.nouns is None or event.noun in self.nouns)
            and (self.names is None or event.name in self.names)
            and (self.about in event.audience if self.about else not self.subjects or event.subject in self.subjects)
        )

    @property
    def where(self) -> Sql:
        """The same, as a condition over `e`."""
        wanted = TRUE
        if self.nouns is not None:
            wanted &= sql("e.noun = ANY({}::text[])", sorted(self.nouns))
        if self.names is not None:
            wanted &= sql("e.name = ANY({}::text[])", sorted(self.names))
        if self.about:
            return wanted & sql("e.audience @> ARRAY[{}::text]", self.about)
        return wanted & sql("e.subject = ANY({}::text[])", sorted(self.subjects)) if self.subjects else wanted

    def routes(self, viewer: Viewer) -> Iterator[tuple[str | None, str]]:
        """Under which keys the reader finds it, so that an event touches none that it is not for."""
        if self.subjects and not self.about:
            yield from ((None, subject) for subject in self.subjects)
            return
        for noun in self.nouns or ("*",):
            yield from ((noun, token) for token in ([self.about] if self.about else viewer.tokens))

    async def __anext__(self) -> NoReturn:
        raise TypeError("a watch is followed by the feed")


def routes_of(event: EventRecord) -> Iterator[tuple[str | None, str]]:
    """The keys of `Watch.routes` under which those may be found whom the event is for."""
    yield None, event.subject
    for token in event.audience:
        yield event.noun, token
        yield "*", token
