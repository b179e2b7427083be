"""From a well-formed request to its answer, whatever it came by: HTTP, a socket or a stream."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Hashable
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from graphql import ExecutionResult as CoreResult
from graphql import GraphQLError, OperationType
from graphql.execution import create_source_event_stream
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType as Kind

from gateways.wiring import ApiGateways
from models.kernel.metrics import REQUESTS
from models.kernel.viewer import Viewer
from resolvers.watching import Watch
from server.feed import Feed
from server.feed.members import Ready
from server.feed.rendering import Rendering
from server.graphql.asking import Asked
from server.graphql.context import OperationContext
from server.graphql.cost import Costs
from server.graphql.documents import Document
from server.graphql.errors import RequestError, shown
from server.graphql.executor import Executor
from server.graphql.schema import documents, schema
from server.graphql.taking import takes_file
from settings import settings

log = structlog.get_logger("graphql")


class Refused(Exception):
    """The document cannot be executed: what is told of it, in place of an answer."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        self.errors = errors
        super().__init__(errors[0]["message"])


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that can be executed: its document is valid and not too expensive."""

    asked: Asked
    operation: Costs
    context: OperationContext

    @property
    def kind(self) -> OperationType:
        return self.operation.operation.operation


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back, before its media type is known."""

    content: dict[str, Any]
    status: int
    """Where the media type is the specification's own; plain JSON answers 200 to what GraphQL itself refused."""
    well_formed: bool = True


def known(asked: Asked) -> Document:
    return documents().get(asked.query)


def prepare(
    asked: Asked, document: Document, viewer: Viewer, request_id: str, feed: Feed, outside: ApiGateways | None = None
) -> Prepared:
    """Raises Refused for a document that is not valid, RequestError for one that costs too much, or takes no files."""
    errors = document.errors
    operation = document.operation(asked.operation_name)
    if isinstance(operation, GraphQLError) and not errors:
        errors = (operation,)
    if errors or isinstance(operation, GraphQLError):
        told = shown(errors, request_id)
        REQUESTS.labels("unknown", "none", told[0]["extensions"]["code"]).observe(0)
        log.info("refused", message=told[0]["message"])
        raise Refused(told)
    for path in asked.files:
        if not takes_file(schema()._schema, operation.operation, path):
            raise RequestError("BAD_USER_INPUT", f"{path[:100]} takes no file.")
    cost = operation.cost(asked.variables)
    if cost > settings().query_cost_max:
        raise RequestError(
            "COST_EXCEEDED", f"This would cost {cost}; {settings().query_cost_max} is the limit. Ask for less."
        )
    context = OperationContext(viewer, request_id, document, feed, outside or ApiGateways(), cost, asked.extensions)
    return Prepared(asked, operation, context)


async def answer(prepared: Prepared) -> Answer:
    """A query or a mutation, executed."""
    context = prepared.context
    started = time.perf_counter()
    result, errors = await _run(prepared)
    told = shown(errors, context.request_id)
    _count(prepared.operation, told, time.perf_counter() - started)
    content: dict[str, Any] = {"errors": told} if told else {}
    if result is None or (result.data is None and not any(error.path for error in errors)):
        return Answer(content, told[0]["extensions"]["status"])
    return Answer(content | {"data": result.data, "extensions": result.extensions}, 200)


async def _run(prepared: Prepared) -> tuple[ExecutionResult | None, list[GraphQLError]]:
    """Only a query is cut off when it takes too long; a mutation ends by its own lock and statement timeouts."""
    asked, context = prepared.asked, prepared.context
    try:
        async with asyncio.timeout(settings().query_timeout_seconds if prepared.kind is OperationType.QUERY else None):
            if "head" in prepared.operation.roots:
                context.head = await context.feed.head()
            result = await schema().execute(
                asked.query,
                variable_values=asked.variables,
                context_value=context,
                operation_name=asked.operation_name,
                allowed_operation_types=(Kind.QUERY, Kind.MUTATION),
            )
    except Exception as error:  # noqa: BLE001  the resolvers' own are in the result; this is the head, or the time
        return None, [GraphQLError("", original_error=error)]
    return result, result.errors or []


def _count(operation: Costs, told: list[dict[str, Any]], seconds: float) -> None:
    """By root field, of which the schema has only so many; operation names are the clients' and have no end."""
    kind, outcome = operation.operation.operation.value, told[0]["extensions"]["code"] if told else "OK"
    name = operation.roots[0] if len(operation.roots) == 1 else "several"
    REQUESTS.labels(kind, name, outcome).observe(seconds)
    log.info("answered", type=kind, operation=name, outcome=outcome, ms=round(seconds * 1000, 1))


async def follow(prepared: Prepared, resume: str | None = None) -> AsyncGenerator[Ready, None]:
    """A subscription: its items, ready to be sent. `resume` is what the transport says was seen last.

    Raises Refused where it is not let in, before its first item.
    """
    context = prepared.context
    try:
        began = time.perf_counter()
        rendering, after = await _subscribed(prepared, resume)
        items = context.feed.follow(_cohort(prepared), rendering, after)
        async with contextlib.aclosing(items):
            async for item in items:
                if began:
                    _count(prepared.operation, [], time.perf_counter() - began)
                    began = 0.0
                yield item
    except (Refused, GeneratorExit, asyncio.CancelledError):
        raise
    except Exception as error:  # a refusal, or a bug that is told without its trace
        told = shown([GraphQLError("", original_error=error)], context.request_id)
        _count(prepared.operation, told, 0)
        raise Refused(told) from error


async def _subscribed(prepared: Prepared, resume: str | None) -> tuple[Rendering, str | None]:
    """What the resolver says is to be watched, once it has let the viewer in; and where to begin."""
    asked, context = prepared.asked, prepared.context
    executor = Executor.build(
        schema()._schema,
        context.document.ast,
        context_value=context,
        raw_variable_values=asked.variables,
        operation_name=asked.operation_name,
    )
    errors = executor if isinstance(executor, list) else []
    if isinstance(executor, Executor):
        async with asyncio.timeout(settings().query_timeout_seconds):
            source = create_source_event_stream(executor)
            watch: Any = await source if executor.is_awaitable(source) else source
        if isinstance(watch, Watch):
            rendering = Rendering(executor, watch, context.viewer, context.fresh)
            return rendering, await _later(context.feed, watch.after, resume)
        errors = (isinstance(watch, CoreResult) and watch.errors) or []
    raise Refused(shown(errors or [], context.request_id))


async def _later(feed: Feed, after: str | None, resume: str | None) -> str | None:
    """Of two cursors the later one. Refuses CURSOR_EXPIRED for either."""
    if after is None or resume is None:
        return resume if after is None else after
    seal = await feed.seal()
    return max(after, resume, key=seal.position)


def _cohort(prepared: Prepared) -> Hashable:
    """The same for those whose answers are the same: one document, one operation, one sight, and the same variables but
    those that only say where to begin."""
    variables = {
        name: value for name, value in prepared.asked.variables.items() if name not in prepared.operation.resumes
    }
    return (
        id(prepared.context.document),
        prepared.asked.operation_name,
        orjson.dumps(variables, option=orjson.OPT_SORT_KEYS).decode(),
        prepared.context.viewer.sight,
    )
