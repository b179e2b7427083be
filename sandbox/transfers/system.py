"""The bank that takes payment orders, as one of the systems that are played."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from pydantic import Field

from sandbox.paying import FIND, Fate, Id, Ordered, Paying

CURRENCIES = frozenset({"RUB", "EUR", "USD"})
NEEDED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "russian_bank_account": ("account", "bankName", "bankPostAccount", "bankBik"),
        "international_bank_account": ("bankName",),
    }
)
"""What must be said of a beneficiary, by its type."""
MAGIC: Mapping[str, Fate] = MappingProxyType(
    {
        "0000": Fate(no="account_closed"),
        "0001": Fate(waits=True),
        "0002": Fate(waits=True, fails="beneficiary_unknown"),
        "0003": Fate(fails="beneficiary_unknown"),
    }
)
"""By the end of the account's number."""


class PaymentOrder(Ordered):
    order_id: Id
    beneficiary: dict[str, str]
    purpose: str = Field(default="", max_length=1_000)

    @property
    def id(self) -> str:
        return self.order_id

    @property
    def account(self) -> str:
        """Its number; empty where it has none."""
        return next((self.beneficiary[name] for name in ("account", "iban", "number") if name in self.beneficiary), "")

    @property
    def whole(self) -> bool:
        needed = NEEDED.get(self.beneficiary.get("type", ""))
        return needed is not None and bool(self.account) and all(map(self.beneficiary.get, needed))

    def fate(self) -> Fate:
        if self.currency not in CURRENCIES:
            return Fate(no="currency_not_supported")
        if not self.whole:
            return Fate(no="beneficiary_incomplete")
        return MAGIC.get(self.account[-4:], Fate())


class Transfers(Paying):
    name: ClassVar[str] = "transfers"
    operations: ClassVar[frozenset[str]] = frozenset({"order", FIND})
    sending: ClassVar[str] = "order"
    folder: ClassVar[str] = "orders"
    model: ClassVar[type[Ordered]] = PaymentOrder
    done: ClassVar[str] = "executed"
    waiting: ClassVar[str] = "accepted"
    refused: ClassVar[str] = "rejected"
    why: ClassVar[str] = "rejection"
