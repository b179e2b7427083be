"""Revisions: bookkeeping that is nobody's news. Whoever computed with another revision computes again."""

from __future__ import annotations

from models.kernel.sql import Sql
from models.unit import Unit


async def shops_change(work: Unit, which: Sql) -> None:
    """Something changes on which the payouts of these shops rest (`which`, over `shop`), and which is locked: so no shop comes to
    rest on it unseen. Locks them by id."""
    text, values = which.render()
    await work.db.execute(
        f"""UPDATE shop SET revision = revision + 1 WHERE id IN (
              SELECT id FROM shop WHERE {text} ORDER BY id FOR NO KEY UPDATE)""",
        *values,
    )


async def domain_changes(work: Unit) -> None:
    """Terms or institutions change."""
    await work.db.execute("UPDATE domain SET revision = revision + 1")
