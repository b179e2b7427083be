"""Reading a JSON document strictly: bounded, nothing unknown in it, every problem with the path to its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from models.kernel.refusals import FieldProblem, InvalidInput

DEPTH_MAX, NODES_MAX = 20, 500  # every object, list, text, number and literal is a node
NAME_MAX = 64
PROBLEMS_MAX = 20  # how many are told at once

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a document, and where it stands. Everything here refuses INVALID_INPUT for what it does not find."""

    value: Any
    path: str

    @classmethod
    def opened(cls, document: object, path: str) -> Node:
        """The document as a whole. Refuses one that is nested deeper than DEPTH_MAX, or has more than NODES_MAX nodes."""
        root, depth, nodes, layer = cls(document, path), 0, 0, [document]
        while layer:
            depth, nodes = depth + 1, nodes + len(layer)
            if nodes > NODES_MAX:
                raise root.wrong(f"has more than {NODES_MAX} parts")
            if depth > DEPTH_MAX:
                raise root.wrong(f"is nested deeper than {DEPTH_MAX}")
            layer = [inner for outer in layer for inner in _inside(outer)]
        return root

    def wrong(self, message: str) -> InvalidInput:
        return InvalidInput(FieldProblem(self.path, message))

    def inner(self, key: str | int) -> Node:
        return Node(self.value[key], f"{self.path}.{key}")

    def fields(
        self, must: Mapping[str, Callable[[Node], Any]], may: Mapping[str, Callable[[Node], Any]] | None = None
    ) -> dict[str, Any]:
        """What the fields of an object hold, by how each is read. An optional one that is null is absent."""
        given, readers = self._object(), {**must, **(may or {})}
        strange = [self._problem(key, "is not known here") for key in given if key not in readers]
        missing = [self._problem(key, "is missing") for key in must if key not in given]
        if strange or missing:
            raise InvalidInput(*[*strange, *missing][:PROBLEMS_MAX])
        read = [key for key in readers if key in must or given.get(key) is not None]
        return dict(zip(read, _together((readers[key], self.inner(key)) for key in read), strict=True))

    def one_of(self, readers: Mapping[str, Callable[[Node], T]]) -> T:
        """What the only field of an object holds, which is one of these."""
        given = self._object()
        if len(given) != 1 or not readers.keys() & given.keys():
            raise self.wrong(f"must have one field of: {', '.join(readers)}")
        key = next(iter(given))
        return readers[key](self.inner(key))

    def each(self, read: Callable[[Node], T], *, most: int = NODES_MAX, least: int = 0) -> tuple[T, ...]:
        """What a list holds, in its order."""
        if not isinstance(self.value, list):
            raise self.wrong("must be a list")
        if not least <= len(self.value) <= most:
            raise self.wrong(f"must have {least} to {most} items")
        return tuple(_together((read, self.inner(place)) for place in range(len(self.value))))

    def text(self, most: int, *, least: int = 0) -> str:
        """A text that can be printed on one line."""
        if not isinstance(self.value, str):
            raise self.wrong("must be a text")
        if not least <= len(self.value) <= most:
            raise self.wrong(f"must have {least} to {most} characters")
        if not self.value.isprintable():
            raise self.wrong("has characters that cannot be printed")
        return self.value

    def name(self) -> str:
        return self.text(NAME_MAX, least=1)

    def whole(self, most: int) -> int:
        """A whole number from 0 on; true is none, though Python counts with it."""
        if type(self.value) is not int or not 0 <= self.value <= most:
            raise self.wrong(f"must be a whole number from 0 to {most}")
        return self.value

    def word(self, words: type[E]) -> E:
        """One word of a closed list."""
        if not isinstance(self.value, str) or self.value not in set(words):
            raise self.wrong(f"must be one of: {', '.join(words)}")
        return words(self.value)

    def _object(self) -> dict[str, Any]:
        if not isinstance(self.value, dict):
            raise self.wrong("must be an object")
        return self.value

    def _problem(self, key: str, message: str) -> FieldProblem:
        """A field that nobody knows may be called anything: what cannot be printed is escaped, what is long is cut."""
        shown = key if key.isprintable() else ascii(key)[1:-1]
        return FieldProblem(f"{self.path}.{shown[:NAME_MAX]}", message)


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _together(reads: Iterable[tuple[Callable[[Node], T], Node]]) -> list[T]:
    """What all of them read, or the problems of all of them."""
    done: list[T] = []
    problems: list[FieldProblem] = []
    for read, node in reads:
        try:
            done.append(read(node))
        except InvalidInput as refused:
            problems += refused.fields
    if problems:
        raise InvalidInput(*problems[:PROBLEMS_MAX])
    return done
