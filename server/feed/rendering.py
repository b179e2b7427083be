"""An event becomes the text of an answer: once for all who asked the same and see the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast
from uuid import uuid4

import orjson
from graphql import GraphQLError, GraphQLObjectType
from graphql.execution import Executor
from graphql.execution.collect_fields import collect_fields

from models.events.cursors import Seal
from models.events.log import EventRecord
from models.kernel.clock import now
from models.kernel.viewer import Viewer
from resolvers.telling import tell, tell_snapshot
from resolvers.watching import Watch
from schema.events import Heartbeat, Lagged
from schema.scalars import Cursor
from server.feed.members import Ready
from server.graphql.errors import RequestError, shown

PASSING = ("UPSTREAM_UNAVAILABLE", "BUSY")
RETRIES_SECONDS = (0.05, 0.2, 0.5)


class Rendering:
    """A subscription of one viewer, or of several who see the same: its selection, executed for each item.

    `fresh` makes the context of one execution: what is nested is read anew for each item, with the viewer's rights.
    """

    def __init__(self, executor: Executor[Any], watch: Watch, viewer: Viewer, fresh: Callable[[], Any]) -> None:
        self.executor, self.watch, self.viewer, self.fresh = executor, watch, viewer, fresh
        self._root = cast(GraphQLObjectType, executor.schema.subscription_type)
        self._fields = collect_fields(
            executor.schema, executor.fragments, executor.variable_values, self._root, executor.operation,
            executor.hide_suggestions,
        )  # fmt: skip
        """Collected once: the executor keeps what it finds below, by their identity, for all items and for ever."""

    async def event(self, event: EventRecord, seal: Seal) -> Ready | None:
        """None where it is not wanted, or not for this viewer's eyes."""
        if not self.watch.wants(event):
            return None
        cursor = seal.cursor(event.position)
        try:
            item = tell(event, self.viewer, cursor)
        except Exception as error:  # noqa: BLE001  told in its place, for the log goes on
            return Ready("event", event.position, cursor, _not_told(error, cursor, uuid4().hex))
        return Ready("event", event.position, cursor, await self._text(item, cursor)) if item else None

    async def snapshot(self, event: EventRecord, head: int, seal: Seal) -> Ready | None:
        """The last event of a subject, with the cursor of `head`: behind that it was the last."""
        cursor = seal.cursor(head)
        item = tell_snapshot(event, self.viewer, cursor)
        return Ready("event", head, cursor, await self._text(item, cursor)) if item else None

    async def heartbeat(self, position: int, seal: Seal) -> Ready:
        cursor = seal.cursor(position)
        item = Heartbeat(cursor=Cursor(cursor), at=now())
        return Ready("heartbeat", position, cursor, await self._text(item, cursor))

    async def lagged(self, position: int, missed: int, seal: Seal) -> Ready:
        cursor = seal.cursor(position)
        item = Lagged(cursor=Cursor(cursor), missed=missed)
        return Ready("lagged", position, cursor, await self._text(item, cursor))

    async def _text(self, item: object, cursor: str) -> str:
        """The answer. What is nested and out of reach for a moment is tried again; then the subscription ends before this
        item, for with its cursor the client would take it for delivered. Raises RequestError."""
        for pause in (*RETRIES_SECONDS, None):
            executor = self.executor.build_per_event_executor(item)
            executor.context_value = context = self.fresh()
            answer: dict[str, Any] = {"data": await self._data(executor), "extensions": {"cursor": cursor}}
            if errors := executor.collected_errors.errors:
                answer["errors"] = told = shown(errors, context.request_id)
                if any(one["extensions"]["code"] in PASSING for one in told):
                    if pause is None:
                        break
                    await asyncio.sleep(pause)
                    continue
            return orjson.dumps(answer).decode()
        raise RequestError("UPSTREAM_UNAVAILABLE", "Something this needs is out of reach; come again in a moment.")

    async def _data(self, executor: Executor[Any]) -> dict[str, Any] | None:
        """What `execute_operation` does, but for collecting the root's fields anew."""
        fields, _, _ = self._fields
        try:
            data = executor.execute_collected_root_fields(self._root, executor.root_value, fields, False, ())
            return await data if isinstance(data, Awaitable) else data
        except GraphQLError as error:
            executor.collected_errors.add(error, None)
            return None


def _not_told(error: Exception, cursor: str, request_id: str) -> str:
    """An item that could not be made at all: an error in its place, with the cursor by which to go on."""
    errors = shown([GraphQLError("", original_error=error)], request_id)
    return orjson.dumps({"data": None, "errors": errors, "extensions": {"cursor": cursor}}).decode()
