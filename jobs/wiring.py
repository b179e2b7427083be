"""What each job does. A new noun adds its jobs here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobs import deals, inbox, ledger, payments, payouts, reserves, work
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
}

PUBLIC: Mapping[str, Any] = {"ingest_event": inbox.ingest_event}
"""Functions that other services may enqueue on `saldo:public`; each begins with its inbox row."""
