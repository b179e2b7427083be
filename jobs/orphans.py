"""The job that removes files which nobody told of. [spec/disputes §7]"""

from __future__ import annotations

import contextlib
from time import monotonic
from uuid import uuid4

from gateways.disputing import OURS
from jobs.running import Tools
from models.disputes import reads
from models.work.operations import Report

PAGE = 500


async def remove_orphaned_attachments(tools: Tools) -> Report:
    """Remove files that were put away long ago and belong to no dispute: whoever put them was refused, or died before he said so.

    Each run begins at a random place among the keys, which are random themselves, and ends at half of its timeout: where there is
    more than one run gets through, the next ones come to the rest.
    """
    kept, until = tools.outside.storage, monotonic() + tools.settings.dispute_timeout_seconds / 2
    if kept is None:
        return Report()
    gone, begin = 0, f"{OURS}/{uuid4().hex}"
    async with contextlib.aclosing(kept.pages(tools.settings.orphan_seconds, PAGE, begin)) as pages:
        async for page in pages:
            orphans = await reads.unknown_files(page)
            await kept.remove(orphans)
            gone += len(orphans)
            if monotonic() > until:
                break
    return Report(gone)
