"""Every knob of every process: typed, bounded, its unit in its name, read from the environment as SALDO_<NAME>.

`settings()` is called where a value is needed, never kept, so that a test can replace it. Production is the default:
what is unsafe there (default secrets, plain http, introspection) needs SALDO_ENV=development, which `make up` and
`make test` set and nothing else does.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from settings.disputes import Disputes
from settings.outside import Outside
from settings.uploads import Uploads

DEVELOPMENT_SECRET = "development-only-secret-which-production-refuses"


class Settings(Disputes, Outside, Uploads, BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SALDO_", frozen=True, extra="ignore")

    # where it runs
    env: Literal["production", "development"] = "production"
    home: Path = Field(default=Path(".saldo"), description="data and sockets of `saldo up`")
    host: str = Field(default="127.0.0.1", description="address the API, worker health and sandbox listen on")
    port: int = Field(default=8000, ge=1, le=65535, description="the API's; the worker's health is port + 1")
    database_url: str = Field(
        default="", description="postgres://…; unix sockets by ?host=/dir; empty: `saldo up` starts PostgreSQL"
    )
    redis_url: str = Field(default="", description="redis:// or unix://; empty: `saldo up` starts Redis")
    log_format: Literal["auto", "json", "console"] = Field(default="auto", description="auto: json in production")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    sentry_dsn: SecretStr = Field(default=SecretStr(""), description="empty: nothing is sent")
    sentry_traces_rate: float = Field(default=0.0, ge=0, le=1)
    release: str = Field(default="", max_length=100, description="what Sentry calls this build")

    # who may ask
    token_secret: SecretStr = Field(
        default=SecretStr(""), description="HS256 secret, 32 bytes or more; or set jwks_url"
    )
    jwks_url: str = Field(default="", description="https://… with the RS256/ES256 keys of the token issuer")
    jwks_cache_seconds: int = Field(default=300, ge=10, le=86_400)
    token_issuer: str = "saldo"
    token_audience: str = "saldo"
    token_cache_max: int = Field(default=10_000, ge=1, le=1_000_000, description="checked tokens that are remembered")
    token_leeway_seconds: int = Field(default=5, ge=0, le=60)
    allowed_origins: tuple[str, ...] = Field(default=(), description="CORS and sockets; development adds any localhost")

    # database and Redis
    database_pool_min: int = Field(default=2, ge=1, le=100)
    database_pool_max: int = Field(default=20, ge=1, le=100)
    database_lock_timeout_ms: int = Field(default=3_000, ge=10, le=60_000, description="longer waits answer BUSY")
    database_statement_timeout_ms: int = Field(default=15_000, ge=100, le=600_000)
    unit_attempts_max: int = Field(default=3, ge=1, le=10, description="runs of one unit before a clash answers BUSY")
    clock_offset_seconds: int = Field(
        default=0, ge=-315_360_000, le=315_360_000, description="moves time (development)"
    )

    # what a request may cost
    query_tokens_max: int = Field(default=2_000, ge=100, le=20_000)
    query_depth_max: int = Field(default=10, ge=3, le=30)
    query_aliases_max: int = Field(default=30, ge=1, le=500)
    query_directives_max: int = Field(default=20, ge=1, le=200)
    query_root_fields_max: int = Field(default=20, ge=1, le=100)
    query_cost_max: int = Field(default=5_000, ge=100, le=1_000_000)
    query_timeout_seconds: int = Field(default=10, ge=1, le=120)
    query_errors_max: int = Field(default=5, ge=1, le=100)
    variables_depth_max: int = Field(default=24, ge=2, le=50)
    variables_values_max: int = Field(default=50_000, ge=100, le=1_000_000, description="in objects and lists, in all")
    document_cache_max: int = Field(default=1_000, ge=1, le=100_000)
    page_max: int = Field(default=100, ge=1, le=500)
    list_input_max: int = Field(default=100, ge=1, le=1_000)

    # sockets and streams
    sockets_max: int = Field(default=5_000, ge=1, le=100_000, description="sockets and streams of one process")
    sockets_per_viewer_max: int = Field(
        default=50, ge=1, le=100_000, description="of one token subject, in one process"
    )
    socket_operations_max: int = Field(default=50, ge=1, le=1_000, description="running at once on one socket")
    socket_frame_max_bytes: int = Field(default=64 * 1024, ge=1024, le=1024 * 1024)
    socket_init_seconds: int = Field(default=5, ge=1, le=60, description="for connection_init to come")
    socket_ping_seconds: float = Field(default=15, ge=0.05, le=60, description="two that are not answered close it")

    # the feed
    heartbeat_seconds: float = Field(default=15, ge=0.05, le=60, description="of a quiet subscription")
    feed_queue_max: int = Field(default=256, ge=4, le=10_000, description="items that wait for one slow reader")
    feed_backlog_max: int = Field(
        default=2_000, ge=10, le=100_000, description="events that wait to be made an answer of"
    )
    feed_page: int = Field(default=500, ge=1, le=5_000, description="events that a catch-up reads at once")
    feed_stream_max: int = Field(default=10_000, ge=100, le=1_000_000, description="events kept on the Redis stream")
    feed_poll_ms: int = Field(default=50, ge=5, le=1_000, description="how often the log is read while Redis is gone")
    snapshot_wait_ms: int = Field(
        default=2_000, ge=0, le=10_000, description="for the first event of what was just born"
    )
    relay_batch: int = Field(default=1_000, ge=1, le=10_000, description="events that get their position at once")
    relay_poll_ms: int = Field(default=200, ge=10, le=1_000, description="the net under the wake-up")
    relay_alone_poll_ms: int = Field(default=30, ge=5, le=1_000, description="the same, while Redis is gone")

    # money
    deal_currencies: tuple[str, ...] = Field(default=("RUB", "EUR", "USD", "USDT"), min_length=1)

    # deals
    deal_fee_bps: int = Field(default=0, ge=0, le=9_999, description="of the price, in hundredths of a percent")
    promote_batch: int = Field(default=200, ge=1, le=5_000, description="customers looked at by one tick")
    expire_batch: int = Field(default=500, ge=1, le=5_000, description="deals that one tick expires")

    # requests
    request_kept_days: int = Field(default=30, ge=1, le=400)

    # jobs; a period is one that a clock can show: 1, 2, 5, 10, 15, 30 s, 1, 5, 15, 30 min, 1 h
    job_timeout_seconds: int = Field(default=20, ge=1, le=300)
    jobs_off: tuple[str, ...] = Field(
        default=(), description="that this worker begins neither by the clock nor when an event calls; `runJob` does"
    )
    job_poll_ms: int = Field(default=20, ge=5, le=1_000)
    jobs_at_once: int = Field(default=20, ge=1, le=200)
    job_runs_kept_days: int = Field(default=30, ge=1, le=400)
    job_lease_seconds: int = Field(default=300, ge=5, le=3_600)
    job_attempts_max: int = Field(default=5, ge=1, le=100, description="claims of one requested run before it fails")
    run_requests_timeout_seconds: int = Field(default=140, ge=1, le=3_600, description="outlives the job that it runs")
    audit_timeout_seconds: int = Field(default=120, ge=1, le=1_800)
    job_stop_seconds: int = Field(
        default=8, ge=1, le=60, description="what running jobs get to end when a worker stops"
    )
    fold_every_ms: int = Field(default=200, ge=20, le=5_000, description="how often hot accounts are folded")
    fold_batch: int = Field(default=1_000, ge=1, le=10_000)
    fold_net_period_seconds: int = 30
    audit_period_seconds: int = 3_600
    prune_period_seconds: int = 3_600
    promote_period_seconds: int = 60
    expire_deals_period_seconds: int = 3_600
    reconcile_period_seconds: int = 3_600
    run_requests_period_seconds: int = 5

    # payments
    payment_expires_seconds: int = Field(default=3_600, ge=60, le=2_592_000)
    bank_payment_expires_seconds: int = Field(default=14 * 86_400, ge=3_600, le=7_776_000)
    payments_open_max: int = Field(default=50, ge=1, le=10_000, description="of one person, that wait at once")
    payment_watched_days: int = Field(default=7, ge=0, le=365, description="how long an expired address is still asked")
    payment_tolerance_bps: int = Field(default=0, ge=0, le=1_000, description="of what was asked, that may be missing")
    payment_batch: int = Field(default=200, ge=1, le=5_000, description="payments that one claim takes")
    payment_net_batch: int = Field(default=60, ge=0, le=5_000, description="addresses asked by one tick unprompted")
    payments_at_once: int = Field(default=16, ge=1, le=200)
    payment_lease_seconds: int = Field(default=180, ge=5, le=3_600)
    payment_timeout_seconds: int = Field(default=55, ge=1, le=600, description="of a tick; less than its period")
    payment_failures_max: int = Field(default=5, ge=1, le=100, description="in a row, before a human is called")
    payment_back_off_max_seconds: int = Field(default=900, ge=60, le=86_400)
    check_payments_period_seconds: int = 60
    expire_payments_period_seconds: int = 300
    prove_reserves_period_seconds: int = 3_600
    reserves_addresses_max: int = Field(
        default=1_000,
        ge=1,
        le=100_000,
        description="deposit addresses that one proof asks: those with the most on them",
    )

    # payouts
    payout_strict: bool = Field(
        default=True, description="whether blocks, suspensions, contracts, limits and methods are checked"
    )
    payout_revert_confirmed: bool = Field(
        default=True, description="whether a confirmed payout that has not left can be taken back"
    )
    payout_states_max: int = Field(
        default=20_000, ge=1, le=1_000_000, description="shops whose terms one process remembers"
    )
    payout_timeout_seconds: int = Field(default=55, ge=1, le=600, description="of a tick of its jobs")
    payout_lease_seconds: int = Field(default=120, ge=5, le=3_600)
    delivery_batch: int = Field(default=100, ge=1, le=1_000)
    delivery_at_once: int = Field(default=16, ge=1, le=200)
    delivery_failures_max: int = Field(default=5, ge=1, le=100, description="in a row, before a human is called")
    delivery_back_off_seconds: int = Field(default=15, ge=1, le=3_600, description="doubled with each failure")
    delivery_back_off_max_seconds: int = Field(default=900, ge=1, le=86_400)
    payout_schedules_at_once: int = Field(default=8, ge=1, le=100)
    payout_schedule_failures_max: int = Field(default=3, ge=1, le=100, description="in a row, before a human is called")
    payout_schedule_attempts_max: int = Field(
        default=10, ge=1, le=1_000, description="to run one moment, before a human is called"
    )
    payout_schedule_retry_seconds: int = Field(
        default=60, ge=1, le=3_600, description="after what could not be done now"
    )
    run_payout_schedules_period_seconds: int = 60
    deliver_payouts_period_seconds: int = 15
    resolve_deliveries_period_seconds: int = 15
    export_stream_max: int = Field(
        default=1_000_000, ge=100, le=100_000_000, description="entries kept on a stream for other systems"
    )

    # what other systems tell us
    inbox_period_seconds: int = 5
    inbox_batch: int = Field(default=50, ge=1, le=500)
    inbox_at_once: int = Field(default=10, ge=1, le=100)
    inbox_timeout_seconds: int = Field(default=20, ge=1, le=120)
    inbox_lease_seconds: int = Field(default=60, ge=3, le=3_600)
    inbox_attempts_max: int = Field(default=8, ge=1, le=100, description="failures before a message is dead")
    inbox_wait_seconds: int = Field(
        default=86_400, ge=60, le=2_592_000, description="how long a message may wait for another before it is dead"
    )
    inbox_payload_max_bytes: int = Field(default=64 * 1024, ge=1024, le=256 * 1024)
    inbox_kept_days: int = Field(default=30, ge=1, le=400, description="how long an event id is known as a duplicate")

    @model_validator(mode="after")
    def _limits_that_hang_together(self) -> Self:
        if self.database_pool_min > self.database_pool_max:
            raise ValueError("database_pool_min must not exceed database_pool_max")
        longest = max(
            self.job_timeout_seconds,
            self.audit_timeout_seconds,
            self.inbox_timeout_seconds,
            self.payment_timeout_seconds,
            self.payout_timeout_seconds,
            self.dispute_timeout_seconds,
        )
        if self.run_requests_timeout_seconds < longest + 10:
            raise ValueError(f"run_requests_timeout_seconds must be 10 above the longest timeout of a job, {longest}")
        for lease, timeout in (
            ("job_lease_seconds", "run_requests_timeout_seconds"),
            ("inbox_lease_seconds", "inbox_timeout_seconds"),
            ("payment_lease_seconds", "payment_timeout_seconds"),
            ("payout_lease_seconds", "payout_timeout_seconds"),
            ("dispute_lease_seconds", "dispute_timeout_seconds"),
        ):
            if getattr(self, lease) <= 2 * getattr(self, timeout):
                raise ValueError(f"{lease} must be more than twice {timeout}")
        for timeout in ("payment_timeout_seconds", "payout_timeout_seconds", "dispute_timeout_seconds"):
            if getattr(self, timeout) <= self.outside_timeout_seconds:
                raise ValueError(f"{timeout} must be more than outside_timeout_seconds")
        if self.database_lock_timeout_ms >= self.database_statement_timeout_ms:
            raise ValueError("database_lock_timeout_ms must be below database_statement_timeout_ms")
        allowed = {1, 2, 5, 10, 15, 30, 60, 300, 900, 1800, 3600}
        for name in type(self).model_fields:
            if name.endswith("_period_seconds") and getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {sorted(allowed)}")
        return self

    @model_validator(mode="after")
    def _a_call_ends_before_its_dispute_must(self) -> Self:
        for timeout in ("outside_timeout_seconds", "provider_timeout_seconds", "receiver_timeout_seconds"):
            if getattr(self, timeout) >= self.dispute_deadline_seconds:
                raise ValueError(f"{timeout} must be below dispute_deadline_seconds")
        return self

    @model_validator(mode="after")
    def _disputes_have_their_files(self) -> Self:
        if self.dispute_attachments_max < self.attachments_max:
            raise ValueError("dispute_attachments_max must not be below attachments_max")
        kept = self.storage_url or self.attachment_secret.get_secret_value()
        if self.billing_url and not kept and not self.development:
            raise ValueError(
                "SALDO_BILLING_URL needs SALDO_STORAGE_URL, or SALDO_ATTACHMENT_SECRET for a folder of both processes"
            )
        return self

    @model_validator(mode="after")
    def _production_brings_its_own(self) -> Self:
        if self.development:
            return self
        missing = [f"SALDO_{name.upper()}" for name in ("database_url", "redis_url") if not getattr(self, name)]
        if not self.token_secret.get_secret_value() and not self.jwks_url:
            missing.append("SALDO_TOKEN_SECRET or SALDO_JWKS_URL")
        if missing:
            raise ValueError(f"production needs {', '.join(missing)}")
        if self.token_secret.get_secret_value() == DEVELOPMENT_SECRET:
            raise ValueError("SALDO_TOKEN_SECRET is the published development secret")
        if self.jwks_url and not self.jwks_url.startswith("https://"):
            raise ValueError("SALDO_JWKS_URL must be https")
        if self.clock_offset_seconds:
            raise ValueError("SALDO_CLOCK_OFFSET_SECONDS moves time only in development")
        return self

    @model_validator(mode="after")
    def _a_secret_is_long_enough(self) -> Self:
        secret = self.token_secret.get_secret_value()
        if secret and len(secret.encode()) < 32:
            raise ValueError("SALDO_TOKEN_SECRET must have 32 bytes or more")
        return self

    @property
    def development(self) -> bool:
        return self.env == "development"

    @property
    def signing_secret(self) -> str:
        """The HS256 secret; empty where only a JWKS is trusted."""
        given = self.token_secret.get_secret_value()
        return given or (DEVELOPMENT_SECRET if self.development and not self.jwks_url else "")


@cache
def settings() -> Settings:
    return Settings()
