"""GraphQL over HTTP: one document in, one answer out, with the status codes of the specification."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import orjson
import structlog
from graphql import GraphQLError, OperationType
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from models.kernel.viewer import Viewer
from server.auth import NOBODY, Unauthenticated, viewer_of
from server.graphql.answering import Answer, Prepared, Refused, answer, known, prepare
from server.graphql.asking import Asked, well_formed
from server.graphql.errors import HIDDEN, RequestError, shown
from server.graphql.posting import JSON, read_post
from server.graphql.sse import event_stream
from settings import settings

log = structlog.get_logger("graphql")

GRAPHQL_JSON = "application/graphql-response+json"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
EVENT_STREAM = "text/event-stream"
MEDIA = {GRAPHQL_JSON: GRAPHQL_JSON, JSON: JSON, EVENT_STREAM: EVENT_STREAM, "application/*": JSON, "*/*": JSON}
UNKNOWN = "A valid bearer token is needed."


async def endpoint(http: HttpRequest) -> Response:
    """POST (and, in development, GET for queries) of one operation."""
    request_id = _request_id(http)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)
    media = JSON
    try:
        media = _media_type(http.headers.get("accept"))
        if media == EVENT_STREAM:
            return await _stream(http, request_id)
        async with AsyncExitStack() as places:  # of a large body, until its request is answered
            given = await _answer(http, request_id, places)
    except ClientDisconnect:
        log.info("gone")
        return Response(status_code=400)  # nobody reads it
    except Refused as refused:
        given = Answer({"errors": refused.errors}, 400)
    except RequestError as error:
        given = _failed(error, request_id)
    except Exception:
        log.exception("bug")
        given = _failed(RequestError("INTERNAL", HIDDEN), request_id)
    if media == EVENT_STREAM:
        media = JSON  # what could not even begin is an answer like any other
    plain = media == JSON and given.well_formed
    return Response(
        orjson.dumps(given.content),
        status_code=200 if plain else given.status,
        media_type=f"{media}; charset=utf-8",
        headers={"x-request-id": request_id, **_headers(given.status)},
    )


async def _stream(http: HttpRequest, request_id: str) -> Response:
    """The answer as server-sent events: a document that is not valid is told there too, as the protocol wants it."""
    if http.method != "POST":
        raise RequestError(
            "BAD_USER_INPUT", "Streams are for POST: EventSource cannot send a token, fetch can.", status=405
        )
    prepared: Prepared | list[dict[str, Any]]
    try:
        prepared = await _prepared(http, request_id)
    except Refused as refused:
        prepared = refused.errors
    except RequestError as error:
        if error.code != "COST_EXCEEDED":
            raise
        prepared = _failed(error, request_id).content["errors"]
    return event_stream(prepared, http.app.state, http.headers.get("last-event-id") or None, request_id)


def _headers(status: int) -> dict[str, str]:
    """What the specification of HTTP wants beside some numbers."""
    return {401: {"www-authenticate": "Bearer"}, 405: {"allow": _allowed()}}.get(status, {})


def _failed(error: RequestError, request_id: str) -> Answer:
    told = {"code": error.code, "status": error.status, "requestId": request_id}
    return Answer({"errors": [{"message": str(error), "extensions": told}]}, error.status, well_formed=False)


async def _answer(http: HttpRequest, request_id: str, places: AsyncExitStack) -> Answer:
    prepared = await _prepared(http, request_id, places)
    if prepared.kind is OperationType.SUBSCRIPTION:
        told = shown([GraphQLError("Subscriptions are answered on a socket or as text/event-stream.")], request_id)
        return Answer({"errors": told}, 400)
    if http.method != "POST" and prepared.kind is not OperationType.QUERY:
        raise RequestError("BAD_USER_INPUT", "Mutations are not for GET.", status=405)
    return await answer(prepared)


async def _prepared(http: HttpRequest, request_id: str, places: AsyncExitStack | None = None) -> Prepared:
    asked = _read_get(http) if http.method in ("GET", "HEAD") else await read_post(http, places)
    bearer = await _bearer(http)
    document = known(asked)
    viewer = bearer or (NOBODY if document.open_to_all else None)
    if viewer is None:
        raise RequestError("UNAUTHENTICATED", UNKNOWN)
    structlog.contextvars.bind_contextvars(viewer=viewer.subject)
    return prepare(asked, document, viewer, request_id, http.app.state.feed, http.app.state.outside)


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
    return well_formed(body)
