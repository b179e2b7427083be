"""Which statuses disputes, adjustments, notifications and callbacks have, which moves lead where, and how long each waits."""

from models.disputes.lifecycle.moves import ADJUSTMENTS, CALLBACKS, CODE, DISPUTES, NOTIFICATIONS
from models.disputes.lifecycle.polling import Polling
from models.disputes.lifecycle.routing import Route, decoded, tells_why, unplaced
from models.disputes.lifecycle.statuses import (
    CLOSED,
    OPEN,
    PUBLIC,
    WAITING_FOR_HUMANS,
    AdjustmentStatus,
    CallbackStatus,
    DisputeStatus,
    Mode,
    NotificationStatus,
    PublicStatus,
)

__all__ = [
    "ADJUSTMENTS",
    "CALLBACKS",
    "CLOSED",
    "CODE",
    "DISPUTES",
    "NOTIFICATIONS",
    "OPEN",
    "PUBLIC",
    "WAITING_FOR_HUMANS",
    "AdjustmentStatus",
    "CallbackStatus",
    "DisputeStatus",
    "Mode",
    "NotificationStatus",
    "Polling",
    "PublicStatus",
    "Route",
    "decoded",
    "tells_why",
    "unplaced",
]
