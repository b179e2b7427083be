"""Relay connections: a list is read in pages, each item with the cursor behind which to go on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

import strawberry

from models.kernel.pages import Page
from schema.scalars import Cursor

N = TypeVar("N")
R = TypeVar("R")


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether there is more behind the last item.")
    has_previous_page: bool = strawberry.field(description="Whether there is more before the first item.")
    start_cursor: Cursor | None = strawberry.field(description="Of the first item of this page.")
    end_cursor: Cursor | None = strawberry.field(description="Of the last item of this page; pass it as `after`.")


@strawberry.type(description="An item of a list and its place there.")
class Edge(Generic[N]):
    cursor: Cursor = strawberry.field(description="Pass it as `after` to go on behind this item.")
    node: N = strawberry.field(description="The item.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[N]):
    edges: list[Edge[N]] = strawberry.field(description="The items, in the order of the list.")
    page_info: PageInfo = strawberry.field(description="Whether and where to go on.")
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="How many items the whole list has; counted only when asked for.")
    async def total_count(self) -> int:
        return await self.count()

    @classmethod
    def of(cls, page: Page[R], show: Callable[[R], Any]) -> Connection[N]:
        """A page of records, each shown as a noun."""
        edges = [Edge(cursor=Cursor(at), node=show(item)) for item, at in zip(page.items, page.cursors, strict=True)]
        info = PageInfo(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=Cursor(page.cursors[0]) if page.cursors else None,
            end_cursor=Cursor(page.cursors[-1]) if page.cursors else None,
        )
        return cls(edges=edges, page_info=info, count=page.total)
