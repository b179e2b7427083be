"""What a client is told of an error: a code, a number, a sentence; never a trace, SQL or the name of a class."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import asyncpg
import structlog
from graphql import GraphQLError

from models.kernel.refusals import CATALOGUE, Busy, Refusal, UpstreamUnavailable
from resolvers.access import Closed
from settings import settings

log = structlog.get_logger("graphql")

HTTP = {
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "BAD_USER_INPUT": 400,
    "RATE_LIMITED": 429,
    "COST_EXCEEDED": 400,
    UpstreamUnavailable.code: UpstreamUnavailable.http,
    "INTERNAL": 500,
}
"""The codes of a request as such; refusals bring their own, with their own number."""

OUT_OF_REACH = (OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError, asyncpg.TooManyConnectionsError)
MESSAGE_MAX = 1_000
"""Characters: what is wrong with a request may be as long as the request."""
HIDDEN = "Something went wrong here. The request id helps to find it."
SUGGESTION = re.compile(r" Did you mean .*$", re.DOTALL)


class RequestError(Exception):
    """A request that cannot be answered at all."""

    def __init__(self, code: str, message: str, *, status: int | None = None) -> None:
        self.code, self.status = code, status or HTTP[code]
        super().__init__(message)


def shown(errors: Iterable[GraphQLError], request_id: str) -> list[dict[str, Any]]:
    """The errors as the client sees them, the first few; those that are bugs are logged whole."""
    return [_one(error, request_id) for error in list(errors)[: settings().query_errors_max]]


def _one(error: GraphQLError, request_id: str) -> dict[str, Any]:
    code, status, message = _judged(error)
    facts = {"code": code, "status": status, "requestId": request_id}
    answer: dict[str, Any] = {"message": message[:MESSAGE_MAX], "extensions": facts}
    if error.locations:
        answer["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    if error.path:
        answer["path"] = error.path
    return answer


def _judged(error: GraphQLError) -> tuple[str, int, str]:
    cause = error.original_error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    match cause:
        case Refusal():
            return cause.code, CATALOGUE[cause.code].http, str(cause)
        case RequestError():
            return cause.code, cause.status, str(cause)
        case Closed():
            return "FORBIDDEN", 403, str(cause)
        case asyncpg.LockNotAvailableError() | asyncpg.QueryCanceledError() | TimeoutError():
            return Busy.code, Busy.http, "This took too long; ask again in a moment."
        case None | GraphQLError():
            code = (error.extensions or {}).get("code", "BAD_USER_INPUT")
            message = error.message if settings().development else SUGGESTION.sub("", error.message)
            return code, HTTP.get(code, 400), message
        case _ if isinstance(cause, OUT_OF_REACH):
            log.error("out_of_reach", error=repr(cause))
            message = "Something this needs is out of reach; ask again in a moment."
            return UpstreamUnavailable.code, UpstreamUnavailable.http, message
    log.error("bug", path=error.path, exc_info=cause)
    return "INTERNAL", 500, HIDDEN
