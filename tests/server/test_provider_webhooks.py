"""Providers' webhooks at the door: who is let in, and what is kept. [docs/outside.md]"""

from __future__ import annotations

import hmac
from datetime import timedelta

import orjson
import pytest

from models.kernel.clock import now
from models.wiring import TOPICS
from settings.outside import DEVELOPMENT_SECRETS
from tests.server.test_webhooks import letters, messages
from tests.server.test_webhooks import signed as by_the_bank

SECRET = DEVELOPMENT_SECRETS["providers_secret"]
TOLD = {"id": "theirs-1", "type": "payment.succeeded", "invoiceId": "inv", "paymentId": "pay"}


def signed(body, *, secret=SECRET, age=0, name="Providers-Signature"):
    at = int((now() - timedelta(seconds=age)).timestamp())
    return {name: f"t={at},v1={hmac.digest(secret.encode(), f'{at}.'.encode() + body, 'sha256').hex()}"}


@pytest.fixture
def push(make):
    """What the provider is answered: status and outcome."""

    async def post(body, headers=None):
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        answer = await make.http.post(
            "/webhooks/providers", content=raw, headers=signed(raw) if headers is None else headers
        )
        return answer.status_code, answer.json()["outcome"]

    return post


async def test_what_is_signed_is_kept_once_however_often_it_is_told(push):
    assert [await push(TOLD) for _ in range(3)] == [(200, "kept")] * 3
    assert await messages() == [("payment.succeeded", "theirs-1", "job:webhook:providers")]
    assert await push({**TOLD, "id": "theirs-2"}) == (200, "kept")
    assert len(await messages()) == 2


async def test_what_is_not_signed_leaves_no_trace(push, nothing_written):
    body = orjson.dumps(TOLD)
    forged = [
        {},
        signed(orjson.dumps({**TOLD, "paymentId": "other"})),
        signed(body, secret="another secret that is long enough for it"),
        signed(body, age=301),
        signed(body, age=-301),
        signed(body, name="Bank-Signature"),
        by_the_bank(body),
        {"Providers-Signature": "t=,v1="},
    ]
    async with nothing_written():
        for headers in forged:
            assert await push(TOLD, headers) == (401, "forged"), headers


@pytest.mark.parametrize(
    "odd", [{**TOLD, "type": "payment.failed"}, {**TOLD, "invoiceId": ""}, {"id": "theirs-1"}, b"{", [TOLD]]
)
async def test_what_is_signed_and_says_nothing_is_for_a_human(push, odd):
    assert await push(odd) == (200, "buried")
    assert [source for source, _ in await letters()] == ["webhook:providers"]
    assert await messages() == []


async def test_one_id_that_says_two_things_is_for_a_human(push):
    await push(TOLD)
    assert await push({**TOLD, "paymentId": "other"}) == (200, "buried")
    ((source, reason),) = await letters()
    assert (source, reason.partition(":")[0]) == ("webhook:providers", "EVENT_ID_CONFLICT")


async def test_only_the_webhook_brings_it(make, nothing_written):
    assert TOPICS["payment.succeeded"].webhook == "providers"
    ingest = "mutation ($input: IngestEventInput!) { ingestEvent(input: $input) { ... on Refusal { code } } }"
    given = {"topic": "payment.succeeded", "eventId": "1", "payload": {"invoiceId": "inv", "paymentId": "pay"}}
    async with nothing_written():
        assert (await make.ask(ingest, by=make.service, input=given))["code"] == "INVALID_INPUT"
