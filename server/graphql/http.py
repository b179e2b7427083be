"""GraphQL over HTTP: one document in, one answer out, with the status codes of the specification."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson
import structlog
from graphql import GraphQLError, OperationType
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType as Kind

from models.kernel.metrics import REQUESTS
from models.kernel.viewer import Viewer
from server.auth import NOBODY, Unauthenticated, viewer_of
from server.graphql.context import OperationContext
from server.graphql.cost import Costs
from server.graphql.documents import Document
from server.graphql.errors import HIDDEN, RequestError, shown
from server.graphql.schema import documents, schema
from settings import settings

log = structlog.get_logger("graphql")

JSON, GRAPHQL_JSON = "application/json", "application/graphql-response+json"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
MEDIA = {GRAPHQL_JSON: GRAPHQL_JSON, JSON: JSON, "application/*": JSON, "*/*": JSON}
UNKNOWN = "A valid bearer token is needed."


@dataclass(frozen=True, slots=True)
class Asked:
    """A well-formed request."""

    query: str
    operation_name: str | None
    variables: dict[str, Any]
    extensions: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back, before its media type is known."""

    content: dict[str, Any]
    status: int
    """Where the media type is the specification's own; plain JSON answers 200 to what GraphQL itself refused."""
    well_formed: bool = True


async def endpoint(http: HttpRequest) -> Response:
    """POST (and, in development, GET for queries) of one operation."""
    request_id = _request_id(http)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)
    media = JSON
    try:
        media = _media_type(http.headers.get("accept"))
        answer = await _answer(http, request_id)
    except RequestError as error:
        answer = _failed(error, request_id)
    except Exception:
        log.exception("bug")
        answer = _failed(RequestError("INTERNAL", HIDDEN), request_id)
    plain = media == JSON and answer.well_formed
    return Response(
        orjson.dumps(answer.content),
        status_code=200 if plain else answer.status,
        media_type=f"{media}; charset=utf-8",
        headers={"x-request-id": request_id, **_headers(answer.status)},
    )


def _headers(status: int) -> dict[str, str]:
    """What the specification of HTTP wants beside some numbers."""
    return {401: {"www-authenticate": "Bearer"}, 405: {"allow": _allowed()}}.get(status, {})


def _failed(error: RequestError, request_id: str) -> Answer:
    told = {"code": error.code, "status": error.status, "requestId": request_id}
    return Answer({"errors": [{"message": str(error), "extensions": told}]}, error.status, well_formed=False)


async def _answer(http: HttpRequest, request_id: str) -> Answer:
    asked = _read_get(http) if http.method in ("GET", "HEAD") else await _read_post(http)
    bearer = await _bearer(http)
    document = documents().get(asked.query)
    viewer = bearer or (NOBODY if document.open_to_all else None)
    if viewer is None:
        raise RequestError("UNAUTHENTICATED", UNKNOWN)
    structlog.contextvars.bind_contextvars(viewer=viewer.subject)
    if document.errors:
        return _refused(document.errors, request_id)
    operation = document.operation(asked.operation_name)
    if isinstance(operation, GraphQLError):
        return _refused((operation,), request_id)
    if operation.operation.operation is OperationType.SUBSCRIPTION:
        return _refused((GraphQLError("Subscriptions are not answered over plain HTTP."),), request_id)
    if http.method != "POST" and operation.operation.operation is not OperationType.QUERY:
        raise RequestError("BAD_USER_INPUT", "Mutations are not for GET.", status=405)
    return await _executed(asked, document, operation, viewer, request_id)


async def _executed(asked: Asked, document: Document, operation: Costs, viewer: Viewer, request_id: str) -> Answer:
    context = OperationContext(viewer, request_id, document, cost=operation.cost(asked.variables))
    if context.cost > settings().query_cost_max:
        raise RequestError(
            "COST_EXCEEDED", f"This would cost {context.cost}; {settings().query_cost_max} is the limit. Ask for less."
        )
    started = time.perf_counter()
    result, errors = await _run(asked, context, is_query=operation.operation.operation is OperationType.QUERY)
    told = shown(errors, request_id)
    _count(operation, told, time.perf_counter() - started)
    content: dict[str, Any] = {"errors": told} if told else {}
    if result is None or (result.data is None and not any(error.path for error in errors)):
        return Answer(content, told[0]["extensions"]["status"])
    return Answer(content | {"data": result.data, "extensions": result.extensions}, 200)


