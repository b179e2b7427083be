"""Keeps pledges."""

from __future__ import annotations

from functools import partial

from models.pledges import operations as pledges
from models.pledges import reads

from jobs.running import Tools, each
from models.work.operations import Report


async def keep_pledges(tools: Tools) -> Report:
    return await each(await reads.open_pledges(), partial(_keep, tools), at_once=5, failed=_failed)


async def _keep(tools: Tools, id: int) -> None:
    await pledges.keep(id, by=tools.by)


async def _failed(_id: int, error: Exception) -> None:
    raise error
