"""Who sees which people. Pure."""

from __future__ import annotations

from models.kernel.sql import FALSE, TRUE, Sql, sql
from models.kernel.viewer import SERVICE, USER, Viewer


def visible_to(viewer: Viewer, column: str) -> Sql:
    """Staff and services see everybody, a user himself; `column` holds the person's number."""
    if viewer.reads_everything or viewer.has(SERVICE):
        return TRUE
    if viewer.has(USER) and viewer.person is not None:
        return sql(f"{column} = {{}}::bigint", viewer.person)
    return FALSE
