"""The statuses, and what of them a merchant sees. [spec/disputes §2.1]"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class DisputeStatus(StrEnum):
    CREATED = "created"
    PENDING = "pending"
    MANUAL_PENDING = "manual_pending"
    ALREADY_EXIST_CREATED = "already_exist_created"
    CREATE_ADJUSTMENT = "create_adjustment"
    POOLING_EXPIRED = "pooling_expired"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class PublicStatus(StrEnum):
    """What a merchant is told."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Mode(StrEnum):
    """Who works on it."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


class AdjustmentStatus(StrEnum):
    CREATE_ADJUSTMENT = "create_adjustment"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class NotificationStatus(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    ATTEMPTS_LIMIT = "attempts_limit"


class CallbackStatus(StrEnum):
    """Of what a provider told us of a payment."""

    RECEIVED = "received"
    CONFIRMED = "confirmed"
    DENIED = "denied"
    IGNORED = "ignored"


CLOSED = frozenset({DisputeStatus.SUCCEEDED, DisputeStatus.FAILED, DisputeStatus.CANCELLED})
OPEN = frozenset(DisputeStatus) - CLOSED
WAITING_FOR_HUMANS = frozenset(
    {DisputeStatus.MANUAL_PENDING, DisputeStatus.ALREADY_EXIST_CREATED, DisputeStatus.POOLING_EXPIRED}
)
PUBLIC: Mapping[DisputeStatus, PublicStatus] = MappingProxyType(
    dict.fromkeys(OPEN, PublicStatus.PENDING)
    | {
        DisputeStatus.SUCCEEDED: PublicStatus.SUCCEEDED,
        DisputeStatus.FAILED: PublicStatus.FAILED,
        DisputeStatus.CANCELLED: PublicStatus.FAILED,
    }
)
