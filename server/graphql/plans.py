"""Fields that are plainly read off an object, planned once for each document: no resolver is called for them.

A field is plain if Strawberry would do nothing but take the attribute: no resolver, extension, permission or argument;
of a scalar or an enum, of an object whose fields asked for are all plain, or of a list of these. What a plan cannot do
it does not try: it raises Unusual, and the field is done again in the standard way.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol, TypeAlias, cast

from graphql import (
    DirectiveNode,
    DocumentNode,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLID,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    TypeNameMetaFieldDef,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution.collect_fields import CollectedFields, FieldDetails, FieldDetailsList
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types import has_object_definition
from strawberry.types.cast import get_strawberry_type_cast
from strawberry.types.field import StrawberryField

KEPT_MAX = 16
SIMPLE = frozenset({str, int, bool, float, Decimal, datetime, list, dict})
"""What is certainly neither awaited nor raised."""
UNCHANGED = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}
"""What these scalars tell as it is."""

Complete: TypeAlias = Callable[[Any], Any]
"""From the value of an attribute to what the client is told. Raises Unusual, or whatever goes wrong."""


class Unusual(Exception):
    """A value that is left to the standard way."""


class Plan(NamedTuple):
    """How one plain field is read."""

    attribute: str
    complete: Complete


Known: TypeAlias = dict[Hashable, Plan | None]
"""Plans by parent type and by the nodes that ask; None for a field that is not plain."""


class Plans:
    """The plans of one document, kept as long as it is.

    Which fields a selection has depends on the variables of @skip and @include, so those of each combination are kept
    apart, and only so many combinations at once.
    """

    def __init__(self) -> None:
        self._switches: tuple[str, ...] | None = None
        self._known: dict[Hashable, Known] = {}

    def under(self, ast: DocumentNode, variables: dict[str, Any]) -> Known:
        """The plans of the document under these variables."""
        if self._switches is None:
            found = _Switches()
            visit(ast, found)
            self._switches = tuple(sorted(found.names))
        setting = tuple(repr(variables.get(name)) for name in self._switches)
        if setting not in self._known and len(self._known) >= KEPT_MAX:
            self._known.clear()
        return self._known.setdefault(setting, {})

    def __len__(self) -> int:
        return len(self._known)


class _Switches(Visitor):
    """The variables of a document's directives."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        self.names.update(a.value.name.value for a in node.arguments or () if isinstance(a.value, VariableNode))


class Selects(Protocol):
    """What a plan is made with: the executor."""

    schema: GraphQLSchema

    def collect_subfields(
        self, return_type: GraphQLObjectType, field_details_list: FieldDetailsList
    ) -> CollectedFields: ...


def key_of(parent: GraphQLObjectType, details: FieldDetailsList) -> Hashable:
    """The nodes live as long as the document, so no other node can come by the same id."""
    if len(details) == 1:
        return parent, id(details[0].node)
    return parent, *(id(detail.node) for detail in details)


def plan(selects: Selects, known: Known, parent: GraphQLObjectType, details: FieldDetailsList) -> Plan | None:
    """The plan of a field, made where it is not known yet."""
    key = key_of(parent, details)
    if key not in known:
        known[key] = _planned(selects, known, parent, details)
    return known[key]


def _planned(selects: Selects, known: Known, parent: GraphQLObjectType, details: FieldDetailsList) -> Plan | None:
    field = selects.schema.get_field(parent, details[0].node.name.value)
    if field is None or not all(_is_plainly_asked(detail) for detail in details):
        return None
    if field is TypeNameMetaFieldDef:
        return Plan("__class__", lambda _: parent.name)
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(definition, StrawberryField) or not _is_plain(field, definition):
        return None
    complete = _complete(selects, known, field.type, details)
    return Plan(definition.python_name, complete) if complete else None


def _is_plainly_asked(detail: FieldDetails) -> bool:
    node, deferred, fragment_variables = detail
    directives = {directive.name.value for directive in node.directives or ()}
    return not (node.arguments or deferred or fragment_variables or directives - {"skip", "include"})


def _is_plain(field: GraphQLField, definition: StrawberryField) -> bool:
    """Whether it is Strawberry's own resolver that would be called, and would do nothing but take the attribute."""
    own = getattr(field.resolve, "_is_default", False)
    return bool(own and definition.is_basic_field and definition.default_resolver is getattr and not field.args)


def _complete(
    selects: Selects, known: Known, type_: GraphQLOutputType, details: FieldDetailsList, *, nullable: bool = True
) -> Complete | None:
    """How a value of a type is completed; None where that is more than plain."""
    match type_:
        case GraphQLNonNull():
            return _complete(selects, known, type_.of_type, details, nullable=False)
        case GraphQLList():
            item = _complete(selects, known, type_.of_type, details)
            return _list(item, nullable) if item else None
        case GraphQLScalarType():
            return _scalar(type_, nullable)
        case GraphQLEnumType():
            return _enum(type_, nullable)
        case GraphQLObjectType():
            return _object(selects, known, type_, details, nullable)
    return None


def _scalar(type_: GraphQLScalarType, nullable: bool) -> Complete:
    coerce, unchanged = type_.coerce_output_value, UNCHANGED.get(type_)

    def complete(value: Any) -> Any:
        if type(value) is unchanged:
            return value
        if type(value) in SIMPLE:
            coerced = coerce(value)
            if type(coerced) in SIMPLE:
                return coerced
        if value is None and nullable:
            return None
        raise Unusual

    return complete


def _enum(type_: GraphQLEnumType, nullable: bool) -> Complete | None:
    """By the name of the member: its value may be equal to another's."""
    cls = getattr(type_, "wrapped_cls", None)
    if cls is None:
        return None
    names = {member.name: type_.coerce_output_value(member) for member in cls}

    def complete(value: Any) -> Any:
        if type(value) is cls:
            return names[value._name_]
        if value is None and nullable:
            return None
        raise Unusual

    return complete


def _list(item: Complete, nullable: bool) -> Complete:
    def complete(value: Any) -> Any:
        if type(value) is list or type(value) is tuple:
            return [item(one) for one in value]
        if value is None and nullable:
            return None
        raise Unusual

    return complete


def _object(
    selects: Selects, known: Known, type_: GraphQLObjectType, details: FieldDetailsList, nullable: bool
) -> Complete | None:
    definition = type_.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    collected = selects.collect_subfields(type_, details)
    if definition is None or definition.is_type_of or collected.new_defer_usages:
        return None
    fields: list[tuple[str, str, Complete]] = []
    for name, inner in collected.grouped_field_set.items():
        planned = plan(selects, known, type_, inner)
        if planned is None:
            return None
        fields.append((name, *planned))
    is_of: dict[type, bool] = {}

    def complete(value: Any) -> Any:
        if type_.is_type_of and get_strawberry_type_cast(value):
            raise Unusual
        cls = type(value)
        if cls not in is_of:
            is_of[cls] = _is_of(type_, value)
        if is_of[cls]:
            return {name: inner(getattr(value, attribute)) for name, attribute, inner in fields}
        if value is None and nullable:
            return None
        raise Unusual

    return complete


def _is_of(type_: GraphQLObjectType, value: Any) -> bool:
    """Whether values of this class are objects of the type, and nothing that is awaited or raised."""
    cls = type(value)
    if not has_object_definition(cls) or issubclass(cls, Exception) or hasattr(cls, "__await__"):
        return False
    return type_.is_type_of is None or bool(type_.is_type_of(value, cast(Any, None)))
