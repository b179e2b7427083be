"""A request before it is known what it asks: well formed, or refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from server.graphql.errors import RequestError
from settings import settings


@dataclass(frozen=True, slots=True)
class Asked:
    """A well-formed request."""

    query: str
    operation_name: str | None
    variables: dict[str, Any]
    extensions: dict[str, Any]


def well_formed(body: Mapping[str, Any]) -> Asked:
    """The body of a request or the payload of a `subscribe`. Raises RequestError."""
    query, name = body.get("query"), body.get("operationName")
    variables, extensions = body.get("variables"), body.get("extensions")
    if not isinstance(query, str) or not query.strip():
        raise RequestError("BAD_USER_INPUT", "query must be a document.")
    if name is not None and not isinstance(name, str):
        raise RequestError("BAD_USER_INPUT", "operationName must be a string.")
    for given, value in (("variables", variables), ("extensions", extensions)):
        if value is not None and not isinstance(value, dict):
            raise RequestError("BAD_USER_INPUT", f"{given} must be an object.")
    if _deeper_than(variables, settings().variables_depth_max):
        raise RequestError("BAD_USER_INPUT", "variables are nested too deeply.")
    return Asked(query, name or None, variables or {}, extensions or {})


def _deeper_than(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper_than(item, levels - 1) for item in inner)
