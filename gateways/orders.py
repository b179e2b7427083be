"""What whoever sends money is told, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from models.kernel.money import Money


@dataclass(frozen=True, slots=True)
class Order:
    key: str
    amount: Money
    kind: str
    destination: Mapping[str, str] = field(repr=False)
    note: str


@dataclass(frozen=True, slots=True)
class Receipt:
    reference: str


class Payer(Protocol):
    async def send(self, order: Order) -> Receipt: ...
    async def find(self, order_key: str) -> Receipt | None: ...
