"""Disputes and what belongs to them as frozen records: out of rows, or of events' snapshots of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from models.disputes.lifecycle import (
    ADJUSTMENTS,
    CALLBACKS,
    DISPUTES,
    PUBLIC,
    AdjustmentStatus,
    CallbackStatus,
    DisputeStatus,
    Mode,
    NotificationStatus,
    PublicStatus,
)
from models.kernel.money import Money
from models.kernel.rows import moment
from models.unit import NounRecord


@dataclass(frozen=True, slots=True)
class DisputeRecord(NounRecord):
    """A dispute at one version."""

    noun: ClassVar[str] = DISPUTES.noun

    id: int
    dispute_id: UUID
    invoice_id: str
    payment_id: str
    party_code: str
    shop_code: str
    shop_name: str
    provider_id: int
    terminal_id: int
    provider_trx: str
    cost: Money
    amount: Money
    changed: Money | None
    reason: str | None
    public_reason: str | None
    provider_message: str | None
    technical_error: str | None
    mode: Mode
    status: DisputeStatus
    status_since: datetime
    unrecoverable: bool
    provider_dispute_id: str | None
    risk_score: str | None
    polling_before: datetime
    adjustment_status: AdjustmentStatus | None
    adjustment_sent: bool
    notification_status: NotificationStatus | None
    needs_attention: bool
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        plain = (
            "id", "invoice_id", "payment_id", "party_code", "shop_code", "shop_name", "provider_id", "terminal_id",
            "provider_trx", "reason", "public_reason", "provider_message", "technical_error", "unrecoverable",
            "provider_dispute_id", "risk_score", "adjustment_sent", "needs_attention", "version",
        )  # fmt: skip
        currency = row["currency"]
        return cls(
            **{name: row[name] for name in plain},
            dispute_id=UUID(str(row["dispute_id"])),
            cost=Money(row["cost_minor"], currency),
            amount=Money(row["amount_minor"], currency),
            changed=_money(row["changed_minor"], currency),
            mode=Mode(row["mode"]),
            status=DisputeStatus(row["status"]),
            status_since=moment(row["status_since"]),
            polling_before=moment(row["polling_before"]),
            adjustment_status=row["adjustment_status"] and AdjustmentStatus(row["adjustment_status"]),
            notification_status=row["notification_status"] and NotificationStatus(row["notification_status"]),
            created_at=moment(row["created_at"]),
            updated_at=moment(row["updated_at"]),
        )

    @property
    def subject(self) -> str:
        return f"{self.noun}:{self.id}"

    @property
    def public_status(self) -> PublicStatus:
        return PUBLIC[self.status]


def _money(minor: int | None, currency: str) -> Money | None:
    return None if minor is None else Money(minor, currency)


@dataclass(frozen=True, slots=True)
class DisputeNow:
    """What changes of a dispute without being news."""

    id: int
    next_check_at: datetime | None
    last_error: str | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(**{name: row[name] for name in ("id", "next_check_at", "last_error")})


@dataclass(frozen=True, slots=True)
class AdjustmentRecord(NounRecord):
    """An adjustment at one version; out of an event, without the bookkeeping."""

    noun: ClassVar[str] = ADJUSTMENTS.noun

    id: int
    adjustment_id: UUID
    invoice_id: str
    payment_id: str
    dispute_id: int | None
    amount: Money
    changed: Money | None
    status: AdjustmentStatus
    error: str | None
    cash_flow_sent_at: datetime | None
    captured_sent_at: datetime | None
    next_check_at: datetime | None
    last_error: str | None
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        plain = ("id", "invoice_id", "payment_id", "dispute_id", "error", "version")
        return cls(
            **{name: row[name] for name in plain},
            next_check_at=row.get("next_check_at"),
            last_error=row.get("last_error"),
            cash_flow_sent_at=row["cash_flow_sent_at"] and moment(row["cash_flow_sent_at"]),
            captured_sent_at=row["captured_sent_at"] and moment(row["captured_sent_at"]),
            adjustment_id=UUID(str(row["adjustment_id"])),
            amount=Money(row["amount_minor"], row["currency"]),
            changed=_money(row["changed_minor"], row["currency"]),
            status=AdjustmentStatus(row["status"]),
            created_at=moment(row["created_at"]),
            updated_at=moment(row["updated_at"]),
        )

    @property
    def subject(self) -> str:
        return f"{self.noun}:{self.id}"


@dataclass(frozen=True, slots=True)
class NotificationRecord:
    """A merchant's notification as it stands."""

    id: int
    dispute_id: int
    url: str
    status: NotificationStatus
    attempts_left: int
    next_check_at: datetime | None
    delivered_at: datetime | None
    last_error: str | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        plain = ("id", "dispute_id", "url", "attempts_left", "next_check_at", "delivered_at", "last_error")
        return cls(**{name: row[name] for name in plain}, status=NotificationStatus(row["status"]))


@dataclass(frozen=True, slots=True)
class AttachmentRecord:
    """A file of a dispute: where it is kept, and what it is."""

    id: int
    dispute_id: int
    key: str
    mime_type: str
    size_bytes: int
    sha256: str
    added_by: str
    created_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(**{name: row[name] for name in cls.__slots__})


@dataclass(frozen=True, slots=True)
class CommentRecord:
    """Words about a dispute."""

    id: int
    dispute_id: int
    text: str
    written_by: str
    created_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(**{name: row[name] for name in cls.__slots__})


@dataclass(frozen=True, slots=True)
class CallbackRecord(NounRecord):
    """A provider's word about a payment at one version."""

    noun: ClassVar[str] = CALLBACKS.noun

    id: int
    invoice_id: str
    payment_id: str
    status: CallbackStatus
    detail: str | None
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        plain = ("id", "invoice_id", "payment_id", "detail", "version")
        return cls(
            **{name: row[name] for name in plain},
            status=CallbackStatus(row["status"]),
            created_at=moment(row["created_at"]),
            updated_at=moment(row["updated_at"]),
        )

    @property
    def subject(self) -> str:
        return f"{self.noun}:{self.id}"
