"""Bank webhooks at the door: who is let in, what is kept, and what the bank is answered. [docs/payments.md]"""

from __future__ import annotations

import hmac
from datetime import timedelta

import orjson
import pytest

from models.inbox import operations as inbox
from models.kernel.clock import now
from models.kernel.refusals import Busy
from models.kernel.sql import fetch, sql
from settings.outside import DEVELOPMENT_BANK_SECRET as SECRET

TOLD = {
    "id": "bank-1", "type": "transfer.received", "reference": "RF7812345", "amount": "100.00", "currency": "EUR",
    "senderName": "Anna", "bookedAt": "2026-01-02T03:04:00+00:00",
}  # fmt: skip


def signed(body: bytes, *, secret: str = SECRET, age: int = 0) -> dict[str, str]:
    at = int((now() - timedelta(seconds=age)).timestamp())
    return {"Bank-Signature": f"t={at},v1={hmac.digest(secret.encode(), f'{at}.'.encode() + body, 'sha256').hex()}"}


@pytest.fixture
def push(make):
    """What the bank is answered: status and outcome."""

    async def post(body, *, headers=None, system="bank"):
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        answer = await make.http.post(
            f"/webhooks/{system}", content=raw, headers=signed(raw) if headers is None else headers
        )
        return answer.status_code, answer.json()["outcome"]

    return post


async def messages() -> list[tuple[str, str, str]]:
    rows = await fetch(sql("SELECT topic, event_id, sender FROM inbox_message ORDER BY id"))
    return [tuple(row) for row in rows]


async def letters() -> list[tuple[str, str]]:
    return [tuple(row) for row in await fetch(sql("SELECT source, reason FROM dead_letter ORDER BY id"))]


async def test_what_is_signed_is_kept_once_however_often_it_is_told(push):
    assert [await push(TOLD) for _ in range(3)] == [(200, "kept")] * 3
    assert await messages() == [("bank.transfer", "bank-1", "job:webhook:bank")]


async def test_what_is_not_signed_leaves_no_trace(push, nothing_written):
    body = orjson.dumps(TOLD)
    other = orjson.dumps({**TOLD, "amount": "1000.00"})
    async with nothing_written():
        for headers in (
            {},
            signed(body, secret="x" * 32),
            signed(other),
            signed(body, age=301),
            signed(body, age=-301),
        ):
            assert await push(body, headers=headers) == (401, "forged")


async def test_what_is_signed_and_cannot_be_read_is_a_letter_and_not_asked_for_again(push):
    for body in (b"{", b"[]", {**TOLD, "type": "transfer.lost"}, {**TOLD, "amount": "-1"}):
        assert await push(body) == (200, "buried")
        assert await push(body) == (200, "buried")
    assert [source for source, _ in await letters()] == ["webhook:bank"] * len(await letters())
    assert len(await letters()) == 4
    assert await messages() == []


async def test_another_content_under_a_known_id_is_a_letter(push):
    await push(TOLD)
    assert await push({**TOLD, "amount": "1000.00"}) == (200, "buried")
    ((source, reason),) = await letters()
    assert (source, reason.partition(":")[0]) == ("webhook:bank", "EVENT_ID_CONFLICT")


async def test_what_cannot_be_kept_now_is_asked_for_again(push, monkeypatch, nothing_written):
    async def busy(*_args, **_kwargs):
        raise Busy

    monkeypatch.setattr(inbox, "ingest", busy)
    async with nothing_written():
        assert await push(TOLD) == (503, "busy")


async def test_nobody_else_is_let_in_nor_too_much(push, nothing_written):
    async with nothing_written():
        assert await push(TOLD, system="pigeons") == (404, "unknown")
        assert await push(b" " * 200_000) == (413, "too_large")


async def test_only_the_webhook_brings_a_bank_transfer(make, nothing_written):
    ingest = (
        """mutation ($input: IngestEventInput!) { ingestEvent(input: $input) { __typename ... on Refusal { code } } }"""
    )
    given = {"topic": "bank.transfer", "eventId": "bank-1", "payload": TOLD}
    async with nothing_written():
        assert (await make.ask(ingest, by=make.service, input=given))["code"] == "INVALID_INPUT"
