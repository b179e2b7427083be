"""What a provider's adapter has: disputes under our ids, and what it says of payments."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from sandbox.given import Given

Outcome = Literal["pending", "success", "fail"]
EXPLAINED = "code = 42, description = base64:" + base64.b64encode(b"the acquirer is closed").decode()


@dataclass(frozen=True, slots=True)
class Mood:
    """How it behaves, unless it is told otherwise."""

    latency_seconds: float = 0
    retry_later_times: int = 0
    pending_times: int = 0


class Moods(Given):
    latency_seconds: float | None = Field(default=None, ge=0, le=60)
    retry_later_times: int | None = Field(default=None, ge=0, le=1_000_000)
    pending_times: int | None = Field(default=None, ge=0, le=1_000_000)


class Transaction(Given):
    invoice_id: str
    payment_id: str
    provider_trx_id: str
    options: dict[str, str]
    trx_info: dict[str, str]


class Attachment(Given):
    url: str
    mime_type: str


class Opened(Given):
    dispute_id: str
    transaction: Transaction
    amount: int
    currency: str
    reason: str | None = None
    attachments: tuple[Attachment, ...]
    payer_email: str | None = None
    risk_score: str | None = None


class Checked(Given):
    provider_dispute_id: str
    transaction: Transaction
    currency: str


class Looked(Given):
    transaction: Transaction
    currency: str


class Decide(Given):
    dispute_id: str = ""
    provider_dispute_id: str = ""
    outcome: Outcome
    changed_amount: int | None = None
    code: str = "refused_by_hand"
    reason: str | None = None
    message: str | None = None
    payment: bool | None = None


class Say(Given):
    provider_trx_id: str
    success: bool
    changed_amount: int | None = None


@dataclass(slots=True)
class Dispute:
    order: Opened
    id: str
    asked: int = 1
    checked: int = 0
    outcome: Outcome = "pending"
    decided: bool = False
    """Whether somebody said by hand how it stands."""
    changed: int | None = None
    code: str = ""
    reason: str | None = None
    message: str | None = None

    def shown(self) -> dict[str, Any]:
        ordered = self.order.model_dump(by_alias=True, exclude_none=True)
        told = {"providerDisputeId": self.id, "asked": self.asked, "opened": 1, "checked": self.checked}
        return {**ordered, **told, "outcome": self.outcome, "changedAmount": self.changed}


@dataclass(slots=True)
class Books:
    mood: Mood
    disputes: dict[str, Dispute] = field(default_factory=dict)
    """By our ids."""
    known: dict[str, Dispute] = field(default_factory=dict)
    """By its own."""
    later: dict[str, int] = field(default_factory=dict)
    """How often one was told to come again."""
    said: dict[str, tuple[bool, int | None]] = field(default_factory=dict)
    """By the provider's id of a payment: whether it succeeded, and with which amount."""
    _of: dict[str, list[Dispute]] = field(default_factory=dict)

    def open(self, dispute: Dispute) -> None:
        self.disputes[dispute.order.dispute_id] = self.known[dispute.id] = dispute
        self._of.setdefault(dispute.order.transaction.provider_trx_id, []).append(dispute)

    def of(self, trx: str) -> list[Dispute]:
        """Of the payment with that id of the provider's."""
        return self._of.get(trx, [])
