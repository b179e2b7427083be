"""Payouts, deliveries and schedules as frozen records: out of rows, or of events' snapshots of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self

from models.kernel.money import Money
from models.kernel.rows import moment
from models.parties.lifecycle import ToolKind
from models.parties.postings import AccountType
from models.parties.reads.records import read_json
from models.payouts.lifecycle import (
    PAYOUTS,
    SCHEDULES,
    AttemptKind,
    AttemptState,
    DeliveryStatus,
    PayoutStatus,
    RunOutcome,
    ScheduleStatus,
)
from models.unit import NounRecord


@dataclass(frozen=True, slots=True)
class PostingRecord:
    """One posting of a payout's cash flow."""

    source_type: AccountType
    source_id: int
    destination_type: AccountType
    destination_id: int
    amount: Money
    details: str


@dataclass(frozen=True, slots=True)
class PayoutRecord(NounRecord):
    """A payout at one version."""

    noun: ClassVar[str] = PAYOUTS.noun

    id: int
    payout_id: str
    shop_id: int
    party_code: str
    shop_code: str
    tool_id: int
    tool_code: str
    tool_kind: ToolKind
    destination: Mapping[str, str]
    requested: Money
    amount: Money
    fee: Money
    cash_flow: tuple[PostingRecord, ...]
    status: PayoutStatus
    sequence: int
    cancel_details: str | None
    failure: str | None
    delivery_status: DeliveryStatus | None
    needs_attention: bool
    schedule_id: int | None
    slot: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        plain = (
            "id", "payout_id", "shop_id", "party_code", "shop_code", "tool_id", "tool_code", "sequence", "cancel_details",
            "failure", "needs_attention", "schedule_id", "version",
        )  # fmt: skip
        currency = row["currency"]
        return cls(
            **{name: row[name] for name in plain},
            tool_kind=ToolKind(row["tool_kind"]),
            destination=read_json(row["destination"]),
            requested=Money(row["requested_minor"], currency),
            amount=Money(row["amount_minor"], currency),
            fee=Money(row["fee_minor"], currency),
            cash_flow=tuple(_posting(one, currency) for one in read_json(row["cash_flow"])),
            status=PayoutStatus(row["status"]),
            delivery_status=row["delivery_status"] and DeliveryStatus(row["delivery_status"]),
            slot=row["slot"] and moment(row["slot"]),
            created_at=moment(row["created_at"]),
            updated_at=moment(row["updated_at"]),
        )

    @property
    def subject(self) -> str:
        return f"{self.noun}:{self.id}"


def _posting(said: Mapping[str, Any], currency: str) -> PostingRecord:
    return PostingRecord(
        AccountType(said["source_type"]),
        said["source_id"],
        AccountType(said["destination_type"]),
        said["destination_id"],
        Money(said["amount_minor"], currency),
        said["details"],
    )


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One call of the outside system."""

    delivery_id: int
    number: int
    kind: AttemptKind
    state: AttemptState
    detail: str
    started_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        plain = ("delivery_id", "number", "detail", "started_at", "finished_at")
        return cls(**{n: row[n] for n in plain}, kind=AttemptKind(row["kind"]), state=AttemptState(row["state"]))


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """A delivery as it stands."""

    id: int
    payout_id: int
    status: DeliveryStatus
    reference: str | None
    failures: int
    last_error: str | None
    next_check_at: datetime | None
    updated_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        plain = ("id", "payout_id", "reference", "failures", "last_error", "next_check_at", "updated_at")
        return cls(**{name: row[name] for name in plain}, status=DeliveryStatus(row["status"]))


@dataclass(frozen=True, slots=True)
class ScheduleRecord(NounRecord):
    """A payout schedule at one version."""

    noun: ClassVar[str] = SCHEDULES.noun

    id: int
    shop_id: int
    party_code: str
    shop_code: str
    cron: str
    time_zone: str
    least: Money
    auto_confirm: bool
    status: ScheduleStatus
    last_slot: datetime | None
    last_outcome: RunOutcome | None
    last_payout: str | None
    last_refusal: str | None
    needs_attention: bool
    next_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        plain = (
            "id", "shop_id", "party_code", "shop_code", "cron", "time_zone", "auto_confirm", "last_payout", "last_refusal",
            "needs_attention", "version",
        )  # fmt: skip
        return cls(
            **{name: row[name] for name in plain},
            least=Money(row["least_minor"], row["currency"]),
            status=ScheduleStatus(row["status"]),
            last_slot=row["last_slot"] and moment(row["last_slot"]),
            last_outcome=row["last_outcome"] and RunOutcome(row["last_outcome"]),
            next_at=row["next_at"] and moment(row["next_at"]),
            created_at=moment(row["created_at"]),
            updated_at=moment(row["updated_at"]),
        )

    @property
    def subject(self) -> str:
        return f"{self.noun}:{self.id}"
