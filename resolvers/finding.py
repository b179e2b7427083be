"""How `node(id)` finds the nouns whose global ids hold a number."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias, TypeVar

from models.kernel.viewer import Viewer
from schema.node import number_of

R = TypeVar("R")
N = TypeVar("N")
Finder: TypeAlias = Callable[[Viewer, list[str]], Awaitable[dict[str, N]]]
"""Of a viewer and global ids: those nouns that there are and that he may see."""


def by_number(
    noun: str, read: Callable[[Viewer, Sequence[int]], Awaitable[dict[int, R]]], show: Callable[[R], N]
) -> Finder[N]:
    """By one read of the numbers; ids of other nouns, and what is no id, are passed over."""

    async def find(viewer: Viewer, ids: list[str]) -> dict[str, N]:
        numbers = {id: number for id in ids if (number := number_of(id, noun)) is not None}
        found = await read(viewer, list(numbers.values()))
        return {id: show(found[number]) for id, number in numbers.items() if number in found}

    return find
