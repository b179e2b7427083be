"""Adjustments that put a payment right: what may be ordered, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field, model_validator

from sandbox.given import Given

PENDING, PROCESSED = "pending", "processed"
FINAL = frozenset({"failed", "cancelled"})
"""Statuses of a payment from which it can be captured."""
CAPTURED = "captured"


class Ordered(Given):
    """An adjustment as it is ordered: what a payment came to, or that it is captured."""

    kind: Literal["cash_flow", "captured"]
    reason: str = Field(min_length=1)
    target_reason: str | None = None
    amount: int | None = Field(default=None, ge=0, strict=True)
    currency: str | None = None

    @model_validator(mode="after")
    def _is_of_its_kind(self) -> Ordered:
        if self.kind == CAPTURED and (self.amount, self.currency) != (None, None):
            raise ValueError("a captured one brings no amount")
        if self.kind != CAPTURED and (None in (self.amount, self.currency) or self.target_reason is not None):
            raise ValueError("a cash_flow one brings amount and currency alone")
        return self

    def refused(self, status: str) -> str:
        """With which code, where the payment stands so."""
        if status in FINAL:
            return ""
        if status != CAPTURED:
            return "invalid_payment_status"
        return "invalid_payment_target_status" if self.kind == CAPTURED else ""


@dataclass(slots=True)
class Adjustment:
    id: str
    key: str
    payment: tuple[str, str]
    order: Ordered
    status: str = PENDING
    asked: int = 1
    made: int = 0

    def same(self, payment: tuple[str, str], order: Ordered) -> bool:
        return (self.payment, self.order) == (payment, order)

    def shown(self) -> dict[str, Any]:
        order = self.order
        optional = {"targetReason": order.target_reason, "amount": order.amount, "currency": order.currency}
        told = {"id": self.id, "kind": order.kind, "reason": order.reason, "status": self.status}
        return {**told, **{name: value for name, value in optional.items() if value is not None}}

    def told(self) -> dict[str, Any]:
        """With whose it is, how often it was asked for, and how often made."""
        invoice, payment = self.payment
        whose = {"key": self.key, "invoiceId": invoice, "paymentId": payment}
        return {**self.shown(), **whose, "asked": self.asked, "made": self.made}


@dataclass(slots=True)
class Adjustments:
    hold: bool = False
    by_key: dict[str, Adjustment] = field(default_factory=dict)
    _of: dict[tuple[str, str], list[Adjustment]] = field(default_factory=dict)

    def add(self, adjustment: Adjustment) -> None:
        self.by_key[adjustment.key] = adjustment
        self._of.setdefault(adjustment.payment, []).append(adjustment)

    def of(self, payment: tuple[str, str]) -> list[Adjustment]:
        return self._of.get(payment, [])

    def pending(self) -> dict[str, Adjustment]:
        """By id."""
        return {one.id: one for one in self.by_key.values() if one.status == PENDING}
