"""What a control call is given, read and checked; whatever is wrong with it is told with its field."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


class Wrong(Exception):
    """A control call that makes no sense: which field, and why."""

    def __init__(self, field: str, why: str) -> None:
        self.field, self.why = field, why
        super().__init__(f"{field}: {why}" if field else why)


class Given(BaseModel):
    """Names are camelCase outside; unknown ones are wrong."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Nothing(Given):
    """A call that is given nothing."""


G = TypeVar("G", bound=Given)


def json(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")


def post(path: str, model: type[G], act: Callable[[G], Awaitable[Any]]) -> Route:
    """A control call with a JSON body."""
    return _route(path, "POST", model, act)


def get(path: str, model: type[G], act: Callable[[G], Awaitable[Any]]) -> Route:
    """A control question with query parameters."""
    return _route(path, "GET", model, act)


def _route(path: str, method: str, model: type[G], act: Callable[[G], Awaitable[Any]]) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            raw = dict(request.query_params) if method == "GET" else _object(await request.body())
            return json(await act(model.model_validate(raw)))
        except Wrong as wrong:
            return json({"error": str(wrong), "field": wrong.field}, 400)
        except ValidationError as wrong:
            first = wrong.errors()[0]
            field = ".".join(map(str, first["loc"]))
            why = first["msg"].removeprefix("Value error, ")
            return json({"error": f"{field}: {why}" if field else why, "field": field}, 400)

    return Route(f"/control/{path}", endpoint, methods=[method])


def _object(body: bytes) -> dict[str, Any]:
    try:
        given = orjson.loads(body) if body.strip() else {}
    except orjson.JSONDecodeError as no:
        raise Wrong("", f"the body is not JSON: {no}") from None
    if not isinstance(given, dict):
        raise Wrong("", "the body is not a JSON object")
    return given
