"""What billing has: payments of invoices, and the terminals that took them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import Field

from models.kernel.clock import now
from sandbox.billing.adjusting import CAPTURED, PROCESSED, Adjustment, Adjustments
from sandbox.given import Given

MADE_UP = "made up"
"""Of a provider's id: one is made of the invoice's and the payment's."""


class NewPayment(Given):
    invoice_id: str = Field(min_length=1, max_length=40)
    payment_id: str = Field(min_length=1, max_length=40)
    party_id: str
    shop_id: str
    shop_name: str = "A shop"
    amount: int = Field(ge=0)
    currency: str = "RUB"
    status: str = "failed"
    provider_id: int | None = Field(default=None, ge=1)
    terminal_id: int | None = 1
    provider_trx_id: str | None = MADE_UP
    created_at: datetime | None = None
    changed_amount: int | None = None
    captured_amount: int | None = None
    payer_email: str | None = None
    risk_scores: tuple[str, ...] = ()
    trx_info: dict[str, str] = Field(default_factory=dict)


class Change(Given):
    invoice_id: str
    payment_id: str
    status: str
    changed_amount: int | None = None
    captured_amount: int | None = None


class NewTerminal(Given):
    id: int = Field(ge=1)
    provider_id: int = Field(default=1, ge=1)
    url: str
    options: dict[str, str] = Field(default_factory=dict)
    provider_options: dict[str, str] = Field(default_factory=dict)
    proxy_options: dict[str, str] = Field(default_factory=dict)


@dataclass(slots=True)
class Payment:
    given: NewPayment
    status: str
    created_at: datetime
    changed: int | None
    captured: int | None

    @classmethod
    def of(cls, given: NewPayment) -> Payment:
        at = given.created_at or now() - timedelta(days=1)
        return cls(given, given.status, at.astimezone(UTC), given.changed_amount, given.captured_amount)

    @property
    def key(self) -> tuple[str, str]:
        return self.given.invoice_id, self.given.payment_id

    @property
    def provider_trx(self) -> str | None:
        given = self.given
        return (
            f"trx-{given.invoice_id}-{given.payment_id}" if given.provider_trx_id == MADE_UP else given.provider_trx_id
        )

    def shown(self, provider: int) -> dict[str, Any]:
        """`provider`: the terminal's."""
        given = self.given
        route = {"providerId": given.provider_id or provider, "terminalId": given.terminal_id}
        optional = {
            "changedAmount": self.changed,
            "capturedAmount": self.captured,
            "route": route if given.terminal_id is not None else None,
            "providerTrxId": self.provider_trx,
            "trxInfo": given.trx_info or None,
            "payerEmail": given.payer_email,
        }
        return {
            "id": given.payment_id,
            "status": self.status,
            "amount": given.amount,
            "currency": given.currency,
            "createdAt": self.created_at.isoformat(),
            **{name: value for name, value in optional.items() if value is not None},
        }


@dataclass(slots=True)
class Books:
    invoices: dict[str, dict[str, Payment]] = field(default_factory=dict)
    """Their payments, by id."""
    terminals: dict[int, NewTerminal] = field(default_factory=dict)
    adjustments: Adjustments = field(default_factory=Adjustments)

    def put(self, payment: Payment) -> None:
        invoice, id = payment.key
        self.invoices.setdefault(invoice, {})[id] = payment

    def payments(self, invoice: str) -> dict[str, Payment]:
        return self.invoices.get(invoice, {})

    def take_effect(self, adjustment: Adjustment) -> None:
        invoice, id = adjustment.payment
        payment = self.invoices[invoice][id]
        adjustment.status, adjustment.made = PROCESSED, adjustment.made + 1
        if adjustment.order.kind == CAPTURED:
            payment.status = CAPTURED
        else:
            payment.changed = adjustment.order.amount
