"""Who sees which parties, shops and contracts. Pure."""

from __future__ import annotations

from models.kernel.sql import FALSE, TRUE, Sql, sql
from models.kernel.viewer import MERCHANT, Viewer


def party_visible_to(viewer: Viewer, column: str = "r.code") -> Sql:
    """Staff see every party, a merchant his own; `column` holds the party's code."""
    if viewer.reads_everything:
        return TRUE
    if viewer.has(MERCHANT) and viewer.party:
        return sql(f"{column} = {{}}", viewer.party)
    return FALSE


def shop_visible_to(viewer: Viewer, party: str = "r.party_code", shop: str = "r.code") -> Sql:
    """The same for what belongs to a shop; a merchant who is restricted to shops sees those alone."""
    seen = party_visible_to(viewer, party)
    if viewer.reads_everything or not viewer.shops:
        return seen
    return seen & sql(f"{shop} = ANY({{}}::text[])", sorted(viewer.shops))


def contract_visible_to(viewer: Viewer, contract: str = "r.id") -> Sql:
    """The same for contracts and what belongs to them; who is restricted to shops sees those that his shops work under."""
    seen = party_visible_to(viewer, "r.party_code")
    if viewer.reads_everything or not viewer.shops:
        return seen
    under = f"s.contract_id = {contract} AND s.party_code = r.party_code"
    text = f"EXISTS (SELECT FROM shop s WHERE {under} AND s.code = ANY({{}}::text[]))"
    return seen & sql(text, sorted(viewer.shops))


def staff(viewer: Viewer) -> Sql:
    """Terms and institutions are the house's own."""
    return TRUE if viewer.reads_everything else FALSE
