"""Documents are parsed, validated and measured once; what is wrong with one is remembered as well."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
    validate,
)
from strawberry.extensions import SchemaExtension

from resolvers.access import ROLES, Closed
from server.graphql.cost import Costs, reads_schema_only, too_large
from server.graphql.plans import Plans
from settings import settings

NOTHING = parse("{ __typename }")  # what stands in for a document that could not be read; it is never executed


@dataclass(frozen=True, slots=True)
class Document:
    """A document, what is wrong with it, and its operations by name."""

    ast: DocumentNode
    errors: tuple[GraphQLError, ...] = ()
    operations: Mapping[str, Costs] | None = None
    open_to_all: bool = False
    """Only asks what the schema is."""
    plans: Plans = field(default_factory=Plans)

    def operation(self, name: str | None) -> Costs | GraphQLError:
        """The operation that is meant, or what is wrong with the name."""
        known = self.operations or {}
        if name is None:
            return next(iter(known.values())) if len(known) == 1 else GraphQLError("Which operation? Name one of them.")
        return known.get(name) or GraphQLError("There is no operation of this name.")


class Documents:
    """The cache, by the hash of the text; the least recently used go first."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self._known: OrderedDict[bytes, Document] = OrderedDict()

    def get(self, text: str) -> Document:
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._read(text)
            if len(self._known) > settings().document_cache_max:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(key)
        return known

    def _read(self, text: str) -> Document:
        try:
            return self._judged(parse(text, max_tokens=settings().query_tokens_max))
        except GraphQLError as error:
            return Document(NOTHING, (error,))
        except RecursionError:
            return Document(NOTHING, (GraphQLError("The document is nested too deeply."),))

    def _judged(self, ast: DocumentNode) -> Document:
        """What is wrong with a document that could be parsed, or what it would do."""
        rules = list(specified_rules)
        if not settings().development:
            rules.append(NoSchemaIntrospectionCustomRule)
        errors = validate(
            self.schema, ast, rules, max_errors=settings().query_errors_max, hide_suggestions=not settings().development
        )
        if errors:
            return Document(ast, tuple(_plain(error) for error in errors))
        named = {
            node.name.value if node.name else "": Costs(ast, node)
            for node in ast.definitions
            if isinstance(node, OperationDefinitionNode)
        }
        too_much = tuple(large for costs in named.values() if (large := too_large(costs.size)))
        return Document(ast, too_much, named, settings().development and reads_schema_only(ast, self.schema))


def _plain(error: GraphQLError) -> GraphQLError:
    """A literal that Python itself could not read (a number of 5,000 digits) is the client's mistake, in our words."""
    return GraphQLError("A value cannot be read.", error.nodes) if error.original_error else error


class FromCache(SchemaExtension):
    """Gives Strawberry the document that the endpoint looked up already: nothing is parsed or validated twice."""

    def on_parse(self) -> Iterator[None]:
        self.execution_context.graphql_document = self._document.ast
        yield

    def on_validate(self) -> Iterator[None]:
        self.execution_context.pre_execution_errors = [*self._document.errors, *self._closed()]
        yield

    def _closed(self) -> Iterator[GraphQLError]:
        """The mutations of the document that are closed to the viewer: none of it is done then."""
        operation = self._document.operation(self.execution_context.operation_name)
        if isinstance(operation, Costs) and operation.operation.operation is OperationType.MUTATION:
            for name in operation.roots:
                if name in ROLES and not self.execution_context.context.viewer.has(*ROLES[name]):
                    yield GraphQLError("", original_error=Closed(name, ROLES[name]))

    def get_results(self) -> dict[str, Any]:
        context = self.execution_context.context
        results: dict[str, Any] = {"cost": {"requested": context.cost, "limit": settings().query_cost_max}}
        if context.replayed:
            results["replayed"] = context.replayed
        return results

    @property
    def _document(self) -> Document:
        document: Document = self.execution_context.context.document
        return document
