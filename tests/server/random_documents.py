"""Random documents over any schema: aliases, fragments of all kinds, conditions by variable and by constant."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_abstract_type,
    is_interface_type,
    is_leaf_type,
    is_non_null_type,
)

SWITCHES = ("a", "b", "c")
"""The variables that a document's conditions may use; all Boolean!."""


class Documents:
    """`arguments` says what stands behind a field's name: "(first: 2)", "" for nothing, None to leave the field out."""

    def __init__(
        self, schema: GraphQLSchema, seed: int, arguments: Callable[[GraphQLField, str], str | None], *, width: int = 5
    ) -> None:
        self.schema, self.random, self.arguments, self.width = schema, random.Random(seed), arguments, width
        self.fragments: dict[str, tuple[GraphQLNamedType, int, str]] = {}
        self.aliases = 0

    def document(self, root: GraphQLObjectType, kind: str = "query", depth: int = 5) -> str:
        self.fragments, self.aliases = {}, 0
        selection = self._selection(root, depth)
        named = "".join(f" fragment {name} on {on.name} {inner}" for name, (on, _, inner) in self.fragments.items())
        used = [name for name in SWITCHES if f"${name}" in selection + named]
        declared = ", ".join(f"${name}: Boolean!" for name in used)
        return f"{kind} {f'({declared})' if used else ''} {selection}{named}"

    def variables(self) -> dict[str, bool]:
        return {name: self.random.random() < 0.5 for name in SWITCHES}

    def _selection(self, type_: GraphQLNamedType, depth: int) -> str:
        parts = [part for _ in range(self.random.randint(1, self.width)) for part in self._part(type_, depth)]
        return "{ " + " ".join(parts or ["__typename"]) + " }"

    def _part(self, type_: GraphQLNamedType, depth: int) -> Iterator[str]:
        chance = self.random.random()
        if chance < 0.2 and depth > 1:
            inner = self._narrowed(type_)
            on = f" on {inner.name}" if inner is not type_ or chance < 0.1 else ""
            yield f"...{on}{self._condition()} {self._selection(inner, depth - 1)}"
        elif chance < 0.3 and depth > 1:
            yield f"...{self._fragment(self._narrowed(type_), depth)}{self._condition()}"
        elif chance < 0.36 or isinstance(type_, GraphQLUnionType):
            yield f"{self._alias()}__typename{self._condition()}"
        else:
            yield from self._field(type_, depth)

    def _fragment(self, type_: GraphQLNamedType, depth: int) -> str:
        """One that is there already, if it is small enough, or another."""
        near = [name for name, (on, deep, _) in self.fragments.items() if on is type_ and deep < depth]
        if near and self.random.random() < 0.4:
            return self.random.choice(near)
        selection, name = self._selection(type_, depth - 1), f"F{len(self.fragments)}"
        self.fragments[name] = type_, depth - 1, selection
        return name

    def _field(self, type_: GraphQLNamedType, depth: int) -> Iterator[str]:
        name, field = self.random.choice(list(type_.fields.items()))
        given, inner = self.arguments(field, name), get_named_type(field.type)
        if given is None or (not is_leaf_type(inner) and depth <= 1):
            return
        selection = "" if is_leaf_type(inner) else f" {self._selection(inner, depth - 1)}"
        alias = self._alias(always=bool(given))
        yield f"{alias}{name}{given}{self._condition()}{selection}"
        if selection and self.random.random() < 0.15:  # the same field again: both selections are merged
            yield f"{alias}{name}{given} {self._selection(inner, depth - 1)}"

    def _alias(self, *, always: bool = False) -> str:
        if not always and self.random.random() < 0.8:
            return ""
        self.aliases += 1
        return f"x{self.aliases}: "

    def _narrowed(self, type_: GraphQLNamedType) -> GraphQLNamedType:
        """The type itself, one that it may turn out to be, or an interface that it has."""
        near = [type_, *(self.schema.get_possible_types(type_) if is_abstract_type(type_) else [])]
        if is_interface_type(type_) or isinstance(type_, GraphQLObjectType):
            near += type_.interfaces
        return self.random.choice(near)

    def _condition(self) -> str:
        if self.random.random() < 0.75:
            return ""
        value = self.random.choice(["true", "false", *(f"${name}" for name in SWITCHES)])
        return f" @{self.random.choice(['skip', 'include'])}(if: {value})"


def without_needed_arguments(field: GraphQLField, _name: str) -> str | None:
    """No arguments, and no field that must have some."""
    needed = any(is_non_null_type(argument.type) for argument in field.args.values())
    return None if needed else ""
