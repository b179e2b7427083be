"""Health, readiness and figures of a process; and what a log line never holds."""

from __future__ import annotations

import json
import logging

import pytest
import structlog

from models.kernel.viewer import Viewer
from server.logs import configure_logs
from tests.ledger.books import floored, hold, house, post

pytestmark = pytest.mark.usefixtures("database", "redis")


async def test_a_process_that_lives_says_so(http):
    assert ((await http.get("/healthz")).status_code, (await http.get("/healthz")).json()) == (200, {"status": "ok"})


async def test_a_process_is_ready_when_all_it_needs_answers(http, knobs):
    answer = await http.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "database": "ok", "redis": "ok"})
    knobs(redis_url="unix:///nowhere/redis.sock")
    answer = await http.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "database": "ok", "redis": "out of reach"})


async def test_figures_are_up_to_this_moment(http, make):
    await make.person("5 EUR")
    await hold("p", 1, (house(), floored(1), 5))
    await post((house(), floored(1), 5))
    await make.send("{ viewer { subject } }", by=make.operator)
    lines = (await http.get("/metrics")).text.splitlines()
    figures = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert figures["saldo_ledger_open_plans"] == "1.0"
    assert figures["saldo_ledger_fold_waiting"] == "3.0"
    assert float(figures['saldo_database_pool_connections{state="idle"}']) >= 1
    assert float(figures['saldo_request_seconds_count{operation="viewer",outcome="OK",type="query"}']) >= 1
    assert float(figures['saldo_units_total{operation="adjust",outcome="done"}']) >= 1


async def test_a_request_is_counted_by_root_field_and_outcome(http, make):
    for query, by in (("{ jobs { name } }", make.user(1)), ("{ nonsense }", make.operator)):
        await make.send(query, by=by)
    text = (await http.get("/metrics")).text
    assert 'operation="jobs",outcome="FORBIDDEN",type="query"' in text
    assert 'operation="none",outcome="BAD_USER_INPUT",type="unknown"' in text


def test_a_log_line_holds_no_secret_and_its_request(capsys, knobs):
    knobs(log_format="json")
    configure_logs("test")
    structlog.contextvars.bind_contextvars(request_id="r-12345678")
    try:
        structlog.get_logger("test").info(
            "asked", authorization="Bearer x", card_number="4111", viewer=Viewer("a", frozenset()).subject
        )
        logging.getLogger("library").warning("plain")
    finally:
        structlog.contextvars.clear_contextvars()
        knobs(log_format="auto")
        configure_logs("test")
    ours, theirs = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (ours["event"], ours["request_id"], ours["viewer"]) == ("asked", "r-12345678", "a")
    assert (ours["authorization"], ours["card_number"]) == ("…", "…")
    assert (theirs["event"], theirs["level"], theirs["request_id"]) == ("plain", "warning", "r-12345678")
