"""The wallet system as one of the systems that are played."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import Field

from sandbox.paying import FIND, Fate, Id, Kept, Ordered, Paying

SOURCES: Mapping[str, str] = MappingProxyType(
    {currency: f"source-{currency.lower()}" for currency in ("RUB", "EUR", "USD", "USDT")}
)
"""By currency: from where deposits are paid."""
MAGIC: Mapping[str, Fate] = MappingProxyType(
    {
        "wallet-unknown": Fate(no="wallet_not_found"),
        "wallet-pending": Fate(waits=True),
        "wallet-fails": Fate(waits=True, fails="wallet_blocked"),
        "wallet-blocked": Fate(fails="wallet_blocked"),
    }
)


class Deposit(Ordered):
    deposit_id: Id
    wallet_id: Id
    description: str = Field(default="", max_length=1_000)

    @property
    def id(self) -> str:
        return self.deposit_id

    def fate(self) -> Fate:
        if self.currency not in SOURCES:
            return Fate(no="source_not_found")
        return MAGIC.get(self.wallet_id, Fate())


class Wallets(Paying):
    name: ClassVar[str] = "wallets"
    operations: ClassVar[frozenset[str]] = frozenset({"deposit", FIND})
    sending: ClassVar[str] = "deposit"
    folder: ClassVar[str] = "deposits"
    model: ClassVar[type[Ordered]] = Deposit
    done: ClassVar[str] = "succeeded"
    waiting: ClassVar[str] = "pending"
    refused: ClassVar[str] = "failed"
    why: ClassVar[str] = "failure"

    def _told(self, kept: Kept) -> dict[str, Any]:
        return {**super()._told(kept), "sourceId": SOURCES[kept.order.currency]}
