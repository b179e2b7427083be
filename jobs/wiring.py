"""What each job does. A new noun adds its jobs here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobs import adjusting, deals, disputes, inbox, ledger, notifying, orphans, payments, payouts, reserves, work
from jobs.running import Body

BODIES: Mapping[str, Body] = {
    "fold_hot_accounts": ledger.fold_hot_accounts,
    "audit_books": ledger.audit_books,
    "run_requested_jobs": work.run_requested_jobs,
    "prune": work.prune,
    "drain_inbox": inbox.drain_inbox,
    "promote_waiting_deals": deals.promote_waiting_deals,
    "expire_deals": deals.expire_deals,
    "reconcile_deals": deals.reconcile_deals,
    "check_payments": payments.check_payments,
    "expire_payments": payments.expire_payments,
    "prove_reserves": reserves.prove_reserves,
    "run_payout_schedules": payouts.run_payout_schedules,
    "deliver_payouts": payouts.deliver_payouts,
    "resolve_unknown_deliveries": payouts.resolve_unknown_deliveries,
    "process_created_disputes": disputes.process_created_disputes,
    "process_pending_disputes": disputes.process_pending_disputes,
    "process_forgotten_disputes": disputes.process_forgotten_disputes,
    "process_adjustments": adjusting.process_adjustments,
    "check_payment_callbacks": adjusting.check_payment_callbacks,
    "deliver_dispute_notifications": notifying.deliver_dispute_notifications,
    "tell_support": notifying.tell_support,
    "remove_orphaned_attachments": orphans.remove_orphaned_attachments,
}

PUBLIC: Mapping[str, Any] = {"ingest_event": inbox.ingest_event}
"""Functions that other services may enqueue on `saldo:public`; each begins with its inbox row."""
