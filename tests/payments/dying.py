"""Where a worker can die: after each call that it makes, of the database or of the node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from models.kernel.sql import transaction
from models.unit import Operation
from tests.payments.outside import World


class Killed(BaseException):
    """The process is gone: nothing after it runs."""


class Deadly:
    """Counts the calls of a run by name, and kills it after one of them: "credit 1" is after the first `credit`."""

    def __init__(self, monkeypatch: Any, world: World, point: str | None = None) -> None:
        self.point, self.passed, self._seen = point, list[str](), Counter[str]()
        call = Operation.__call__
        deadly = self

        async def called(operation: Operation[Any, Any], *args: Any, **kwargs: Any) -> Any:
            answer = await call(operation, *args, **kwargs)
            deadly.passes(operation.name)
            return answer

        monkeypatch.setattr(Operation, "__call__", called)
        node, keys = _Watched(world.outside.node, self.passes), world.outside.keys
        self.tools = replace(world.tools, outside=replace(world.outside, node=node, keys=keys))

    def passes(self, name: str) -> None:
        self._seen[name] += 1
        here = f"{name} {self._seen[name]}"
        self.passed.append(here)
        if here == self.point:
            raise Killed(here)


class _Watched:
    def __init__(self, inner: Any, passes: Callable[[str], None]) -> None:
        self._inner, self._passes = inner, passes

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._inner, name)

        async def watched(*args: Any, **kwargs: Any) -> Any:
            answer = await call(*args, **kwargs)
            self._passes(name)
            return answer

        return watched


async def leases_end() -> None:
    """The time is over that a dead worker had for its payments."""
    async with transaction() as db:
        await db.execute(
            "UPDATE payment SET lease_until = saldo_now() - interval '1 second' WHERE lease_until IS NOT NULL"
        )
