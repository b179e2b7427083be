"""Who sees which payouts. Pure."""

from __future__ import annotations

from models.kernel.sql import Sql
from models.kernel.viewer import Viewer
from models.parties.views import shop_visible_to


def visible_to(viewer: Viewer) -> Sql:
    """Staff see every payout, a merchant those of his party, or of his shops; `r` is the payout or the schedule."""
    return shop_visible_to(viewer, "r.party_code", "r.shop_code")
