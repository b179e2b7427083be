"""Execution with a short way for plain fields: what is only an attribute is read, not resolved."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, NamedTuple

from graphql import GraphQLObjectType
from graphql.execution.collect_fields import GroupedFieldSet
from graphql.pyutils import AwaitableOrValue, Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from server.graphql.plans import Known, Plan, plan


class Parted(NamedTuple):
    """The fields asked of an object, those that are plain apart from the others."""

    asked: GroupedFieldSet
    """Kept, so that nothing else comes by its id."""
    plain: list[tuple[str, Plan]]
    others: GroupedFieldSet


class Executor(StrawberryGraphQLCoreExecutionContext):
    """Strawberry's own, but for plain fields of the document that the context carries (plans.py).

    They are read before the others begin. If one of them is not as planned, all fields of the object are done in the
    standard way as if nothing had been tried: so errors, their order and their paths cannot differ.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        document = getattr(self.context_value, "document", None)
        self._parted: dict[tuple[GraphQLObjectType, int], Parted] = {}
        self._known: Known | None = None
        if document and not (self.middleware_manager and self.middleware_manager.middlewares):
            self._known = document.plans.under(document.ast, self.variable_values.coerced)

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: Any,
    ) -> AwaitableOrValue[dict[str, Any]]:
        plain, others = self._read(parent_type, source_value, grouped_field_set)
        if plain and not others:
            return plain
        rest = super().execute_fields(parent_type, source_value, path, others, position_context)
        if not plain:
            return rest
        return plain | rest if isinstance(rest, dict) else _together(plain, rest)

    def _read(
        self, parent_type: GraphQLObjectType, source: Any, asked: GroupedFieldSet
    ) -> tuple[dict[str, Any], GroupedFieldSet]:
        """What is plain, with places for the others in between; and what is left to the standard way."""
        if self._known is not None:
            try:
                _, plain, others = self._part(self._known, parent_type, asked)
                if plain:
                    results: dict[str, Any] = dict.fromkeys(asked)
                    for name, (attribute, complete) in plain:
                        results[name] = complete(getattr(source, attribute))
                    return results, others
            except Exception:  # noqa: BLE001, S110  the standard way meets it again, and tells it
                pass
        return {}, asked

    def _part(self, known: Known, parent_type: GraphQLObjectType, asked: GroupedFieldSet) -> Parted:
        key = parent_type, id(asked)
        if key not in self._parted:
            plans = {name: plan(self, known, parent_type, details) for name, details in asked.items()}
            plain = [(name, planned) for name, planned in plans.items() if planned]
            others = {name: details for name, details in asked.items() if not plans[name]}
            self._parted[key] = Parted(asked, plain, others)
        return self._parted[key]


async def _together(plain: dict[str, Any], rest: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return plain | await rest
