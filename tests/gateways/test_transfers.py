"""A payment order to a bank account: what the bank is asked, and what each of its answers means."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from hypothesis import given

from gateways.orders import Order, Receipt
from gateways.transfers import HttpTransfers, connection
from tests.gateways import payers
from tests.gateways.payers import AMOUNT, KEY, REFERENCE, TOKEN, answer, outcome, unsure
from tests.gateways.served import ok

WORDS = HttpTransfers.words
RUSSIAN = {
    "account": "40702810900000012345",
    "bank_name": "Bank of the House",
    "bank_post_account": "30101810400000000225",
    "bank_bik": "044525225",
}
ORDER = Order(KEY, AMOUNT, "russian_bank_account", RUSSIAN, "Payout a.b:c-1")
ABROAD = {"iban": "DE89370400440532013000", "bank_name": "Bank Abroad", "bic": "COBADEFFXXX", "number": ""}
BABBLING = payers.Unreliable(HttpTransfers)


@pytest.fixture
async def transfers(server, knobs) -> AsyncIterator[HttpTransfers]:
    knobs(transfers_url=server.url, transfers_token=TOKEN, outside_timeout_seconds=1)
    async with connection() as outside:
        yield HttpTransfers(outside)


async def test_an_order_is_given_under_its_key(transfers, server):
    server.answer = lambda _: ok(answer(WORDS, "executed"), 201)
    assert await transfers.send(ORDER) == Receipt(REFERENCE, AMOUNT)
    [call] = server.calls
    assert (call.method, call.target, call.json) == (
        "POST",
        "/base/orders",
        {
            "orderId": KEY,
            "amount": "12.34",
            "currency": "EUR",
            "beneficiary": {
                "type": "russian_bank_account",
                "account": "40702810900000012345",
                "bankName": "Bank of the House",
                "bankPostAccount": "30101810400000000225",
                "bankBik": "044525225",
            },
            "purpose": "Payout a.b:c-1",
        },
    )
    assert call.headers["idempotency-key"] == KEY
    assert call.headers["authorization"] == f"Bearer {TOKEN}"


async def test_an_account_elsewhere_is_told_with_what_is_known_of_it(transfers, server):
    server.answer = lambda _: ok(answer(WORDS, "executed"))
    await transfers.send(replace(ORDER, kind="international_bank_account", destination=ABROAD | {"type": "another"}))
    assert server.calls[0].json["beneficiary"] == {
        "type": "international_bank_account",
        "iban": "DE89370400440532013000",
        "bankName": "Bank Abroad",
        "bic": "COBADEFFXXX",
    }


async def test_an_order_is_found_by_its_key(transfers, server):
    server.answer = lambda _: ok(answer(WORDS, "executed"))
    assert await transfers.find(KEY) == Receipt(REFERENCE, AMOUNT)
    [call] = server.calls
    assert (call.method, call.target) == ("GET", "/base/orders/payout_a.b%3Ac-1")


@pytest.mark.parametrize(("said", "meant"), payers.of_send(WORDS))
async def test_what_an_answer_to_an_order_means(transfers, server, said, meant):
    server.answer = lambda _: said
    assert await outcome(transfers.send(ORDER)) == meant
    assert len(server.calls) == 1


@pytest.mark.parametrize(("said", "meant"), payers.of_find(WORDS))
async def test_what_an_answer_to_a_question_means(transfers, server, said, meant):
    server.answer = lambda _: said
    assert await outcome(transfers.find(KEY)) == meant


async def test_what_makes_no_sense_to_it_is_not_sent(transfers, server):
    for kind in ("wallet", "payment_institution"):
        odd = await outcome(transfers.send(replace(ORDER, kind=kind)))
        assert odd == unsure(f"it sends nothing to a tool of the kind {kind}")
    assert server.calls == []


@pytest.mark.parametrize(
    "order", [ORDER, replace(ORDER, kind="international_bank_account", destination={**ABROAD, "number": "777-888"})]
)
async def test_nothing_is_told_of_tokens_accounts_and_notes(transfers, server, order):
    assert not [value for value in order.destination.values() if value in repr(order)]
    await payers.keeps_silent(transfers, order, server)


@given(payers.garbage)
async def test_whatever_it_answers_the_call_ends_well(said):
    await BABBLING.survive(ORDER, said)
