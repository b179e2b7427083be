"""What other systems are told of payouts: the stream `pm-events-payout`. Pure. [spec/payouts §9]"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.events.exporting import Entry
from models.events.log import EventRecord
from models.payouts.lifecycle import PAYOUTS, PayoutStatus
from models.payouts.reads.records import PayoutRecord, PostingRecord

CHANGES = frozenset(PAYOUTS.moves) | {"open"}


def exported(event: EventRecord) -> Entry | None:
    """What other systems are told of a payout's event: the change and the payout as it was right after, in the words of the
    protocol that they know; an event for each number of its sequence. [spec/payouts §9.1]"""
    if event.name not in CHANGES:
        return None
    said = PayoutRecord.of(event.snapshot)
    shown = _shown(said)
    change = {"created": {"payout": shown}} if said.sequence == 0 else {"status_changed": {"status": shown["status"]}}
    value = {
        "payout_id": said.payout_id,
        "sequence_id": said.sequence,
        "created_at": event.occurred_at,
        "payout_change": change,
        "payout": shown,
    }
    return Entry(said.payout_id, value)


def _shown(said: PayoutRecord) -> dict[str, Any]:
    details = {"details": said.cancel_details} if said.status is PayoutStatus.CANCELLED else {}
    currency = {"symbolic_code": said.amount.currency}
    return {
        "payout_id": said.payout_id,
        "created_at": said.created_at,
        "party_id": said.party_code,
        "shop_id": said.shop_code,
        "status": {said.status.value: details},
        "cash_flow": [_posting(one, currency) for one in said.cash_flow],
        "payout_tool_id": said.tool_code,
        "amount": said.amount.minor,
        "fee": said.fee.minor,
        "currency": currency,
    }


def _posting(one: PostingRecord, currency: Mapping[str, str]) -> dict[str, Any]:
    shown = {
        "source": {"account_type": one.source_type.value, "account_id": one.source_id},
        "destination": {"account_type": one.destination_type.value, "account_id": one.destination_id},
        "volume": {"amount": one.amount.minor, "currency": currency},
    }
    return shown | ({"details": one.details} if one.details else {})
