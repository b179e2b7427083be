"""What resolvers are given, made afresh for each operation, and for each event of a subscription."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from gateways.receipts import Unsure
from gateways.wiring import ApiGateways, Issuer, issuers
from models.events.cursors import Seal
from models.kernel.viewer import Viewer
from resolvers import telling
from resolvers.loading import Loaders
from schema.connections import Connection
from schema.events import Event
from server.feed import Feed
from server.graphql.documents import Document
from settings import settings


@dataclass(slots=True)
class OperationContext:
    """One operation of one viewer."""

    viewer: Viewer
    request_id: str
    document: Document
    feed: Feed
    outside: ApiGateways
    cost: int = 0
    extensions: dict[str, Any] = field(default_factory=dict)
    """What the client sent beside its document."""
    head: str = ""
    replayed: list[list[str | int]] = field(default_factory=list)
    load: Loaders = field(init=False)

    def __post_init__(self) -> None:
        self.load = Loaders(self.viewer)

    def fresh(self) -> OperationContext:
        """The same for the next event: whatever was loaded is forgotten. It has an id of its own, for what it answers may go
        to many who asked."""
        return OperationContext(
            self.viewer, uuid4().hex, self.document, self.feed, self.outside, self.cost, self.extensions
        )

    @property
    def issuers(self) -> Mapping[str, Issuer]:
        return issuers()

    async def link(self, key: str) -> str | None:
        kept = self.outside.storage
        try:
            return await kept.link(key, settings().dispute_view_link_seconds) if kept else None
        except Unsure:
            return None

    async def seal(self) -> Seal:
        return await self.feed.seal()

    async def timeline(self, subject: str, after: str | None, first: int) -> Connection[Event]:
        return await telling.timeline(self.viewer, await self.feed.seal(), subject, after, first)
