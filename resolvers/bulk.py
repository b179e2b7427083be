"""Mutations over many: each item is asked for by itself, in a unit of its own, and answered by a row or a refusal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any, TypeVar

from models.events.requests import Request
from models.kernel.refusals import Refusal
from schema.context import Info
from schema.inputs import Asked
from schema.refusals import shown

T = TypeVar("T")
NAME_MAX = 100


async def each(
    info: Info,
    input: Asked,
    items: Sequence[T],
    do: Callable[[T, Request], Awaitable[Any]],
    *,
    content: Callable[[T], dict[str, Any]],
    named: Callable[[T], str] = str,
    version: Callable[[T], int | None] = lambda _item: None,
) -> list[Any]:
    """One answer for each item, in their order; what one refuses hinders no other.

    The key of an item is the request's with what the item is named, and `content` is what must be the same when it comes
    again; `version` is the one that it expects. An item's place is listed in `extensions.replayed` where its answer was
    given before. Refuses INVALID_INPUT, for all of them, for a key that is empty or too long.
    """
    asked, path = input.request(info), info.path.as_list()
    answers: list[Any] = []
    for place, item in enumerate(items):
        one = replace(
            asked,
            content=content(item),
            key=None if asked.key is None else f"{asked.key}/{_short(named(item))}",
            expected_version=version(item),
            on_replay=partial(info.context.replayed.append, [*path, place]),
        )
        try:
            answers.append(await do(item, one))
        except Refusal as no:
            answers.append(shown(no))
    return answers


def _short(name: str) -> str:
    """What an item is named is as long as a client likes; an index of PostgreSQL holds no key of thousands of characters."""
    return name if len(name) <= NAME_MAX else sha256(name.encode()).hexdigest()
