"""What is told about a process while it runs: failures to Sentry, figures to Prometheus, health to whoever asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import sentry_sdk
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis.asyncio import Redis
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tortoise import connections

from models.disputes import reads as disputes
from models.events import positions
from models.inbox import reads as inbox
from models.kernel.clock import now
from models.kernel.metrics import (
    CHAIN_UNREAD_SECONDS,
    DELIVERIES_DUE_SECONDS,
    DELIVERIES_OPEN,
    DISPUTES_ATTENTION,
    DISPUTES_DUE_SECONDS,
    DISPUTES_OPEN,
    FOLD_LAG_SECONDS,
    FOLD_WAITING,
    INBOX_MESSAGES,
    INBOX_OLDEST_SECONDS,
    OLDEST_PLAN_SECONDS,
    OPEN_PLANS,
    PAYMENTS_ATTENTION,
    PAYMENTS_DUE,
    PAYMENTS_DUE_SECONDS,
    PAYOUTS_ATTENTION,
    POOL,
    RELAY_LAG_SECONDS,
    SCHEDULES_LATE_SECONDS,
    UNPLACED,
)
from models.kernel.sql import fetch_one, sql
from models.ledger.folding import backlog
from models.payments import reads as payments
from models.payouts import reads as payouts
from settings import settings

log = structlog.get_logger("telemetry")
Probe = Callable[[], Awaitable[None]]


SENTRY: dict[str, Any] = {
    "data_collection": {
        "user_info": False,
        "http_bodies": [],
        "cookies": {"mode": "off"},
        "url_query_params": {"mode": "off"},
        "http_headers": {"request": {"mode": "off"}, "response": {"mode": "off"}},
        "graphql": {"document": False, "variables": False},
        "database_query_data": False,
        "queues": False,
        "stack_frame_variables": False,
    }
}
"""What keeps keys, tokens and personal data at home."""


def configure_sentry(process: str) -> None:
    """Failures go to Sentry where a DSN is set; never bodies, variables or personal data."""
    dsn = settings().sentry_dsn.get_secret_value()
    if not dsn:
        return
    sentry_sdk.init(
        dsn,
        environment=settings().env,
        release=settings().release or None,
        traces_sample_rate=settings().sentry_traces_rate,
        **SENTRY,
    )
    sentry_sdk.set_tag("process", process)


async def database_answers() -> None:
    await fetch_one(sql("SELECT 1"))


async def redis_answers() -> None:
    client = Redis.from_url(settings().redis_url, socket_timeout=2, socket_connect_timeout=2)
    try:
        await client.ping()
    finally:
        await client.aclose()


async def _observe() -> None:
    """Bring the figures that are read, not counted, up to this moment."""
    pool: Any = getattr(connections.get("default"), "_pool", None)
    if pool is not None:
        idle = pool.get_idle_size()
        POOL.labels("idle").set(idle)
        POOL.labels("used").set(pool.get_size() - idle)
        POOL.labels("max").set(pool.get_max_size())
    waiting, age_ms = await backlog()
    FOLD_WAITING.set(waiting)
    FOLD_LAG_SECONDS.set(age_ms / 1000)
    unplaced, age = await positions.waiting()
    UNPLACED.set(unplaced)
    RELAY_LAG_SECONDS.set(age)
    plans = await fetch_one(
        sql(
            """SELECT count(*) AS n, coalesce(extract(epoch FROM saldo_now() - min(created_at)), 0)::bigint AS age
                 FROM ledger_plan WHERE state = 'HOLD'"""
        )
    )
    if plans:
        OPEN_PLANS.set(plans["n"])
        OLDEST_PLAN_SECONDS.set(plans["age"])
    left = await inbox.backlog()
    for status, count in (("received", left.received), ("waiting", left.waiting), ("dead", left.dead)):
        INBOX_MESSAGES.labels(status).set(count)
    INBOX_OLDEST_SECONDS.set(left.oldest_seconds)
    paying = await payments.backlog()
    PAYMENTS_DUE.set(paying.due)
    PAYMENTS_DUE_SECONDS.set(paying.due_seconds)
    PAYMENTS_ATTENTION.set(paying.attention)
    CHAIN_UNREAD_SECONDS.set(paying.unread_seconds)
    leaving = await payouts.backlog(now())
    DELIVERIES_OPEN.labels("queued").set(leaving.queued)
    DELIVERIES_OPEN.labels("unknown").set(leaving.unknown)
    DELIVERIES_DUE_SECONDS.set(leaving.due_seconds)
    PAYOUTS_ATTENTION.set(leaving.attention)
    SCHEDULES_LATE_SECONDS.set(leaving.schedules_late_seconds)
    disputed = await disputes.backlog()
    for what in ("created", "pending", "humans", "adjusting"):
        DISPUTES_OPEN.labels(what).set(getattr(disputed, what))
    DISPUTES_ATTENTION.set(disputed.attention)
    DISPUTES_DUE_SECONDS.labels("disputes").set(disputed.due_seconds)
    DISPUTES_DUE_SECONDS.labels("adjustments").set(disputed.adjustments_due_seconds)
    DISPUTES_DUE_SECONDS.labels("notifications").set(disputed.notifications_due_seconds)
    DISPUTES_DUE_SECONDS.labels("callbacks").set(disputed.callbacks_due_seconds)
    DISPUTES_DUE_SECONDS.labels("support").set(disputed.support_due_seconds)


def health_routes(probes: Mapping[str, Probe]) -> list[Route]:
    """/healthz: the process lives. /readyz: everything it needs answers. /metrics: its figures."""

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_request: Request) -> Response:
        answers: dict[str, str] = {}
        for name, probe in probes.items():
            try:
                await probe()
                answers[name] = "ok"
            except Exception as error:  # noqa: BLE001  whatever it is, it is not ready
                log.warning("not_ready", part=name, error=repr(error))
                answers[name] = "out of reach"
        ready = set(answers.values()) <= {"ok"}
        return JSONResponse({"ready": ready, **answers}, status_code=200 if ready else 503)

    async def metrics(_request: Request) -> Response:
        try:
            await _observe()
        except Exception as error:  # noqa: BLE001  the counted figures are served in any case
            log.warning("figures_not_read", error=repr(error))
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
