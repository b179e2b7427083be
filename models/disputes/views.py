"""Who sees which disputes, and what of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from models.disputes.lifecycle import PUBLIC, DisputeStatus, PublicStatus
from models.events.log import SNAPSHOT, EventRecord
from models.kernel.sql import TRUE, Sql, sql
from models.kernel.viewer import Role, Viewer
from models.parties.views import shop_visible_to
from settings import settings

TOLD = frozenset({"open", "comment", "add_evidence"})
"""What happens to a dispute beside its public status, and is a merchant's business."""
MOVES = {PublicStatus.SUCCEEDED: "succeed", PublicStatus.FAILED: "fail"}
"""What a merchant is told of how a dispute ended, whoever ended it."""


def visible_to(viewer: Viewer) -> Sql:
    """Staff see every dispute; a merchant those of his party, or of his shops, but for those that failed for what only a new one
    can mend, where these are hidden. `r` is the dispute."""
    seen = shop_visible_to(viewer, "r.party_code", "r.shop_code")
    return seen if viewer.reads_everything else seen & recoverable()


def recoverable() -> Sql:
    return sql("NOT r.unrecoverable") if settings().dispute_hide_unrecoverable else TRUE


def hidden(snapshot: Mapping[str, Any]) -> bool:
    return bool(snapshot["unrecoverable"]) and settings().dispute_hide_unrecoverable


def event(item: EventRecord, viewer: Viewer) -> EventRecord | None:
    """A merchant is told of public statuses alone, and of nothing where these stay as they are; nor of who worked on it."""
    if viewer.reads_everything:
        return item
    before, after = (status and PUBLIC[DisputeStatus(status)] for status in (item.from_status, item.to_status))
    if hidden(item.snapshot):
        return None
    public = replace(item, from_status=before, to_status=after, facts={})
    if item.name in TOLD:
        return public
    if item.name == SNAPSHOT:
        return replace(public, actor_role=Role.SYSTEM.value)
    if before == after or not isinstance(after, PublicStatus):
        return None
    return replace(public, name=MOVES[after], actor_role=Role.SYSTEM.value)
