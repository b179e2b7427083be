"""How the support desk hears of disputes: of each status that one has come to, in order. [spec/disputes §6.3]"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from models.disputes.reads import DisputeRecord
from models.disputes.tables import TEXT_MAX, Dispute, SupportMessage
from models.events.log import snapshot
from models.kernel.sql import TRUE, sql
from models.kernel.viewer import Viewer
from models.unit import Unit, step
from models.work.claims import DUE, back_off, claim, release
from settings import settings

FIRST_OF_ITS_DISPUTE = """NOT EXISTS (
  SELECT FROM support_message e WHERE e.dispute_id = r.dispute_id AND e.id < r.id AND e.ended_at IS NULL)"""
"""A message waits for the earlier ones of its dispute."""


@dataclass(frozen=True, slots=True)
class ClaimedMessage:
    """A message that is ours until its lease ends."""

    id: int
    dispute: int
    key: str
    card: Mapping[str, Any]
    failures: int
    token: UUID

    def __repr__(self) -> str:
        return f"<message {self.key}>"


@step()
async def claim_messages(work: Unit, *, limit: int, lease_seconds: int, by: Viewer) -> list[ClaimedMessage]:
    """Take messages that are due, of each dispute the first one alone."""
    due = sql(f"r.ended_at IS NULL AND {DUE}") & sql(FIRST_OF_ITS_DISPUTE)
    rows = await claim(
        work, SupportMessage, due, limit=limit, lease_seconds=lease_seconds, order="r.next_check_at, r.id"
    )
    return [await _claimed(work, row) for row in rows]


async def _claimed(work: Unit, row: SupportMessage) -> ClaimedMessage:
    if row.lease_token is None:
        raise AssertionError("a claimed row has a token")
    told = DisputeRecord.of(await snapshot(work.db, f"dispute:{row.dispute_id}", row.version))
    key = f"{told.dispute_id}:{row.version}"
    return ClaimedMessage(row.id, row.dispute_id, key, card(told), row.failures, row.lease_token)


def card(dispute: DisputeRecord) -> dict[str, Any]:
    """What the desk is shown: all but the files."""
    changed = dispute.changed
    return {
        "disputeId": str(dispute.dispute_id),
        "invoiceId": dispute.invoice_id,
        "paymentId": dispute.payment_id,
        "providerTrxId": dispute.provider_trx,
        "providerDisputeId": dispute.provider_dispute_id,
        "partyId": dispute.party_code,
        "shopId": dispute.shop_code,
        "shopName": dispute.shop_name,
        "status": dispute.status.value,
        "mode": dispute.mode.value,
        "amount": dispute.amount.minor,
        "changedAmount": changed.minor if changed else None,
        "currency": dispute.amount.currency,
        "mapping": dispute.public_reason,
        "providerMessage": dispute.provider_message,
        "technicalError": dispute.technical_error,
    }


@step()
async def told(work: Unit, claimed: ClaimedMessage, *, by: Viewer) -> bool:
    """The desk has it. Locks the dispute, under whose lock its messages are written."""
    row = await _ours(work, claimed)
    if row is None:
        return False
    row.told, row.ended_at, row.last_error = True, await work.moment(), None
    release(row)
    await work.amend(row)
    return True


@step()
async def not_told(work: Unit, claimed: ClaimedMessage, error: str, *, by: Viewer) -> bool:
    """The desk did not answer: later and later; after `support_failures_max` times it is given up. True: so it was."""
    row = await _ours(work, claimed)
    if row is None:
        return False
    limits = settings()
    row.failures, row.last_error = row.failures + 1, error[:TEXT_MAX]
    later_on = back_off(row.failures, limits.dispute_back_off_seconds, limits.dispute_back_off_max_seconds)
    row.next_check_at = later_on
    over = row.failures >= limits.support_failures_max
    if over:
        row.ended_at = await work.moment()
    release(row)
    await work.amend(row)
    return over


async def _ours(work: Unit, claimed: ClaimedMessage) -> SupportMessage | None:
    await work.lock(Dispute, sql("r.id = {}", claimed.dispute), visible_to=TRUE)
    row = await SupportMessage.get(id=claimed.id)
    return row if row.lease_token == claimed.token and row.ended_at is None else None
