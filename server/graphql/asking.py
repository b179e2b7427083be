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
    files: tuple[str, ...] = ()
    """Where in it files were put, which came beside it: "variables.input.attachments.0"."""


def well_formed(body: Mapping[str, Any]) -> Asked:
    """The body of a request or the payload of a `subscribe`. Raises RequestError."""
    query, name = body.get("query"), body.get("operationName")
    variables, extensions = body.get("variables"), body.get("extensions")
    if not isinstance(query, str) or not query.strip():
        raise RequestError("BAD_USER_INPUT", "query must be a document.")
    if len(query) > settings().body_max_bytes:  # it is remembered, and may be sent in a large body
        raise RequestError("BAD_USER_INPUT", "query is too long: what is large is sent in variables.")
    if name is not None and not isinstance(name, str):
        raise RequestError("BAD_USER_INPUT", "operationName must be a string.")
    for given, value in (("variables", variables), ("extensions", extensions)):
        if value is not None and not isinstance(value, dict):
            raise RequestError("BAD_USER_INPUT", f"{given} must be an object.")
    _check_size(variables)
    return Asked(query, name or None, variables or {}, extensions or {})


def _check_size(variables: Any) -> None:
    """How deep, and how many values: what is read of them later is read for each."""
    most = left = settings().variables_values_max
    waiting = [(variables, settings().variables_depth_max)]
    while waiting:
        value, levels = waiting.pop()
        if isinstance(value, dict | list):
            left -= len(value)
            if levels == 0:
                raise RequestError("BAD_USER_INPUT", "variables are nested too deeply.")
            if left < 0:
                raise RequestError("BAD_USER_INPUT", f"variables may hold up to {most} values.")
            inner = value.values() if isinstance(value, dict) else value
            waiting.extend((item, levels - 1) for item in inner if isinstance(item, dict | list))
