"""What resolvers are given: who asks, and how to load what is nested. The server fills it, afresh for each operation."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol, TypeAlias

import strawberry

from models.events.cursors import Seal
from models.inbox.reads import LetterNow, MessageNow, MessageRecord
from models.kernel.pages import Cut
from models.kernel.viewer import Viewer
from models.ledger.balances import AccountRecord, PlanRecord, PostingRecord, TransferRecord
from models.ledger.plans import State
from models.people.reads import BalanceRecord, IdentityRecord, PersonRecord
from schema.connections import Connection
from schema.events import Event


class Load(Protocol):
    """Loaders: what many fields ask for one by one is fetched at once. None is unknown or not for this viewer."""

    def person(self, number: int) -> Awaitable[PersonRecord | None]: ...
    def balances(self, person: int) -> Awaitable[list[BalanceRecord]]: ...
    def identities(self, person: int) -> Awaitable[list[IdentityRecord]]: ...
    def account(self, id: int) -> Awaitable[AccountRecord | None]: ...
    def plan(self, key: str) -> Awaitable[PlanRecord | None]: ...
    def postings(self, plan: str) -> Awaitable[list[PostingRecord]]: ...
    def answer(self, plan: str) -> Awaitable[list[State]]: ...
    def message(self, id: int) -> Awaitable[MessageRecord | None]: ...
    def message_now(self, id: int) -> Awaitable[MessageNow | None]: ...
    def letter_now(self, id: int) -> Awaitable[LetterNow | None]: ...
    def transfers(self, call: int) -> Awaitable[list[TransferRecord]]: ...


class Context(Protocol):
    @property
    def viewer(self) -> Viewer: ...
    @property
    def load(self) -> Load: ...
    @property
    def request_id(self) -> str: ...
    @property
    def head(self) -> str:
        """The end of the log before anything else of this document was read, where it asks for it."""
        ...

    async def seal(self) -> Seal:
        """What makes cursors of positions, and positions of cursors."""
        ...

    async def timeline(self, subject: str, cut: Cut) -> Connection[Event]:
        """What happened to one subject, as far as the viewer may see it."""
        ...

    @property
    def replayed(self) -> list[list[str | int]]:
        """Paths of the fields whose answer was given before."""
        ...


Info: TypeAlias = strawberry.Info[Context, Any]
