"""The one schema of the process, put together from all files of verbs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import merge_types
from strawberry.types import ExecutionContext

import resolvers
from schema.refusals import HANDLERS, SHOWN
from schema.scalars import SCALARS
from schema.wiring import TYPES
from server.graphql.documents import Documents, FromCache
from server.graphql.executor import Executor


class Schema(strawberry.Schema):
    def process_errors(self, errors: Sequence[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Nothing: errors are logged where they are shown, and a client's mistake is not a trace in our log."""


def _root(name: str, part: str) -> type:
    parts = [getattr(module, part) for module in resolvers.modules() if hasattr(module, part)]
    return merge_types(name, tuple(parts))


@cache
def schema() -> Schema:
    return Schema(
        query=_root("Query", "Queries"),
        mutation=_root("Mutation", "Mutations"),
        subscription=_root("Subscription", "Subscriptions"),
        types=[*TYPES, *SHOWN],
        extensions=[FromCache],
        execution_context_class=Executor,
        exception_handlers=HANDLERS,
        config=StrawberryConfig(scalar_map=SCALARS),
    )


@cache
def documents() -> Documents:
    return Documents(schema()._schema)


def printed() -> str:
    """The contract: what schema/schema.graphql holds."""
    return schema().as_str() + "\n"
