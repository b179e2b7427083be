"""The bank of the sandbox that executes payment orders: its magic values, and our client beside it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateways.orders import Order
from gateways.receipts import Refused, Unsure
from gateways.transfers import HttpTransfers, connection
from models.kernel.money import Money
from tests.sandbox.paying import ORDER, counts, effects, found, listed, sent

RUSSIAN = {
    "account": "40702810900000012345",
    "bank_name": "Bank of the House",
    "bank_post_account": "30101810400000000225",
    "bank_bik": "044525225",
}
PAYOUT = Order("payout_a.b:c-1", Money(1234, "RUB"), "russian_bank_account", RUSSIAN, "Payout a.b:c-1")
ABROAD = {"iban": "DE89370400440532013000", "bank_name": "Bank Abroad", "bic": "COBADEFFXXX"}
TYPED = {"type": "russian_bank_account", "bankName": "B", "bankPostAccount": "3", "bankBik": "0"}


@pytest.fixture
async def transfers(box, knobs):
    knobs(transfers_url=f"{box.url}/transfers", outside_timeout_seconds=1)
    async with connection() as outside:
        yield HttpTransfers(outside)


def ending(digits: str) -> Order:
    return replace(PAYOUT, destination={**RUSSIAN, "account": f"4070281090000001{digits}"})


# --- magic values


@pytest.mark.parametrize("by", [
    {**TYPED, "account": "4070281090000001"},
    {"type": "international_bank_account", "bankName": "B", "iban": "DE89370400"},
    {"type": "international_bank_account", "bankName": "B", "number": "77"},
])  # fmt: skip
async def test_accounts_by_their_ends(box, by):
    name = next(name for name in ("account", "iban", "number") if name in by)

    def beneficiary(end):
        return {"beneficiary": by | {name: by[name] + end}}

    assert (await sent(box, ORDER, "1", 422, **beneficiary("0000")))["error"]["code"] == "account_closed"
    assert (await sent(box, ORDER, "1", **beneficiary("0001")))["status"] == "accepted"
    assert [(await found(box, ORDER, "1"))["status"] for _ in range(2)] == ["accepted"] * 2
    assert (await sent(box, ORDER, "2", **beneficiary("0002")))["status"] == "accepted"
    assert (await found(box, ORDER, "2"))["rejection"] == {"code": "beneficiary_unknown"}
    assert (await sent(box, ORDER, "3", **beneficiary("0003")))["rejection"] == {"code": "beneficiary_unknown"}
    assert (await sent(box, ORDER, "4", **beneficiary("1234")))["status"] == "executed"
    assert await counts(box, ORDER) == {"1": (1, 0), "2": (1, 0), "3": (1, 0), "4": (1, 1)}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"currency": "USDT"}, "currency_not_supported"),
        ({"beneficiary": {}}, "beneficiary_incomplete"),
        ({"beneficiary": {"type": "wallet", "account": "1"}}, "beneficiary_incomplete"),
        ({"beneficiary": TYPED}, "beneficiary_incomplete"),
        ({"beneficiary": {**TYPED, "account": "1", "bankBik": ""}}, "beneficiary_incomplete"),
        ({"beneficiary": {"type": "international_bank_account", "iban": "DE1"}}, "beneficiary_incomplete"),
        ({"beneficiary": {"type": "international_bank_account", "bankName": "B"}}, "beneficiary_incomplete"),
    ],
)
async def test_what_can_never_be_done(box, changes, code):
    assert (await sent(box, ORDER, "payout_1", 422, **changes))["error"]["code"] == code
    assert await listed(box, ORDER) == []


# --- our client beside it


@pytest.mark.parametrize(
    ("order", "told"),
    [
        (
            PAYOUT,
            {
                "type": "russian_bank_account",
                "account": "40702810900000012345",
                "bankName": "Bank of the House",
                "bankPostAccount": "30101810400000000225",
                "bankBik": "044525225",
            },
        ),
        (
            replace(PAYOUT, kind="international_bank_account", destination=ABROAD, amount=Money(5, "EUR")),
            {
                "type": "international_bank_account",
                "iban": "DE89370400440532013000",
                "bankName": "Bank Abroad",
                "bic": "COBADEFFXXX",
            },
        ),
    ],
)
async def test_a_payout_arrives_and_is_found(box, transfers, order, told):
    assert await transfers.find(order.key) is None
    receipt = await transfers.send(order)
    assert (receipt.reference.startswith("order-"), receipt.amount) == (True, order.amount)
    assert await transfers.find(order.key) == await transfers.send(order) == receipt
    (one,) = await listed(box, ORDER)
    assert (one["beneficiary"], one["purpose"], one["asked"], one["executed"]) == (told, "Payout a.b:c-1", 2, 1)


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (ending("0000"), "account_closed"),
        (ending("0003"), "beneficiary_unknown"),
        (replace(PAYOUT, amount=Money(1, "USDT")), "currency_not_supported"),
        (replace(PAYOUT, destination={}), "beneficiary_incomplete"),
    ],
)
async def test_a_definite_no(transfers, order, code):
    with pytest.raises(Refused) as no:
        await transfers.send(order)
    assert no.value.code == code


async def test_a_payout_that_waits_and_then_arrives_or_is_rejected(box, transfers):
    for key, outcome in (("payout_1", "executed"), ("payout_2", "rejected")):
        with pytest.raises(Unsure, match="pending"):
            await transfers.send(replace(ending("0001"), key=key))
        with pytest.raises(Unsure, match="pending"):
            await transfers.find(key)
        await box.tell("transfers/settle", ids=[key], outcome=outcome)
    assert (await transfers.find("payout_1")).amount == PAYOUT.amount
    with pytest.raises(Refused, match="refused_by_hand"):
        await transfers.find("payout_2")


@pytest.mark.parametrize("outcome", ["error", "rate_limit", "timeout", "lost_answer", "slow", "malformed"])
async def test_whatever_goes_wrong_it_is_paid_once(box, transfers, knobs, outcome):
    knobs(outside_timeout_seconds=0.3)
    await box.tell("script", system="transfers", operation="order", outcome=outcome)
    await box.tell("script", system="transfers", operation="find", outcome=outcome)
    with pytest.raises(Unsure):
        await transfers.send(PAYOUT)
    if outcome == "lost_answer":  # a question is safe, and is asked once more by itself
        assert await transfers.find(PAYOUT.key) is not None
    else:
        with pytest.raises(Unsure):
            await transfers.find(PAYOUT.key)
    taken = await transfers.find(PAYOUT.key)
    assert (taken is not None) == (outcome in {"lost_answer", "slow", "malformed"})
    assert await transfers.send(PAYOUT) == await transfers.find(PAYOUT.key)
    assert (await effects(box, ORDER), (await listed(box, ORDER))[0]["executed"]) == (1, 1)


async def test_twenty_workers_at_once_pay_once(box, transfers):
    receipts = await asyncio.gather(*(transfers.send(PAYOUT) for _ in range(20)))
    assert len({receipt.reference for receipt in receipts}) == 1
    assert (await counts(box, ORDER), await effects(box, ORDER)) == ({PAYOUT.key: (20, 1)}, 1)
