"""The knobs of disputes, and of what is done beside them."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, Field, model_validator


class Disputes(BaseModel):
    dispute_hide_unrecoverable: bool = Field(
        default=True, description="whether merchants do not see disputes that failed for what only a new one can mend"
    )
    dispute_hold_until_final: bool = Field(
        default=True, description="whether a provider is asked only once the payment has ended in billing"
    )
    dispute_callbacks_enabled: bool = Field(default=False, description="whether providers may tell of payments")
    dispute_payment_days: int = Field(default=30, ge=1, le=3_650, description="how old a disputed payment may be")
    disputes_per_payment_max: int = Field(default=10, ge=1, le=1_000)
    dispute_attachments_max: int = Field(default=30, ge=1, le=100, description="of one dispute, all in all")
    dispute_polling_minutes: int = Field(
        default=600, ge=1, le=43_200, description="for a provider to decide, where its terminal says nothing"
    )
    dispute_adjustment_minutes: int = Field(
        default=600, ge=1, le=43_200, description="for billing to be ready, before a human is called"
    )
    dispute_human_seconds: int = Field(
        default=86_400, ge=60, le=2_592_000, description="that one waits for a human before it needs attention"
    )
    dispute_link_seconds: int = Field(
        default=21_600, ge=60, le=604_800, description="for a provider to fetch the files of a dispute"
    )
    dispute_view_link_seconds: int = Field(default=300, ge=10, le=86_400, description="the same, for who looks at it")
    dispute_batch: int = Field(default=100, ge=1, le=5_000, description="rows that one claim takes")
    dispute_at_once: int = Field(default=100, ge=1, le=1_000)
    dispute_deadline_seconds: int = Field(default=45, ge=1, le=600, description="of all calls for one dispute")
    dispute_timeout_seconds: int = Field(default=100, ge=1, le=600, description="of a tick of its jobs")
    dispute_lease_seconds: int = Field(default=210, ge=5, le=3_600)
    dispute_failures_max: int = Field(default=40, ge=1, le=1_000, description="in a row, before a human gets it")
    dispute_attempts_max: int = Field(
        default=20, ge=1, le=1_000, description="to do one that nobody ever concluded, before it is a failure"
    )
    dispute_comments_max: int = Field(default=100, ge=1, le=100, description="of one dispute")
    dispute_back_off_seconds: int = Field(default=5, ge=1, le=3_600, description="doubled with each failure")
    dispute_back_off_max_seconds: int = Field(default=300, ge=1, le=86_400)
    dispute_notification_attempts: int = Field(default=5, ge=1, le=20)
    dispute_notification_back_off_seconds: int = Field(default=30, ge=1, le=3_600, description="fourfold each time")
    dispute_notification_back_off_max_seconds: int = Field(default=3_600, ge=1, le=86_400)
    support_failures_max: int = Field(default=30, ge=1, le=1_000, description="in a row, before a message is given up")
    orphan_seconds: int = Field(
        default=86_400, ge=3_600, le=2_592_000, description="before a file of nobody's is removed"
    )
    process_created_period_seconds: int = 5
    process_pending_period_seconds: int = 5
    process_forgotten_period_seconds: int = 5
    process_adjustments_period_seconds: int = 5
    dispute_notifications_period_seconds: int = 5
    check_callbacks_period_seconds: int = 5
    tell_support_period_seconds: int = 5
    remove_orphans_period_seconds: int = 3_600

    @model_validator(mode="after")
    def _a_dispute_is_done_within_a_tick(self) -> Self:
        if self.dispute_timeout_seconds < 2 * self.dispute_deadline_seconds:
            raise ValueError("dispute_timeout_seconds must be at least twice dispute_deadline_seconds")
        return self
