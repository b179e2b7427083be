"""A client that needs no connection: what it is answered is said beforehand, to the byte."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

from yarl import URL


class Babbling:
    """Stands in the place of the client of an `Outside`: `say` is given the path and gives the body."""

    closed = False

    def __init__(self, say: Callable[[str], bytes]) -> None:
        self.say, self.status = say, 200

    @asynccontextmanager
    async def request(self, _method: str, url: URL, **_more: Any) -> AsyncIterator[Any]:
        body = self.say(url.path)

        async def chunks() -> AsyncIterator[bytes]:
            yield body

        yield SimpleNamespace(status=self.status, headers={}, content=SimpleNamespace(iter_any=chunks))
