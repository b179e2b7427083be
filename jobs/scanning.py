"""Reading a chain block by block: a tick's cost follows what arrived, not how many payments wait. [spec/deals §0]"""

from __future__ import annotations

import asyncio
import time

import structlog

from gateways.tron.words import SYSTEM, Node, TokenTransfer
from jobs.running import Tools
from models.kernel.metrics import CHAIN_BEHIND
from models.payments import operations as payments
from models.payments import reads
from models.payments.operations import Arrived

log = structlog.get_logger("jobs")
BATCH = 50
PREVIEW_MAX = 40


async def scan(tools: Tools, node: Node, until: float) -> int:
    """Read the blocks that have become solid, each once, and look at those that will. How many payments were marked.

    No batch of blocks is begun after `until`: where there are more, the next tick goes on.
    """
    solid = await node.solid_head()
    at = await reads.cursor(SYSTEM)
    limit = tools.settings.tron_scan_blocks
    first = at.block + 1 if at else max(0, solid.number - limit + 1)
    if solid.number < first - 1:
        log.warning("node_lags", node=solid.number, read=first - 1)
        return 0
    last = min(solid.number, first + limit - 1)
    marked = 0
    for start in range(first, last + 1, BATCH):
        if time.monotonic() > until:
            last = start - 1
            break
        end = min(start + BATCH - 1, last)
        found = await payments.take_blocks(
            SYSTEM, start, end, await _transfers(tools, node, start, end, solid=True), by=tools.by
        )
        if found is None:  # another worker reads them
            return marked
        marked += found
    CHAIN_BEHIND.set(solid.number - last)
    if last == solid.number:
        await _preview(tools, node, max(last, at.seen_block if at else last))
    return marked


async def _preview(tools: Tools, node: Node, seen: int) -> None:
    """Tell of deposits that are not solid yet. It moves nothing, so what a chain takes back was only news."""
    head = await node.head()
    first = max(seen + 1, head.number - PREVIEW_MAX)
    if head.number < first:
        return
    found = await _transfers(tools, node, first, head.number, solid=False)
    await payments.see(SYSTEM, head.number, found, by=tools.by)


async def _transfers(tools: Tools, node: Node, first: int, last: int, *, solid: bool) -> list[Arrived]:
    """The transfers of blocks `first` to `last`, a few blocks at once."""
    gate = asyncio.Semaphore(tools.settings.tron_scan_at_once)

    async def one(number: int) -> list[TokenTransfer]:
        async with gate:
            return await node.transfers_in(number, solid=solid)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(number)) for number in range(first, last + 1)]
    return [arrived(transfer) for task in tasks for transfer in task.result()]


def arrived(transfer: TokenTransfer) -> Arrived:
    return Arrived(
        transfer.tx_id,
        transfer.log_index,
        transfer.contract,
        transfer.sender,
        transfer.to,
        transfer.amount,
        transfer.block,
    )
