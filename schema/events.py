"""Events, and what else a subscription can bring: heartbeats, and the word that it has fallen behind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Self, cast

import strawberry
from strawberry.scalars import JSON

from models.events.log import EventRecord
from models.kernel.viewer import Role
from schema.scalars import Cursor


@strawberry.enum(description="What somebody was when he did something. The list grows: have a default.")
class ActorClass(Enum):
    CUSTOMER = "customer"
    PERFORMER = "performer"
    USER = Role.USER.value
    MERCHANT = Role.MERCHANT.value
    CHANNEL = Role.CHANNEL.value
    OPERATOR = Role.OPERATOR.value
    SERVICE = Role.SERVICE.value
    AUDITOR = Role.AUDITOR.value
    SYSTEM = Role.SYSTEM.value


@dataclass(frozen=True, slots=True)
class Told:
    """An event as one viewer is told of it."""

    event: EventRecord
    cursor: str
    whole: bool
    """Whether the viewer reads everything."""


@strawberry.interface(description="Something that happened to a noun, with the noun as it was right after.")
class Event:
    cursor: Cursor = strawberry.field(description="Its place in the log: pass it as `after` to go on behind it.")
    occurred_at: datetime = strawberry.field(description="When; never earlier than the event before of the same noun.")
    name: str = strawberry.field(
        description="The move or the fact: `open`, `confirm`; `snapshot` for the first item of a subscription to one thing."
    )
    version: int = strawberry.field(
        description="The version that it made. Apply an event only when this is greater than the one you hold."
    )
    actor: ActorClass = strawberry.field(description="What whoever did it was.")
    actor_subject: str | None = strawberry.field(
        description="Whose token it was; null unless you read everything.",
    )
    from_: str | None = strawberry.field(name="from", description="The status before; null where there was none.")
    to: str | None = strawberry.field(description="The status afterwards; null for what has none.")
    facts: JSON | None = strawberry.field(description="What else was noted of it; null unless you read everything.")

    @classmethod
    def of(cls, told: Told) -> Self:
        event = told.event
        return cls(
            cursor=Cursor(told.cursor),
            occurred_at=event.occurred_at,
            name=event.name,
            version=event.version,
            actor=ActorClass(event.actor_role),
            actor_subject=event.actor if told.whole else None,
            from_=_status(event.from_status),
            to=_status(event.to_status),
            facts=cast(JSON, dict(event.facts)) if told.whole else None,
            **cls.carried(told),
        )

    @classmethod
    def carried(cls, told: Told) -> dict[str, Any]:
        """What the noun's own event adds: the noun as it was."""
        raise NotImplementedError


@strawberry.type(description="Nothing for you happened up to here: a quiet feed differs from a dead one.")
class Heartbeat:
    cursor: Cursor = strawberry.field(description="Covers what was not for you: resume from here.")
    at: datetime = strawberry.field(description="When it was sent.")


@strawberry.type(
    description="You read too slowly. The last item: subscribe again with `after: cursor`, nothing is lost."
)
class Lagged:
    cursor: Cursor = strawberry.field(description="Of the last item that was sent.")
    missed: int = strawberry.field(description="How many items have not been sent, at least.")


def _status(value: str | None) -> str | None:
    """As the noun's own enum writes it."""
    return value and value.upper()