async def _run(
    asked: Asked, context: OperationContext, *, is_query: bool
) -> tuple[ExecutionResult | None, list[GraphQLError]]:
    """Only a query is cut off when it takes too long; a mutation ends by its own lock and statement timeouts."""
    try:
        async with asyncio.timeout(settings().query_timeout_seconds if is_query else None):
            result = await schema().execute(
                asked.query,
                variable_values=asked.variables,
                context_value=context,
                operation_name=asked.operation_name,
                allowed_operation_types=(Kind.QUERY, Kind.MUTATION),
            )
    except TimeoutError as late:
        return None, [GraphQLError("", original_error=late)]
    return result, result.errors or []


def _count(operation: Costs, told: list[dict[str, Any]], seconds: float) -> None:
    """By root field, of which the schema has only so many; operation names are the clients' and have no end."""
    kind, outcome = operation.operation.operation.value, told[0]["extensions"]["code"] if told else "OK"
    name = operation.roots[0] if len(operation.roots) == 1 else "several"
    REQUESTS.labels(kind, name, outcome).observe(seconds)
    log.info("answered", type=kind, operation=name, outcome=outcome, ms=round(seconds * 1000, 1))


def _refused(errors: tuple[GraphQLError, ...], request_id: str) -> Answer:
    told = shown(errors, request_id)
    REQUESTS.labels("unknown", "none", told[0]["extensions"]["code"]).observe(0)
    log.info("refused", message=told[0]["message"])
    return Answer({"errors": told}, 400)


async def _bearer(http: HttpRequest) -> Viewer | None:
    """Who asks, known before his document is looked at. In development a document that only asks what the schema is needs
    no token, so there one without a token is read before it is judged."""
    authorization = http.headers.get("authorization")
    if authorization is None and settings().development:
        return None
    try:
        return await viewer_of(authorization)
    except Unauthenticated:
        raise RequestError("UNAUTHENTICATED", UNKNOWN) from None


def _request_id(http: HttpRequest) -> str:
    given = http.headers.get("x-request-id", "")
    return given if REQUEST_ID.fullmatch(given) else uuid4().hex


def _allowed() -> str:
    return "POST, GET" if settings().development else "POST"


def _media_type(accept: str | None) -> str:
    """The media type of ours that the client likes best; plain JSON for one that accepts anything."""
    if not accept:
        return JSON
    liked = sorted((_liked(part) for part in accept.lower().split(",")), key=lambda pair: -pair[1])
    for media, quality in liked:
        if quality > 0 and media in MEDIA:
            return MEDIA[media]
    raise RequestError("BAD_USER_INPUT", f"Answers are {GRAPHQL_JSON} or {JSON}, in UTF-8.", status=406)


def _liked(part: str) -> tuple[str, float]:
    """A media range and how much it is liked; 0 for another charset than ours."""
    media, *parameters = (piece.strip() for piece in part.split(";"))
    given = dict(parameter.partition("=")[::2] for parameter in parameters)
    if given.get("charset", "utf-8").strip('"') != "utf-8":
        return media, 0
    try:
        return media, float(given.get("q", 1))
    except ValueError:
        return media, 0


async def _read_post(http: HttpRequest) -> Asked:
    media, *parameters = (piece.strip() for piece in http.headers.get("content-type", "").lower().split(";"))
    if media != JSON or any(
        p.startswith("charset=") and p.strip('"') not in ("charset=utf-8", 'charset="utf-8') for p in parameters
    ):
        raise RequestError("BAD_USER_INPUT", f"Requests are {JSON}, in UTF-8.", status=415)
    try:
        body = orjson.loads(await _body(http))
    except orjson.JSONDecodeError:
        raise RequestError("BAD_USER_INPUT", "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise RequestError("BAD_USER_INPUT", "The body must be one JSON object; batches are not taken.")
    return _well_formed(body)


async def _body(http: HttpRequest) -> bytes:
    """The body, counted while it is read."""
    limit, parts, size = settings().body_max_bytes, [], 0
    async for part in http.stream():
        size += len(part)
        if size > limit:
            raise RequestError("BAD_USER_INPUT", f"The body is larger than {limit} bytes.", status=413)
        parts.append(part)
    return b"".join(parts)


def _read_get(http: HttpRequest) -> Asked:
    if not settings().development:
        raise RequestError("BAD_USER_INPUT", "Requests are POST.", status=405)
    body: dict[str, Any] = dict(http.query_params)
    try:
        for name in ("variables", "extensions"):
            if name in body:
                body[name] = orjson.loads(body[name])
    except orjson.JSONDecodeError:
        raise RequestError("BAD_USER_INPUT", "variables and extensions must be JSON.") from None
    return _well_formed(body)


def _well_formed(body: Mapping[str, Any]) -> Asked:
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
