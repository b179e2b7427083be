"""Everything that one sandbox knows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from starlette.routing import Route

from sandbox.calls import Calls
from sandbox.scripts import Scripts

log = logging.getLogger("sandbox")


class System:
    """An outside system that is played."""

    name: ClassVar[str]
    operations: ClassVar[frozenset[str]]
    """What can be asked of it, and therefore be scripted."""

    def __init__(self, world: World) -> None:
        self.world = world

    def routes(self) -> list[Route]:
        """Its own doors, under /<name>/."""
        raise NotImplementedError

    def control(self) -> list[Route]:
        """How it is told what to play, under /control/<name>/."""
        raise NotImplementedError

    def refusal(self, operation: str) -> tuple[int, Any]:
        """Status and body by which it says no, for good."""
        raise NotImplementedError

    def latency(self) -> float:
        """Seconds before each of its answers."""
        return 0

    def reset(self) -> None:
        """Back to the start."""
        raise NotImplementedError

    async def run(self) -> None:
        """What it does of itself, for as long as the world runs."""


class World:
    def __init__(self, systems: Sequence[type[System]]) -> None:
        self.scripts, self.calls, self.stopping = Scripts(), Calls(), asyncio.Event()
        self.systems = {kind.name: kind(self) for kind in systems}
        self._tasks: set[asyncio.Task[None]] = set()

    def reset(self, name: str | None = None) -> None:
        """One system, or all of them, as at the start; nothing waits, and no call was ever made."""
        self.scripts.forget(name)
        self.calls.forget(name)
        for system in self.systems.values():
            if name in (None, system.name):
                system.reset()

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Beside all else, until it ends or the world does."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("what ran beside the answers has failed", exc_info=error)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        for system in self.systems.values():
            self.begin(system.run())
        try:
            yield
        finally:
            self.stopping.set()
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
