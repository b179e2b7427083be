"""Which places of an operation's variables take files."""

from __future__ import annotations

from typing import Any

from graphql import (
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLSchema,
    OperationDefinitionNode,
    get_nullable_type,
    type_from_ast,
)

UPLOAD = "Upload"


def takes_file(schema: GraphQLSchema, operation: OperationDefinitionNode, path: str) -> bool:
    """Whether the type at the path is Upload: \"variables.input.attachments.0.file\"."""
    _, name, *steps = path.split(".")
    for declared in operation.variable_definitions or ():
        if declared.variable.name.value == name:
            kind: Any = type_from_ast(schema, declared.type)
            for step in steps:
                kind = _inside(kind, step)
            return getattr(get_nullable_type(kind), "name", "") == UPLOAD
    return False


def _inside(kind: Any, step: str) -> Any:
    match get_nullable_type(kind):
        case GraphQLList(of_type=inner):
            return inner
        case GraphQLInputObjectType(fields=fields) if step in fields:
            return fields[step].type
    return None
