"""Who sees which messages and letters. Pure."""

from __future__ import annotations

from models.kernel.sql import FALSE, TRUE, Sql, sql
from models.kernel.viewer import SERVICE, Viewer


def visible_to(viewer: Viewer) -> Sql:
    """Messages: staff sees all of them, a service those that it sent."""
    if viewer.reads_everything:
        return TRUE
    return sql("r.sender = {}", viewer.subject) if viewer.has(SERVICE) else FALSE


def letters_visible_to(viewer: Viewer) -> Sql:
    """Letters are the operators' work, and seen by those who read everything."""
    return TRUE if viewer.reads_everything else FALSE
