"""Payouts and what belongs to them, read: the records, what viewers list, and what the jobs need."""

from models.payouts.reads.listing import (
    CHANGED,
    NEWEST,
    OLDEST,
    Wanted,
    attempts_of,
    deliveries_of,
    listed,
    meant,
    payout,
    payouts,
    schedules,
    schedules_listed,
    schedules_of,
)
from models.payouts.reads.previewing import Preview, preview
from models.payouts.reads.records import AttemptRecord, DeliveryRecord, PayoutRecord, PostingRecord, ScheduleRecord
from models.payouts.reads.working import Backlog, available, backlog, begun

__all__ = [
    "CHANGED",
    "NEWEST",
    "OLDEST",
    "AttemptRecord",
    "Backlog",
    "DeliveryRecord",
    "PayoutRecord",
    "PostingRecord",
    "Preview",
    "ScheduleRecord",
    "Wanted",
    "attempts_of",
    "available",
    "backlog",
    "begun",
    "deliveries_of",
    "listed",
    "meant",
    "payout",
    "payouts",
    "preview",
    "schedules",
    "schedules_listed",
    "schedules_of",
]  # fmt: skip
