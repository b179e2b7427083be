"""Tasks, and how they end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any


async def cancelled(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel, and wait for the end; and again, for the Redis library now and then swallows a cancellation. Whoever
    waits here and is cancelled himself still leaves nobody behind."""
    interrupted = False
    while waiting := [task for task in tasks if not task.done()]:
        for task in waiting:
            task.cancel()
        try:
            await asyncio.wait(waiting, timeout=0.5)
        except asyncio.CancelledError:
            interrupted = True
    for task in tasks:
        if not task.cancelled():
            task.exception()  # seen: nobody else will ask
    if interrupted:
        raise asyncio.CancelledError
