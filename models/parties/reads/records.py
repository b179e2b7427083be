"""Parties and what belongs to them as frozen records: out of rows, or of events' snapshots of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self

import orjson

from models.kernel.rows import moment
from models.parties.lifecycle import (
    CONTRACTS,
    INSTITUTIONS,
    PARTIES,
    PAYOUT_TOOLS,
    SHOPS,
    TERM_SETS,
    ContractStatus,
    InUse,
    Standing,
    ToolKind,
)
from models.unit import NounRecord


@dataclass(frozen=True, slots=True)
class PartyRecord(NounRecord):
    """A party at one version."""

    noun: ClassVar[str] = PARTIES.noun

    id: int
    code: str
    name: str
    status: Standing
    suspended: bool
    reason: str | None
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        plain = ("id", "code", "name", "suspended", "reason", "version")
        return cls(**_plain(row, plain), status=Standing(row["status"]), **_times(row))

    @property
    def subject(self) -> str:
        return f"{self.noun}:{self.id}"


@dataclass(frozen=True, slots=True)
class ShopRecord(NounRecord):
    """A shop at one version."""

    noun: ClassVar[str] = SHOPS.noun

    id: int
    party_id: int
    party_code: str
    code: str
    name: str
    location: str | None
    category: int
    currency: str
    status: Standing
    suspended: bool
    reason: str | None
    contract_id: int
    payout_tool_id: int | None
    settlement_account: int
    guarantee_account: int
    payout_account: int
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        plain = (
            "id", "party_id", "party_code", "code", "name", "location", "category", "currency", "suspended", "reason",
            "contract_id", "payout_tool_id", "settlement_account", "guarantee_account", "payout_account", "version",
        )  # fmt: skip
        return cls(**_plain(row, plain), status=Standing(row["status"]), **_times(row))

    @property
    def subject(self) -> str:
        return f"{self.noun}:{self.id}"


@dataclass(frozen=True, slots=True)
class AdjustmentRecord:
    """What changes a contract's terms for a time."""

    adjustment_id: str
    created_at: datetime
    valid_since: datetime | None
    valid_until: datetime | None
    terms_id: int

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            adjustment_id=row["adjustment_id"],
            created_at=moment(row["created_at"]),
            valid_since=row["valid_since"] and moment(row["valid_since"]),
            valid_until=row["valid_until"] and moment(row["valid_until"]),
            terms_id=row["terms_id"],
        )


@dataclass(frozen=True, slots=True)
class ContractRecord(NounRecord):
    """A contract at one version."""

    noun: ClassVar[str] = CONTRACTS.noun

    id: int
    party_id: int
    party_code: str
    code: str
    status: ContractStatus
    institution_id: int
    terms_id: int
    valid_since: datetime | None
    valid_until: datetime | None
    adjustments: tuple[AdjustmentRecord, ...]
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        plain = ("id", "party_id", "party_code", "code", "institution_id", "terms_id", "version")
        return cls(
            **_plain(row, plain),
            status=ContractStatus(row["status"]),
            valid_since=row["valid_since"] and moment(row["valid_since"]),
            valid_until=row["valid_until"] and moment(row["valid_until"]),
            adjustments=tuple(AdjustmentRecord.of(one) for one in read_json(row["adjustments"])),
            **_times(row),
        )

    @property
    def subject(self) -> str:
        return f"{self.noun}:{self.id}"

    def active(self, at: datetime) -> bool:
        """Neither terminated, nor before its time or after it."""
        begun = self.valid_since is None or self.valid_since <= at
        over = self.valid_until is not None and self.valid_until <= at
        return self.status is ContractStatus.ACTIVE and begun and not over


@dataclass(frozen=True, slots=True)
class ToolRecord(NounRecord):
    """A payout tool at one version."""

    noun: ClassVar[str] = PAYOUT_TOOLS.noun

    id: int
    contract_id: int
    party_code: str
    code: str
    status: InUse
    kind: ToolKind
    currency: str
    details: Mapping[str, str]
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            **_plain(row, ("id", "contract_id", "party_code", "code", "currency", "version")),
            status=InUse(row["status"]),
            kind=ToolKind(row["kind"]),
            details=read_json(row["details"]),
            **_times(row),
        )

    @property
    def subject(self) -> str:
        return f"{self.noun}:{self.id}"


@dataclass(frozen=True, slots=True)
class InstitutionRecord(NounRecord):
    """A payment institution at one version. `accounts`: currency -> account type -> id of its ledger account."""

    noun: ClassVar[str] = INSTITUTIONS.noun

    id: int
    code: str
    name: str
    status: InUse
    accounts: Mapping[str, Mapping[str, int]]
    criteria: Mapping[str, Any]
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            **_plain(row, ("id", "code", "name", "version")),
            status=InUse(row["status"]),
            accounts=read_json(row["accounts"]),
            criteria=read_json(row["criteria"]),
            **_times(row),
        )

    @property
    def subject(self) -> str:
        return f"{self.noun}:{self.id}"


@dataclass(frozen=True, slots=True)
class TermSetRecord(NounRecord):
    """A set of terms at one version, as it is written."""

    noun: ClassVar[str] = TERM_SETS.noun

    id: int
    code: str
    name: str
    status: InUse
    parent_id: int | None
    timed: tuple[Any, ...]
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            **_plain(row, ("id", "code", "name", "parent_id", "version")),
            status=InUse(row["status"]),
            timed=tuple(read_json(row["timed"])),
            **_times(row),
        )

    @property
    def subject(self) -> str:
        return f"{self.noun}:{self.id}"


def read_json(value: Any) -> Any:
    """What a JSON column holds, from a row of SQL, from Tortoise, or from an event's snapshot."""
    return orjson.loads(value) if isinstance(value, str) else value


def _plain(row: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: row[name] for name in names}


def _times(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: moment(row[name]) for name in ("created_at", "updated_at")}
