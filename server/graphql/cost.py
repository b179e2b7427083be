"""How large a document is and what it would cost to answer, before anything is asked."""

from __future__ import annotations

from collections import Counter
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
    ListValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    ValueNode,
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
        self.variables: Counter[str] = Counter()

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.variables[node.name.value] += 1

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        self.aliases += node.alias is not None

    def enter_directive(self, *_: Any) -> None:
        self.directives += 1


class Costs:
    """Costs of one operation of a valid document. A field costs 1; what stands in a list, once for each item.

    Each fragment is measured once, however often it is spread: a document cannot make its own measuring long.
    """

    def __init__(self, document: DocumentNode, operation: OperationDefinitionNode) -> None:
        self.operation = operation
        self.fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self.defaults = {
            v.variable.name.value: _literal(v.default_value)
            for v in operation.variable_definitions or ()
            if v.default_value is not None
        }
        counter = _Counter()
        visit(document, counter)
        depth, root_fields = self._measured(operation.selection_set, {})
        self.size = Size(depth, root_fields, counter.aliases, counter.directives)
        fields = self._fields(operation.selection_set)
        self.roots = tuple(dict.fromkeys(field.name.value for field in fields))
        self.resumes = frozenset(_resumes(fields, counter.variables))

    def cost(self, variables: Mapping[str, Any]) -> int:
        writes = self.operation.operation is OperationType.MUTATION
        read = self._cost(self.operation.selection_set, {**self.defaults, **variables}, {})
        return read + (MUTATION_COST * self.size.root_fields if writes else 0)

    def _inside(self, selections: SelectionSetNode) -> Iterator[FieldNode | SelectionSetNode]:
        """The fields of a selection, and the selections of the fragments in it."""
        for node in selections.selections:
            match node:
                case FieldNode():
                    yield node
                case InlineFragmentNode():
                    yield node.selection_set
                case FragmentSpreadNode():
                    yield self.fragments[node.name.value].selection_set

    def _fields(self, selections: SelectionSetNode) -> list[FieldNode]:
        """The fields of a selection, those of its fragments among them, each fragment once."""
        found: list[FieldNode] = []
        seen: set[int] = set()
        waiting = [selections]
        while waiting:
            current = waiting.pop()
            if id(current) not in seen:
                seen.add(id(current))
                for part in self._inside(current):
                    if isinstance(part, FieldNode):
                        found.append(part)
                    else:
                        waiting.append(part)
        return found

    def _measured(self, selections: SelectionSetNode, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
        """How many levels and how many fields of its own a selection has."""
        if id(selections) not in known:
            depth = fields = 0
            for part in self._inside(selections):
                if isinstance(part, SelectionSetNode):
                    inner, more = self._measured(part, known)
                    depth, fields = max(depth, inner), fields + more
                else:
                    free = part.name.value in FREE or part.selection_set is None
                    depth = max(
                        depth,
                        1 + (0 if free or not part.selection_set else self._measured(part.selection_set, known)[0]),
                    )
                    fields += 1
            known[id(selections)] = depth, fields
        return known[id(selections)]

    def _cost(self, selections: SelectionSetNode, variables: Mapping[str, Any], known: dict[int, int]) -> int:
        if id(selections) not in known:
            total = 0
            for part in self._inside(selections):
                if isinstance(part, SelectionSetNode):
                    total += self._cost(part, variables, known)
                elif part.name.value not in FREE:
                    inner = self._cost(part.selection_set, variables, known) if part.selection_set else 0
                    total += 1 + inner * self._items(part, variables)
            known[id(selections)] = total
        return known[id(selections)]

    def _items(self, field: FieldNode, variables: Mapping[str, Any]) -> int:
        """How many items of the field there may be: the page asked for, the ids given, or one."""
        given = {argument.name.value: _value(argument.value, variables) for argument in field.arguments or ()}
        if "ids" in given:
            return len(given["ids"]) if isinstance(given["ids"], list) else 1
        for name in ("first", "last"):
            if given.get(name) is not None:
                asked = given[name]
                return max(1, min(asked, settings().page_max)) if isinstance(asked, int) else settings().page_max
        is_list = field.selection_set and any(
            inner.name.value == "edges" for inner in self._fields(field.selection_set)
        )
        return PAGE_DEFAULT if is_list else 1


def _resumes(fields: list[FieldNode], uses: Counter[str]) -> Iterator[str]:
    """Variables that say nothing but where a subscription begins: declared, and used as `after` of its field alone."""
    for field in fields:
        for argument in field.arguments or ():
            name = argument.value.name.value if isinstance(argument.value, VariableNode) else ""
            if argument.name.value == "after" and uses[name] == 2:
                yield name


def _value(node: ValueNode, variables: Mapping[str, Any]) -> Any:
    return variables.get(node.name.value) if isinstance(node, VariableNode) else _literal(node)


def _literal(node: ValueNode) -> Any:
    """What the limits need of a literal: whole numbers and how long lists are. A number of many digits is just large."""
    if isinstance(node, IntValueNode):
        return int(node.value) if len(node.value) <= 18 else 10**18
    return list(node.values) if isinstance(node, ListValueNode) else None


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
