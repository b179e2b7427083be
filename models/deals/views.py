"""Who sees which deals. Pure."""

from __future__ import annotations

from models.kernel.sql import FALSE, TRUE, Sql, sql
from models.kernel.viewer import SERVICE, USER, Viewer


def visible_to(viewer: Viewer) -> Sql:
    """Staff see every deal, a user those in which he is a side, a service those that it made; `r` is the deal."""
    if viewer.reads_everything:
        return TRUE
    seen = [own for own in (_of_person(viewer), _of_service(viewer)) if own is not None]
    return seen[0] | seen[1] if len(seen) == 2 else seen[0] if seen else FALSE


def _of_person(viewer: Viewer) -> Sql | None:
    if not viewer.has(USER) or viewer.person is None:
        return None
    return sql("r.customer_id = {} OR r.performer_id = {}", viewer.person, viewer.person)


def _of_service(viewer: Viewer) -> Sql | None:
    return sql("r.service = {}", viewer.subject) if viewer.has(SERVICE) else None
