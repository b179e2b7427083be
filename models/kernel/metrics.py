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
INBOX_MESSAGES = Gauge("saldo_inbox_messages", "Messages of the inbox that have not come to their end.", ["status"])
INBOX_OLDEST_SECONDS = Gauge("saldo_inbox_oldest_seconds", "For how long the oldest message has been due or waiting.")
