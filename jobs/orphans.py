"""The job that removes files which nobody told of. [spec/disputes §7]"""

from __future__ import annotations

from jobs.running import Tools
from models.disputes import reads
from models.work.operations import Report

PAGE = 500


async def remove_orphaned_attachments(tools: Tools) -> Report:
    """Remove files that were put away long ago and belong to no dispute: whoever put them was
    refused, or died before he said so."""
    kept, gone, after = tools.outside.storage, 0, None
    if kept is None:
        return Report()
    while page := await kept.older(tools.settings.orphan_seconds, PAGE, after):
        orphans = await reads.unknown_files(page)
        await kept.remove(orphans)
        gone, after = gone + len(orphans), page[-1]
    return Report(gone)
