"""What a chain tells of coins that arrived. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arrived:
    """Coins that arrived at an address: `(tx_id, log_index)` names it for ever."""

    tx_id: str
    log_index: int
    contract: str
    sender: str
    to: str
    amount: int
    block: int
