"""Accounts that are opened for their own sake; those of the chart are born with their first posting."""

from __future__ import annotations

from models.kernel.sql import Db
from models.ledger.chart import Account


async def open_account(db: Db, account: Account, description: str) -> int:
    """Open a new account. Answers its id."""
    id: int = await db.fetchval(
        """INSERT INTO ledger_account (kind, name, owner, currency, policy, announced, description)
           SELECT l.kind, $2, $3, $4, l.policy, l.announced, $5 FROM ledger_line l WHERE l.kind = $1 RETURNING id""",
        account.line.kind,
        account.name,
        account.owner,
        account.currency,
        description,
    )
    return id
