"""Topics: what other systems may tell us, what each message must hold, and who does something with it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeAlias, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from models.kernel.refusals import FieldProblem, InvalidInput
from models.kernel.viewer import Viewer
from models.unit import Unit
from settings import settings

TOPIC_MAX, EVENT_ID_MAX, KEY_MAX = 64, 128, 200
PROBLEMS_MAX = 20


class SetAside(Exception):
    """A handler's word that the message is not processed now. What it wrote before is undone."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Wait(SetAside):
    """Something has to come first. The message is looked at again, until it has waited too long."""


class Ignore(SetAside):
    """There is nothing to do: it is out of date, or was told before."""


class Poison(SetAside):
    """This can never be done as it stands: a human has to look at it."""


class Payload(BaseModel):
    """Base of what messages hold: camelCase names, no guessing of types; what a topic does not know is left alone."""

    model_config = ConfigDict(frozen=True, strict=True, alias_generator=to_camel)


M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Received:
    """What a handler may know of a message beside what it holds."""

    id: int
    topic: str
    event_id: str
    sender: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Topic(Generic[M]):
    """One kind of message. `key` says which messages must keep their order; None: this one stands alone.

    `handle` works inside the unit that moves the message: it locks, moves and posts as a verb does, and opens no unit of
    its own. It may raise `Wait`, `Ignore` or `Poison`. A refusal is poison too, unless asking again may help.
    `webhook`: only this system's signed webhook may tell it; for everybody else there is no such topic.
    """

    name: str
    payload: type[M]
    key: Callable[[M], str | None]
    handle: Callable[[Unit, M, Received], Awaitable[object]]
    webhook: str | None = None

    def read(self, payload: object, path: str = "payload") -> M:
        """The payload as its model. Refuses INVALID_INPUT with the path of each problem."""
        try:
            return self.payload.model_validate_json(canonical(payload, path))
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)[:PROBLEMS_MAX]
            raise InvalidInput(
                *(FieldProblem(".".join([path, *map(str, one["loc"])]), one["msg"]) for one in found)
            ) from None

    def order(self, payload: object, path: str = "payload") -> str | None:
        """The order key of a payload. Refuses INVALID_INPUT for a payload that cannot be read, or too long a key."""
        key = self.key(self.read(payload, path))
        if key is not None and len(key) > KEY_MAX:
            raise InvalidInput(FieldProblem(path, f"its order key has more than {KEY_MAX} characters"))
        return key

    async def deliver(self, work: Unit, payload: object, received: Received) -> None:
        await self.handle(work, self.read(payload), received)


Topics: TypeAlias = Mapping[str, Topic[Any]]


def webhook(system: str) -> Viewer:
    """Who brings what a system's signed webhook told."""
    return Viewer.system(f"webhook:{system}")


def open_to(topics: Topics, sender: str) -> Topics:
    """The topics that a sender may tell."""
    return {
        name: topic
        for name, topic in topics.items()
        if topic.webhook is None or webhook(topic.webhook).subject == sender
    }


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that could be read."""

    topic: str
    event_id: str
    payload: object
    key: str | None
    digest: str


def arrival(topics: Topics, topic: object, event_id: object, payload: object, at: str = "") -> Arrival:
    """What was sent, read. Refuses INVALID_INPUT with the path of each problem, each behind `at`."""
    known = topics.get(topic) if isinstance(topic, str) else None
    if known is None:
        raise InvalidInput(FieldProblem(f"{at}topic", f"must be one of {', '.join(sorted(topics))}"))
    if not isinstance(event_id, str) or not event_id.strip() or len(event_id) > EVENT_ID_MAX or "\x00" in event_id:
        raise InvalidInput(FieldProblem(f"{at}eventId", f"must have 1 to {EVENT_ID_MAX} characters, not only blanks"))
    key, text = known.order(payload, f"{at}payload"), canonical(payload, f"{at}payload")
    return Arrival(known.name, event_id, payload, key, hashlib.sha256(text).hexdigest())


def canonical(payload: object, path: str) -> bytes:
    """The one JSON text that stands for a payload. Refuses INVALID_INPUT for what is no JSON, or too much of it."""
    text = json_of(payload, path)
    if len(text) > settings().inbox_payload_max_bytes:
        raise InvalidInput(FieldProblem(path, f"may have up to {settings().inbox_payload_max_bytes} bytes as JSON"))
    return text


def json_of(value: object, path: str) -> bytes:
    """A value as JSON with sorted names. Refuses INVALID_INPUT for what PostgreSQL would not keep as it is."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        raise InvalidInput(FieldProblem(path, "must be JSON, with whole numbers of up to 64 bits")) from None
    if found := list(_null_characters(value, path)):
        raise InvalidInput(*found[:PROBLEMS_MAX])
    return text


def _null_characters(value: object, path: str) -> Iterator[FieldProblem]:
    """Every string that PostgreSQL would not take."""
    if isinstance(value, str) and "\x00" in value:
        yield FieldProblem(path, "must not hold a null character")
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from _null_characters(item, f"{path}.{place}")
    elif isinstance(value, dict):
        for name, item in value.items():
            if "\x00" in name:
                yield FieldProblem(path, "must not have a null character in a name")
            else:
                yield from _null_characters(item, f"{path}.{name}")
