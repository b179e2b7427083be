"""Reading a chain block by block: a tick's cost follows what arrived, not how many payments wait. [spec/deals §0]"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from itertools import takewhile

import structlog

from gateways.tron.words import SYSTEM, Contents, Node, TokenTransfer
from jobs.running import Tools
from models.kernel.clock import now
from models.kernel.metrics import CHAIN_BEHIND, CHAIN_HEAD_SECONDS
from models.payments import operations as payments
from models.payments import reads
from models.payments.operations import Arrived

log = structlog.get_logger("jobs")
BATCH = 50
BATCH_SHARE = 0.2
"""Of the time of a tick, that one batch may take."""
PREVIEW_MAX = 40


async def scan(tools: Tools, node: Node, until: float) -> int:
    """Read the blocks that have become solid, each once, and look at those that will. How many payments were marked.

    No batch of blocks is begun after `until`: where there are more, the next tick goes on.
    """
    solid = await node.solid_head()
    CHAIN_HEAD_SECONDS.set((now() - solid.at).total_seconds())
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
        read = await _read(tools, node, start, end, solid=True)
        last_read = start + len(read) - 1
        found = await payments.take_blocks(
            SYSTEM, start, last_read, _arrived(read), at=read[-1].at, tx_ids=_places(read, start), by=tools.by
        )
        if found is None:  # another worker reads them
            return marked
        marked += found
        if last_read < end:
            last = last_read
            break
    CHAIN_BEHIND.set(solid.number - last)
    if last == solid.number and time.monotonic() < until:
        await _preview(tools, node, max(last, at.seen_block if at else last))
    return marked


async def _preview(tools: Tools, node: Node, seen: int) -> None:
    """Tell of deposits that are not solid yet. It moves nothing, so what a chain takes back was only news."""
    head = await node.head()
    first = max(seen + 1, head.number - PREVIEW_MAX)
    if head.number < first:
        return
    read = await _read(tools, node, first, head.number, solid=False)
    await payments.see(SYSTEM, first + len(read) - 1, _arrived(read), by=tools.by)


async def _read(tools: Tools, node: Node, first: int, last: int, *, solid: bool) -> list[Contents]:
    """Blocks from `first` on, in their order, a few at once: to `last`, or as far as there is time, but one at least."""
    gate, tasks = asyncio.Semaphore(tools.settings.tron_scan_at_once), list[asyncio.Task[Contents]]()

    async def one(number: int) -> Contents:
        async with gate:
            return await node.contents(number, solid=solid)

    try:
        async with asyncio.timeout(tools.settings.payment_timeout_seconds * BATCH_SHARE), asyncio.TaskGroup() as group:
            tasks += [group.create_task(one(number)) for number in range(first, last + 1)]
    except TimeoutError:
        log.warning("node_is_slow", first=first, last=last)
        if tasks[0].cancelled():
            raise
    return [task.result() for task in takewhile(lambda task: not task.cancelled(), tasks)]


def _arrived(read: Sequence[Contents]) -> list[Arrived]:
    return [arrived(transfer) for contents in read for transfer in contents.transfers]


def _places(read: Sequence[Contents], first: int) -> dict[str, int]:
    """In which block each transaction stands."""
    return {tx_id: number for number, contents in enumerate(read, first) for tx_id in contents.tx_ids}


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
