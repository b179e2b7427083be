"""What clients see is what is written down: the schema, the refusals, the generated pages."""

from __future__ import annotations

import dataclasses
import typing
from pathlib import Path

import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
)
from strawberry.types.base import StrawberryObjectDefinition

from models.kernel import refusals as kernel
from resolvers.access import DOES
from schema.inputs import Readable
from schema.money import MoneyInput
from schema.people import PersonRef
from schema.refusals import SHOWN
from server.graphql.schema import printed, schema
from server.pages import pages

CORE = schema()._schema
OF_PARTS = {
    MoneyInput: {kernel.InvalidAmount, kernel.CurrencyNotSupported},
    PersonRef: {kernel.NotFound},
}


def test_the_printed_schema_is_the_contract():
    assert Path("schema/schema.graphql").read_text() == printed(), "run `make schema` and look at the difference"


@pytest.mark.parametrize(("page", "text"), pages().items(), ids=lambda value: str(value)[:40])
def test_generated_pages_are_current(page, text):
    assert Path(page).read_text() == text, "run `make docs`"


@pytest.mark.parametrize("name", sorted(CORE.mutation_type.fields))
def test_a_mutations_union_is_what_its_operation_refuses(name):
    field = CORE.mutation_type.fields[name]
    union = typing.cast(GraphQLUnionType, get_named_type(field.type))
    assert answer_of(field.type) in ("one", "one for each item")
    shown = {s.refusal for s in SHOWN if s.__name__ in {t.name for t in union.types}}
    input_type = field.args["input"].type.of_type
    expected = set(DOES[name].refuses) | {kernel.InvalidInput} | _of_parts(_python(input_type.name))
    assert shown == expected


def answer_of(kind: object) -> str:
    """One union, always; or, where a mutation is over many, a list of them, or nothing where the request as a whole was
    no good: fields of a document that were done before stay in the answer."""
    match kind:
        case GraphQLNonNull(of_type=GraphQLUnionType()):
            return "one"
        case GraphQLList(of_type=GraphQLNonNull(of_type=GraphQLUnionType())):
            return "one for each item"
    return "something else"


@pytest.mark.parametrize("name", sorted(CORE.mutation_type.fields))
def test_a_mutation_over_many_answers_for_each(name):
    field = CORE.mutation_type.fields[name]
    many = {"ids", "filter", "items"} & set(field.args["input"].type.of_type.fields)
    assert answer_of(field.type) == ("one for each item" if many else "one")


def _python(name: str) -> type:
    definition = schema().get_type_by_name(name)
    return typing.cast(type, definition.origin)


def _of_parts(input_type: type) -> set[type[kernel.Refusal]]:
    found: set[type[kernel.Refusal]] = set()
    for field in dataclasses.fields(input_type):
        kind = field.type
        while hasattr(kind, "of_type"):
            kind = kind.of_type
        if isinstance(kind, type):
            found |= OF_PARTS.get(kind, set())
            if dataclasses.is_dataclass(kind):
                found |= _of_parts(kind)
    return found


def test_every_refusal_has_a_type_or_never_reaches_a_mutation():
    typed = {shown.refusal for shown in SHOWN}
    reachable = {refusal for operation in DOES.values() for refusal in operation.refuses}
    assert reachable <= typed


TYPES = [
    kind
    for name, kind in sorted(CORE.type_map.items())
    if not name.startswith("__") and not getattr(kind, "specified", False)
]


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.name)
def test_everything_is_described(kind):
    roots = {CORE.query_type, CORE.mutation_type, CORE.subscription_type}
    standard = kind.name in ("Boolean", "String", "Int", "Float", "ID", "JSON")
    unions = isinstance(kind, GraphQLUnionType)  # a union is described by the mutation that answers it
    assert kind.description or kind in roots or standard or unions
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
        for name, field in kind.fields.items():
            assert field.description or kind.name == "PersonRef", f"{kind.name}.{name} is not described"


def test_every_field_with_arguments_checks_that_they_could_be_read():
    """A scalar that could not be read arrives as `Malformed`: without the check it would go on into the business."""
    fields = {
        f"{kind.name}.{field.python_name}": field
        for name in CORE.type_map
        if (kind := schema().get_type_by_name(name))
        and isinstance(kind, StrawberryObjectDefinition)
        and not kind.is_input
        for field in kind.fields
        if field.arguments
    }
    assert "LedgerAccount.entries" in fields
    assert [name for name, field in fields.items() if not any(isinstance(e, Readable) for e in field.extensions)] == []
