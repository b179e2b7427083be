"""An event becomes the text of an answer: once for all who asked the same and see the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import orjson
from graphql import ExecutionResult
from graphql.execution import Executor

from models.events.cursors import Seal
from models.events.log import EventRecord
from models.kernel.clock import now
from models.kernel.viewer import Viewer
from resolvers.telling import tell, tell_snapshot
from resolvers.watching import Watch
from schema.events import Heartbeat, Lagged
from schema.scalars import Cursor
from server.feed.members import Ready
from server.graphql.errors import shown


class Rendering:
    """A subscription of one viewer, or of several who see the same: its selection, executed for each item.

    `fresh` makes the context of one execution: what is nested is read anew for each item, with the viewer's rights.
    """

    def __init__(self, executor: Executor[Any], watch: Watch, viewer: Viewer, fresh: Callable[[], Any]) -> None:
        self.executor, self.watch, self.viewer, self.fresh = executor, watch, viewer, fresh

    async def event(self, event: EventRecord, seal: Seal) -> Ready | None:
        """None where it is not wanted, or not for this viewer's eyes."""
        if not self.watch.wants(event):
            return None
        cursor = seal.cursor(event.position)
        item = tell(event, self.viewer, cursor)
        return Ready("event", event.position, cursor, await self._text(item, cursor)) if item else None

    async def snapshot(self, event: EventRecord, head: int, seal: Seal) -> Ready | None:
        """The last event of a subject, with the cursor of the moment at which it was the last."""
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
        executor = self.executor.build_per_event_executor(item)
        executor.context_value = context = self.fresh()
        result = executor.execute_operation(False)
        if not isinstance(result, ExecutionResult):
            result = await cast(Awaitable[ExecutionResult], result)
        answer: dict[str, Any] = {"data": result.data, "extensions": {"cursor": cursor}}
        if result.errors:
            answer["errors"] = shown(result.errors, context.request_id)
        return orjson.dumps(answer).decode()
