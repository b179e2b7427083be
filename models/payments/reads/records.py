"""Payments, gateways, wallets, sweeps and deposits as frozen records: out of rows, or of events' snapshots of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self

import orjson

from models.kernel.money import Money
from models.kernel.rows import moment
from models.payments.lifecycle import (
    GATEWAYS,
    PAYMENTS,
    SWEEPS,
    WALLETS,
    GatewayStatus,
    PaymentException,
    PaymentStatus,
    Purpose,
    Step,
    SweepStatus,
    WalletStatus,
)
from models.unit import NounRecord


@dataclass(frozen=True, slots=True)
class GatewayRecord(NounRecord):
    """A payment gateway at one version."""

    noun: ClassVar[str] = GATEWAYS.noun

    id: int
    code: str
    name: str
    logo: str | None
    service: str
    status: GatewayStatus
    limits: Mapping[str, tuple[Money, Money]]
    confirmations: int
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        limits = _json(row["limits"])
        return cls(
            **{name: row[name] for name in ("id", "code", "name", "logo", "service", "confirmations", "version")},
            status=GatewayStatus(row["status"]),
            limits={code: (Money(least, code), Money(most, code)) for code, (least, most) in limits.items()},
            created_at=moment(row["created_at"]),
            updated_at=moment(row["updated_at"]),
        )

    @property
    def subject(self) -> str:
        return f"{self.noun}:{self.id}"


@dataclass(frozen=True, slots=True)
class PaymentRecord(NounRecord):
    """A payment at one version."""

    noun: ClassVar[str] = PAYMENTS.noun

    id: int
    gateway_id: int
    person_id: int
    amount: Money
    received: Money
    status: PaymentStatus
    exception: PaymentException
    gateway_data: Mapping[str, str]
    sweep_deferred: str | None
    reason: str | None
    needs_attention: bool
    expires_at: datetime
    settled_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        plain = ("id", "gateway_id", "person_id", "sweep_deferred", "reason", "needs_attention", "version")
        return cls(
            **{name: row[name] for name in plain},
            amount=Money(row["amount_minor"], row["currency"]),
            received=Money(row["received_minor"], row["currency"]),
            status=PaymentStatus(row["status"]),
            exception=PaymentException(row["exception"]),
            gateway_data=_json(row["gateway_data"]),
            expires_at=moment(row["expires_at"]),
            settled_at=row["settled_at"] and moment(row["settled_at"]),
            created_at=moment(row["created_at"]),
            updated_at=moment(row["updated_at"]),
        )

    @property
    def subject(self) -> str:
        return f"{self.noun}:{self.id}"


@dataclass(frozen=True, slots=True)
class PaymentNow:
    """How a payment's checks fare just now."""

    failures: int
    failed_step: Step | None
    last_error: str | None
    last_checked_at: datetime | None
    next_check_at: datetime | None


@dataclass(frozen=True, slots=True)
class StepRecord:
    """When a step of a payment's check was last done."""

    payment_id: int
    step: Step
    done_at: datetime
    detail: str


@dataclass(frozen=True, slots=True)
class WalletRecord(NounRecord):
    """A deposit address at one version."""

    noun: ClassVar[str] = WALLETS.noun

    id: int
    payment_id: int
    network: str
    address: str
    derivation_index: int
    received: Money
    swept: Money
    status: WalletStatus
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            **{name: row[name] for name in ("id", "payment_id", "network", "address", "derivation_index", "version")},
            received=Money(row["received_minor"], row["currency"]),
            swept=Money(row["swept_minor"], row["currency"]),
            status=WalletStatus(row["status"]),
            created_at=moment(row["created_at"]),
            updated_at=moment(row["updated_at"]),
        )

    @property
    def subject(self) -> str:
        return f"{self.noun}:{self.id}"

    @property
    def left(self) -> Money:
        """What was credited and not swept."""
        return self.received - self.swept


@dataclass(frozen=True, slots=True)
class SweepRecord(NounRecord):
    """A transaction of ours at one version."""

    noun: ClassVar[str] = SWEEPS.noun

    id: int
    payment_id: int
    wallet_id: int
    purpose: Purpose
    to_address: str
    amount: Money
    status: SweepStatus
    tx_id: str | None
    expires_at: datetime | None
    fee: Money | None
    energy_used: int | None
    error: str | None
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        plain = ("id", "payment_id", "wallet_id", "to_address", "tx_id", "energy_used", "error", "version")
        return cls(
            **{name: row[name] for name in plain},
            purpose=Purpose(row["purpose"]),
            amount=Money(row["amount_minor"], row["currency"]),
            status=SweepStatus(row["status"]),
            expires_at=row["expires_at"] and moment(row["expires_at"]),
            fee=None if row["fee_minor"] is None else Money(row["fee_minor"], "TRX"),
            created_at=moment(row["created_at"]),
            updated_at=moment(row["updated_at"]),
        )

    @property
    def subject(self) -> str:
        return f"{self.noun}:{self.id}"


@dataclass(frozen=True, slots=True)
class DepositRecord:
    """Something that arrived."""

    id: int
    payment_id: int | None
    network: str
    tx_id: str
    log_index: int
    sender: str
    reference: str
    amount: Money
    block: int | None
    seen_at: datetime
    credited_at: datetime | None
    dropped_at: datetime | None
    confirmations: int | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        plain = (
            "id", "payment_id", "network", "tx_id", "log_index", "sender", "reference", "block", "seen_at", "credited_at",
            "dropped_at", "confirmations",
        )  # fmt: skip
        return cls(**{name: row[name] for name in plain}, amount=Money(row["amount_minor"], row["currency"]))


def _json(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str) else value
