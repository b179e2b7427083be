"""What we ask of a Tron node and of our keys, in our words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

SYSTEM = "tron"


@dataclass(frozen=True, slots=True)
class Block:
    number: int
    id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class TokenTransfer:
    """A Transfer event of a token contract. `(tx_id, log_index)` names it for ever; addresses are base58."""

    tx_id: str
    log_index: int
    contract: str
    sender: str
    to: str
    amount: int
    block: int


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in one block: the transfers of the configured contract, and the ids of all its transactions."""

    transfers: tuple[TokenTransfer, ...]
    tx_ids: frozenset[str]
    at: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a transaction that is in a block. `outcome` is the chain's own word: SUCCESS, REVERT, OUT_OF_ENERGY."""

    tx_id: str
    block: int
    outcome: str
    fee_sun: int
    energy: int
    transfers: tuple[TokenTransfer, ...]
    """Those of the configured contract."""

    @property
    def succeeded(self) -> bool:
        return self.outcome == "SUCCESS"


@dataclass(frozen=True, slots=True)
class Means:
    """What an address can pay with now. One that is not `active` cannot send anything at all."""

    active: bool
    sun: int
    energy: int
    bandwidth: int


@dataclass(frozen=True, slots=True)
class Prices:
    """In sun: of one unit of energy, of one byte of bandwidth, and of making an address active."""

    energy: int
    bandwidth: int
    activation: int


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed transaction. Its id is known before anybody has seen it; `raw` (hex) is what is sent, each time the same."""

    tx_id: str
    raw: str
    expires_at: datetime


class Node(Protocol):
    """A node of the network. Everything may raise `Unsure`; `Refused` only where it is said."""

    async def head(self) -> Block:
        """The last block that the node knows."""
        ...

    async def solid_head(self) -> Block:
        """The last solid block that the node knows."""
        ...

    async def contents(self, block: int, *, solid: bool) -> Contents:
        """What is in one block, whole or not at all: a block which the node does not have is `Unsure`, never an empty one."""
        ...

    async def token_balance(self, address: str) -> int:
        """Of the configured contract's token, as of the last solid block."""
        ...

    async def transactions_to(self, address: str, since: datetime) -> list[str]:
        """Ids of solid transactions that the node's index knows to have brought the token here. Believe only their
        receipts. `Refused` where the node has no index."""
        ...

    async def receipt(self, tx_id: str, *, solid: bool = True) -> Receipt | None:
        """None: it is in no (solid) block that the node knows."""
        ...

    async def means(self, address: str) -> Means: ...

    async def prices(self, *, fresh: bool = False) -> Prices:
        """They change seldom, so an answer of the last minutes will do, unless it has to be `fresh`."""
        ...

    async def transfer_energy(self, sender: str, to: str, amount: int) -> int:
        """How much energy a transfer of the token would use. `Refused` where the contract would revert it."""
        ...

    async def broadcast(self, raw: str) -> None:
        """Hand a signed transaction to the network; again and again does no harm. A return is no promise of inclusion.
        `Refused`: the node did not take it now. A node that has forgotten it looks at its expiry before it looks for it in
        the chain: of one that was handed over before, only its receipt tells whether it is there."""
        ...


class Keys(Protocol):
    """What only the worker has: signing. Nothing here goes to any log."""

    def token_transfer(
        self, index: int, to: str, amount: int, *, fee_limit_sun: int, ref: Block, expires_at: datetime
    ) -> Signed:
        """Of the configured token, from the deposit address of `index`."""
        ...

    def top_up(self, to: str, sun: int, *, ref: Block, expires_at: datetime) -> Signed:
        """TRX from the main wallet."""
        ...

    @property
    def can_top_up(self) -> bool: ...
