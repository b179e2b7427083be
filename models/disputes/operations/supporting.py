"""How the support desk hears of disputes: of each status that one has come to, in order. [spec/disputes §6.3]"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from models.disputes.reads import DisputeRecord
from models.disputes.tables import TEXT_MAX, Dispute, SupportMessage
from models.kernel.sql import TRUE, sql
from models.kernel.viewer import Viewer
from models.unit import Unit, step
from models.work.claims import DUE, back_off, claim, release
from settings import settings

FIRST_OF_ITS_DISPUTE = """NOT EXISTS (
  SELECT FROM support_message e WHERE e.dispute_id = r.dispute_id AND e.id < r.id AND e.waits)"""
"""A message waits for the earlier ones of its dispute."""


@dataclass(frozen=True, slots=True)
class ClaimedMessage:
    """A message that is ours until its lease ends."""

    id: int
    dispute: int
    key: str
    card: Mapping[str, Any]
    failures: int
    begun: int
    token: UUID

    def __repr__(self) -> str:
        return f"<message {self.key}>"


@step()
async def claim_messages(work: Unit, *, limit: int, lease_seconds: int, by: Viewer) -> list[ClaimedMessage]:
    """Take messages that are due, of each dispute the first one alone."""
    due = sql(f"r.waits AND {DUE}") & sql(FIRST_OF_ITS_DISPUTE)
    rows = await claim(
        work, SupportMessage, due, limit=limit, lease_seconds=lease_seconds, order="r.next_check_at, r.id"
    )
    told = await _as_they_were(work, rows)
    return [_claimed(row, told[row.id]) for row in rows]


async def _as_they_were(work: Unit, rows: Sequence[SupportMessage]) -> dict[int, DisputeRecord]:
    """By message: the dispute as its event tells it; one read for all."""
    found = await work.db.fetch(
        """SELECT w.id, e.snapshot FROM unnest($1::bigint[], $2::text[], $3::bigint[]) w(id, subject, version)
             JOIN event e ON e.subject = w.subject AND e.version = w.version""",
        [row.id for row in rows],
        [f"{DisputeRecord.noun}:{row.dispute_id}" for row in rows],
        [row.version for row in rows],
    )
    return {row["id"]: DisputeRecord.of(orjson.loads(row["snapshot"])) for row in found}


def _claimed(row: SupportMessage, told: DisputeRecord) -> ClaimedMessage:
    if row.lease_token is None:
        raise AssertionError("a claimed row has a token")
    key = f"{told.dispute_id}:{row.version}"
    return ClaimedMessage(row.id, row.dispute_id, key, card(told), row.failures, row.attempts, row.lease_token)


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
    row.told, row.waits, row.ended_at, row.last_error = True, False, await work.moment(), None
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
    row.failures, row.last_error, row.attempts = row.failures + 1, error[:TEXT_MAX], 0
    later_on = back_off(row.failures, limits.dispute_back_off_seconds, limits.dispute_back_off_max_seconds)
    row.next_check_at = later_on
    over = row.failures >= limits.support_failures_max
    if over:
        row.waits, row.ended_at = False, await work.moment()
    release(row)
    await work.amend(row)
    return over


@step()
async def forget_messages(work: Unit, *, by: Viewer) -> int:
    """There is no desk any more: nothing waits for it. Answers how many did."""
    if settings().support_system:
        return 0
    gone = await work.db.fetch(
        """UPDATE support_message SET waits = FALSE, ended_at = saldo_now(), lease_token = NULL, lease_until = NULL
            WHERE waits RETURNING id"""
    )
    return len(gone)


async def _ours(work: Unit, claimed: ClaimedMessage) -> SupportMessage | None:
    """The message itself is locked too: it may be claimed without its dispute."""
    await work.lock(Dispute, sql("r.id = {}", claimed.dispute), visible_to=TRUE)
    found = await work.db.fetch("SELECT * FROM support_message WHERE id = $1 FOR NO KEY UPDATE", claimed.id)
    row = SupportMessage._init_from_db(**found[0])
    return row if row.lease_token == claimed.token and row.waits else None
