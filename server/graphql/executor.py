"""Execution with a short way for plain fields: what is only an attribute is read, not resolved."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLObjectType
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from server.graphql.plans import Known, plan


class Executor(StrawberryGraphQLCoreExecutionContext):
    """Strawberry's own, but for plain fields of a document that the context carries (plans.py).

    Whatever is not as planned is done again from the start by Strawberry's own, so errors cannot differ.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        document = getattr(self.context_value, "document", None)
        self._known: Known | None = None
        if document and not (self.middleware_manager and self.middleware_manager.middlewares):
            self._known = document.plans.under(document.ast, self.variable_values.coerced)

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,
        field_details_list: FieldDetailsList,
        path: Path,
        position_context: Any,
    ) -> Any:
        if self._known is not None:
            try:
                planned = plan(self, self._known, parent_type, field_details_list)
                if planned:
                    return planned.complete(getattr(source, planned.attribute))
            except Exception:  # noqa: BLE001, S110  the standard way finds it again and tells it
                pass
        return super().execute_field(parent_type, source, field_details_list, path, position_context)
