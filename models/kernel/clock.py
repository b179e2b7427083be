"""Business time: deadlines, schedules, terms. Order and leases are the database's own (`saldo_now()`)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from settings import settings


def now() -> datetime:
    """This moment, UTC, moved by SALDO_CLOCK_OFFSET_SECONDS in development; the database is moved by the same."""
    return datetime.now(UTC) + timedelta(seconds=settings().clock_offset_seconds)
