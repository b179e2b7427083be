"""Loops beside arq: what must go on more often than a tick, and also while Redis is gone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from jobs.ledger import fold_hot_accounts
from jobs.running import Tools
from models.kernel.viewer import Viewer
from settings import settings

log = structlog.get_logger("jobs")
BACKOFF_MAX_SECONDS = 10.0


class Loop:
    """Does something again and again. A failure is logged and waited out; the loop itself does not end."""

    def __init__(self, name: str, body: Callable[[], Awaitable[object]], pause_seconds: Callable[[], float]) -> None:
        self.name, self.body, self.pause_seconds = name, body, pause_seconds
        self.failures, self.last_good = 0, time.monotonic()

    async def run(self) -> None:
        while True:
            try:
                await self.body()
            except Exception:
                self.failures += 1
                log.exception("loop_failed", loop=self.name, failures=self.failures)
                await asyncio.sleep(min(BACKOFF_MAX_SECONDS, 0.2 * 2 ** min(self.failures, 10)))
            else:
                self.failures, self.last_good = 0, time.monotonic()
                await asyncio.sleep(self.pause_seconds())

    @property
    def healthy(self) -> bool:
        return time.monotonic() - self.last_good < 30


def folder() -> Loop:
    """Folds hot accounts a few times a second. Of several workers the one that comes first folds."""
    tools = Tools(Viewer.system("folder"))
    return Loop("folder", lambda: fold_hot_accounts(tools), lambda: settings().fold_every_ms / 1000)
