"""What whoever sends money away is told, and what comes back: the words that wallets and banks share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from models.kernel.money import Money


@dataclass(frozen=True, slots=True)
class Order:
    """Money to be sent, once. `key` names it for ever; `kind` is the payout tool's, `destination` its details."""

    key: str
    amount: Money
    kind: str
    destination: Mapping[str, str] = field(repr=False)
    note: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """It was sent. `reference` is the system's own id; `amount` what was sent by its word: who asked by a key alone
    compares it."""

    reference: str
    amount: Money | None = None


class Payer(Protocol):
    """One system to which money is sent."""

    async def send(self, order: Order) -> Receipt:
        """Send it; the same key again sends nothing more. Raises `Refused` (a definite no) or `Unsure`, nothing else."""
        ...

    async def find(self, order_key: str) -> Receipt | None:
        """What became of it: its receipt; None: it definitely never came there. Raises `Refused` where it was refused,
        `Unsure` where nobody knows yet."""
        ...
