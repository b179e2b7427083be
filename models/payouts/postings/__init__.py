"""What a payout would be, and how it stands in the ledger."""

from models.payouts.postings.booking import (
    LINES,
    batch,
    cash_flow,
    delivered,
    key,
    outside,
    plan,
    revert_id,
    revert_note,
    worked,
)
from models.payouts.postings.quoting import Quote, largest, quote, something

__all__ = [
    "LINES", "Quote", "batch", "cash_flow", "delivered", "key", "largest", "outside", "plan", "quote", "revert_id", "revert_note",
    "something", "worked",
]  # fmt: skip
