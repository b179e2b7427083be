"""A deposit to a wallet: what the wallet system is asked, and what each of its answers means."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from hypothesis import given

from gateways.orders import Order, Receipt
from gateways.wallets import HttpWallets, connection
from models.kernel.money import Money
from tests.gateways import payers
from tests.gateways.payers import AMOUNT, KEY, REFERENCE, TOKEN, answer, outcome, unsure
from tests.gateways.served import ok

WORDS = HttpWallets.words
ORDER = Order(KEY, AMOUNT, "wallet", {"wallet_id": "wallet-of-anna"}, "Payout a.b:c-1")
BABBLING = payers.Unreliable(HttpWallets)


@pytest.fixture
async def wallets(server, knobs) -> AsyncIterator[HttpWallets]:
    knobs(wallets_url=server.url, wallets_token=TOKEN, outside_timeout_seconds=1)
    async with connection() as outside:
        yield HttpWallets(outside)


async def test_a_deposit_is_asked_for_under_its_key(wallets, server):
    server.answer = lambda _: ok(answer(WORDS, "succeeded"), 201)
    assert await wallets.send(ORDER) == Receipt(REFERENCE, AMOUNT)
    [call] = server.calls
    assert (call.method, call.target, call.json) == (
        "POST",
        "/base/deposits",
        {
            "depositId": KEY,
            "walletId": "wallet-of-anna",
            "amount": "12.34",
            "currency": "EUR",
            "description": "Payout a.b:c-1",
        },
    )
    assert call.headers["idempotency-key"] == KEY
    assert call.headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(5, "RUB"), "0.05"),
        (Money(1050, "JPY"), "1050"),
        (Money(1_500_000, "USDT"), "1.500000"),
        (Money(10**15, "RUB"), "10000000000000.00"),
    ],
)
async def test_an_amount_has_the_decimals_of_its_currency(wallets, server, money, text):
    server.answer = lambda _: ok(answer(WORDS, "succeeded", amount=text, currency=money.currency))
    assert await wallets.send(replace(ORDER, amount=money)) == Receipt(REFERENCE, money)
    assert (server.calls[0].json["amount"], server.calls[0].json["currency"]) == (text, money.currency)


async def test_a_deposit_is_found_by_its_key(wallets, server):
    server.answer = lambda _: ok(answer(WORDS, "succeeded"))
    assert await wallets.find(KEY) == Receipt(REFERENCE, AMOUNT)
    [call] = server.calls
    assert (call.method, call.target, call.body) == ("GET", "/base/deposits/payout_a.b%3Ac-1", b"")
    assert call.headers["authorization"] == f"Bearer {TOKEN}"


async def test_a_key_never_leads_to_another_path(wallets, server):
    key = "payout_/../x?y#z %"
    server.answer = lambda _: ok(answer(WORDS, "succeeded", id=key))
    assert await outcome(wallets.find(key)) == REFERENCE
    assert server.calls[0].target == "/base/deposits/payout_%2F..%2Fx%3Fy%23z%20%25"


@pytest.mark.parametrize(("said", "meant"), payers.of_send(WORDS))
async def test_what_an_answer_to_a_deposit_means(wallets, server, said, meant):
    server.answer = lambda _: said
    assert await outcome(wallets.send(ORDER)) == meant
    assert len(server.calls) == 1  # never again by itself


@pytest.mark.parametrize(("said", "meant"), payers.of_find(WORDS))
async def test_what_an_answer_to_a_question_means(wallets, server, said, meant):
    server.answer = lambda _: said
    assert await outcome(wallets.find(KEY)) == meant
    assert len(server.calls) == (2 if said is None else 1)


async def test_no_answer_in_time_leaves_it_open(wallets, server, knobs):
    knobs(outside_timeout_seconds=0.2)
    server.answer = lambda _: 5
    assert await outcome(wallets.send(ORDER)) == unsure("timeout")
    assert await outcome(wallets.find(KEY)) == unsure("timeout")
    knobs(wallets_url="http://127.0.0.1:1")
    async with connection() as outside:
        assert await outcome(HttpWallets(outside).send(ORDER)) == unsure("connection: ClientConnectorError")


async def test_what_makes_no_sense_to_it_is_not_sent(wallets, server):
    bank = await outcome(wallets.send(replace(ORDER, kind="russian_bank_account")))
    assert bank == unsure("it sends nothing to a tool of the kind russian_bank_account")
    assert await outcome(wallets.send(replace(ORDER, destination={}))) == unsure("the order is not whole: KeyError")
    odd = await outcome(wallets.send(replace(ORDER, amount=Money(1, "XXX"))))
    assert odd == unsure("the order is not whole: CurrencyNotSupported")
    assert server.calls == []


async def test_nothing_is_told_of_tokens_wallets_and_notes(wallets, server):
    assert "wallet-of-anna" not in repr(ORDER)
    await payers.keeps_silent(wallets, ORDER, server)


@given(payers.garbage)
async def test_whatever_it_answers_the_call_ends_well(said):
    await BABBLING.survive(ORDER, said)
