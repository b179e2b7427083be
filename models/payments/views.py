"""Who sees which payments. Pure."""

from __future__ import annotations

from models.kernel.sql import FALSE, TRUE, Sql, sql
from models.kernel.viewer import SERVICE, USER, Viewer


def visible_to(viewer: Viewer) -> Sql:
    """Staff see every payment, a user his own, a service those that it made; `r` is the payment."""
    if viewer.reads_everything:
        return TRUE
    seen = FALSE
    if viewer.has(USER) and viewer.person is not None:
        seen |= sql("r.person_id = {}", viewer.person)
    if viewer.has(SERVICE):
        seen |= sql("r.service = {}", viewer.subject)
    return seen


def staff(viewer: Viewer) -> Sql:
    """Wallets, sweeps and what nobody was found for are the house's own."""
    return TRUE if viewer.reads_everything else FALSE
