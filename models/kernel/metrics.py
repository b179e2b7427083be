"""What the business counts. Served by every process at /metrics."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

UNITS = Counter(
    "saldo_units_total",
    "Units of work by operation and outcome: done, clash or a refusal's code.",
    ["operation", "outcome"],
)
REQUESTS = Histogram(
    "saldo_request_seconds",
    "GraphQL operations by type, name and outcome.",
    ["type", "operation", "outcome"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
POOL = Gauge("saldo_database_pool_connections", "Connections of this process to PostgreSQL.", ["state"])
OPEN_PLANS = Gauge("saldo_ledger_open_plans", "Plans that hold money.")
OLDEST_PLAN_SECONDS = Gauge("saldo_ledger_oldest_open_plan_seconds", "Age of the oldest plan that holds money.")
FOLD_WAITING = Gauge("saldo_ledger_fold_waiting", "Changes of hot accounts that are not folded yet.")
FOLD_LAG_SECONDS = Gauge(
    "saldo_ledger_fold_lag_seconds", "Age of the oldest change of a hot account that is not folded yet."
)
FOLDED = Counter("saldo_ledger_folded_total", "Changes of hot accounts folded by this process.")
JOB_RUNS = Histogram(
    "saldo_job_run_seconds",
    "Runs of jobs by outcome: done or failed.",
    ["job", "outcome"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60),
)
JOB_ROWS = Counter("saldo_job_rows_total", "Rows that jobs worked on, by outcome.", ["job", "outcome"])
AUDIT_DIFFERENCES = Gauge("saldo_audit_differences", "What the last audit of the books found: must be 0.")
UNPLACED = Gauge("saldo_relay_waiting", "Events that have no position yet, up to 10,000.")
RELAY_LAG_SECONDS = Gauge("saldo_relay_lag_seconds", "Age of the oldest event that has no position yet.")
_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)
RELAY_DELAY = Histogram("saldo_relay_delay_seconds", "From an event to its position.", buckets=_QUICK)
RELAY_LEADS = Gauge("saldo_relay_leads", "1 where this process publishes the log; of all workers exactly one should.")
EXPORT_LAG = Gauge("saldo_export_lag_events", "Events that an export of the log has before it.", ["export"])
REACTIONS_SENT = Counter("saldo_reactions_total", "Jobs woken by events.", ["job"])
FEED_DELAY = Histogram("saldo_feed_delay_seconds", "From an event to the queues of its subscribers.", buckets=_QUICK)
FEED_POSITION = Gauge("saldo_feed_position", "The last position that this process has handed to its subscribers.")
FEED_FALLBACKS = Counter(
    "saldo_feed_fallbacks_total", "Reads of the log itself because the stream had a gap or was gone."
)
SUBSCRIBERS = Gauge("saldo_feed_subscribers", "Subscriptions that are being served.")
COHORTS = Gauge("saldo_feed_cohorts", "Groups of subscriptions that are answered together.")
DELIVERIES = Counter(
    "saldo_feed_deliveries_total", "Items handed to subscribers: events, heartbeats and lagged.", ["kind"]
)
FEED_QUEUED = Gauge("saldo_feed_queued", "Items that wait to be sent, over all subscribers.")
SOCKETS = Gauge("saldo_sockets", "Open sockets.")
SOCKETS_CLOSED = Counter("saldo_sockets_closed_total", "Sockets closed by us, by code.", ["code"])
LARGE_BODIES = Gauge("saldo_large_bodies", "Requests with a large body that this process holds.")
PAYMENTS_DUE = Gauge("saldo_payments_due", "Payments with something to do that nobody has done yet.")
PAYMENTS_DUE_SECONDS = Gauge("saldo_payments_due_seconds", "For how long the longest due of them has been so.")
PAYMENTS_ATTENTION = Gauge("saldo_payments_attention", "Payments that a human has to look at.")
CHAIN_UNREAD_SECONDS = Gauge("saldo_chain_unread_seconds", "Since when no block was read.")
CHAIN_HEAD_SECONDS = Gauge("saldo_chain_head_seconds", "Age of the last solid block that the node knows.")
CHAIN_BEHIND = Gauge("saldo_chain_behind_blocks", "Solid blocks that the node has and we have not read.")
DELIVERIES_OPEN = Gauge("saldo_payout_deliveries", "Deliveries of payouts that have not come to their end.", ["status"])
DELIVERIES_DUE_SECONDS = Gauge(
    "saldo_payout_deliveries_due_seconds", "For how long the longest due of them has been so."
)
PAYOUTS_ATTENTION = Gauge("saldo_payouts_attention", "Payouts and schedules that a human has to look at.")
SCHEDULES_LATE_SECONDS = Gauge(
    "saldo_payout_schedules_late_seconds", "For how long the longest due payout schedule has been so."
)
DISPUTES_OPEN = Gauge("saldo_disputes", "Disputes that have not ended, by what they wait for.", ["waits_for"])
DISPUTES_ATTENTION = Gauge("saldo_disputes_attention", "Disputes that wait for a human for too long.")
DISPUTES_DUE_SECONDS = Gauge(
    "saldo_disputes_due_seconds",
    "For how long the longest due of disputes, adjustments or notifications has been so.",
    ["what"],
)
WEBHOOKS_RECEIVED = Counter(
    "saldo_webhooks_total", "Messages pushed to us, by system and outcome.", ["system", "outcome"]
)
INBOX_MESSAGES = Gauge("saldo_inbox_messages", "Messages of the inbox that have not come to their end.", ["status"])
INBOX_OLDEST_SECONDS = Gauge("saldo_inbox_oldest_seconds", "For how long the oldest message has been due or waiting.")
OUTSIDE = Histogram(
    "saldo_outside_seconds",
    "Calls of other systems by outcome: accepted, refused, or unsure where no answer could be understood.",
    ["system", "operation", "outcome"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
)
