"""What every noun has: an opaque global id, a version, its times; and the page of a list."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

import strawberry

from models.kernel import lifecycle
from models.kernel.pages import Cut
from schema.connections import Connection
from schema.context import Info
from schema.events import Event
from schema.inputs import Readable
from schema.scalars import Cursor


@strawberry.type(description="Something that could be done, and whether this viewer may do it now.")
class Action:
    name: str = strawberry.field(description="The move, in camelCase.")
    allowed: bool = strawberry.field(description="Whether this viewer may do it in the present status.")
    why: str | None = strawberry.field(description="The code of the refusal that would come now.")

    @classmethod
    def of(cls, action: lifecycle.Action) -> Action:
        head, *rest = action.name.split("_")
        return cls(name=head + "".join(word.title() for word in rest), allowed=action.allowed, why=action.why)


@strawberry.interface(description="Anything with an identity of its own.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque and global: `node(id)` finds it.")
    version: int = strawberry.field(description="Grows by one with each change; `expectedVersion` compares with it.")
    created_at: datetime = strawberry.field(description="When it came to be.")
    updated_at: datetime = strawberry.field(description="When it last changed.")

    subject: strawberry.Private[str]

    @strawberry.field(description="What could be done with it, and whether this viewer may do it now.")
    def allowed_actions(self, info: Info) -> list[Action]:
        return []

    @strawberry.field(
        description="What happened to it, the oldest first; the newest appears some milliseconds after its mutation.",
        extensions=[Readable()],
    )
    async def timeline(self, info: Info, first: int | None = None, after: Cursor | None = None) -> Connection[Event]:
        return await info.context.timeline(self.subject, after, Cut(first).size)


def global_id(noun: str, key: object) -> strawberry.ID:
    return strawberry.ID(base64.urlsafe_b64encode(f"{noun}:{key}".encode()).rstrip(b"=").decode())


def parse_id(id: str) -> tuple[str, str] | None:
    """Noun and key of a global id; None for what is none, which is answered like an unknown one."""
    try:
        noun, colon, key = base64.urlsafe_b64decode(id + "=" * (-len(id) % 4)).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return (noun, key) if colon and len(id) <= 512 and key.isprintable() and global_id(noun, key) == id else None


def key_of(id: str, noun: str) -> str | None:
    """The key of a global id of this noun, else None."""
    parsed = parse_id(id)
    return parsed[1] if parsed and parsed[0] == noun else None


def number_of(id: str, noun: str) -> int | None:
    """The number of a global id of this noun, else None."""
    key = key_of(id, noun)
    return int(key) if key and key.isascii() and key.isdecimal() and len(key) <= 18 and key[0] != "0" else None
