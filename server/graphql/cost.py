"""How large a document is and what it would cost to answer, before anything is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    Node,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    Visitor,
    visit,
)

from settings import settings

PAGE_DEFAULT = 20
MUTATION_COST = 10
FREE = ("__schema", "__type")


@dataclass(frozen=True, slots=True)
class Size:
    """What the limits look at."""

    depth: int
    root_fields: int
    aliases: int
    directives: int


class _Counter(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.aliases = self.directives = 0

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        self.aliases += node.alias is not None

    def enter_directive(self, *_: Any) -> None:
        self.directives += 1


class Costs:
    """Costs of the operations of one valid document. A field costs 1; what stands in a list, once for each item."""

    def __init__(self, document: DocumentNode, operation: OperationDefinitionNode) -> None:
        self.operation = operation
        self.fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        counter = _Counter()
        visit(document, counter)
        roots = list(self._fields(operation.selection_set))
        self.size = Size(self._depth(operation.selection_set), len(roots), counter.aliases, counter.directives)
        self.roots = tuple(dict.fromkeys(field.name.value for field in roots))

    def cost(self, variables: Mapping[str, Any]) -> int:
        writes = self.operation.operation is OperationType.MUTATION
        return self._cost(self.operation.selection_set, variables) + (
            MUTATION_COST * self.size.root_fields if writes else 0
        )

    def _fields(self, selections: SelectionSetNode) -> Iterator[FieldNode]:
        for node in selections.selections:
            match node:
                case FieldNode():
                    yield node
                case InlineFragmentNode():
                    yield from self._fields(node.selection_set)
                case FragmentSpreadNode():
                    yield from self._fields(self.fragments[node.name.value].selection_set)

    def _depth(self, selections: SelectionSetNode) -> int:
        inner = (
            self._depth(field.selection_set) if field.selection_set else 0
            for field in self._fields(selections)
            if field.name.value not in FREE
        )
        return 1 + max(inner, default=-1)

    def _cost(self, selections: SelectionSetNode, variables: Mapping[str, Any]) -> int:
        total = 0
        for field in self._fields(selections):
            if field.name.value in FREE:
                continue
            inner = self._cost(field.selection_set, variables) if field.selection_set else 0
            total += 1 + inner * _items(field, variables)
        return total


def _items(field: FieldNode, variables: Mapping[str, Any]) -> int:
    """How many items of the field there may be: the page asked for, the ids given, or one."""
    given = {argument.name.value: argument.value for argument in field.arguments or ()}
    if "ids" in given:
        ids = _value(given["ids"], variables)
        return len(ids) if isinstance(ids, list) else len(getattr(given["ids"], "values", ())) or 1
    for name in ("first", "last"):
        if name in given:
            asked = _value(given[name], variables)
            return max(1, min(asked, settings().page_max)) if isinstance(asked, int) else PAGE_DEFAULT
    lists = any(inner.name.value == "edges" for inner in _direct(field))
    return PAGE_DEFAULT if lists else 1


def _direct(field: FieldNode) -> list[FieldNode]:
    if field.selection_set is None:
        return []
    return [node for node in field.selection_set.selections if isinstance(node, FieldNode)]


def _value(node: Node, variables: Mapping[str, Any]) -> Any:
    if isinstance(node, VariableNode):
        return variables.get(node.name.value)
    return int(node.value) if isinstance(node, IntValueNode) else None


def too_large(size: Size) -> GraphQLError | None:
    """What the document has too much of, if anything."""
    limits = settings()
    for what, has, most in (
        ("levels", size.depth, limits.query_depth_max),
        ("root fields", size.root_fields, limits.query_root_fields_max),
        ("aliases", size.aliases, limits.query_aliases_max),
        ("directives", size.directives, limits.query_directives_max),
    ):
        if has > most:
            return GraphQLError(
                f"The document has {has} {what}; {most} are allowed.", extensions={"code": "COST_EXCEEDED"}
            )
    return None


def reads_schema_only(document: DocumentNode, schema: GraphQLSchema) -> bool:
    """Whether every operation only asks what the schema is."""
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    return all(
        operation.operation is OperationType.QUERY and set(Costs(document, operation).roots) <= {*FREE, "__typename"}
        for operation in operations
    )
