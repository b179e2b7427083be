"""The wallet system of the sandbox: its magic values, and our client beside it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateways.orders import Order
from gateways.receipts import Refused, Unsure
from gateways.wallets import HttpWallets, connection
from models.kernel.money import Money
from tests.sandbox.paying import DEPOSIT, counts, effects, found, listed, sent

PAYOUT = Order("payout_a.b:c-1", Money(1234, "EUR"), "wallet", {"wallet_id": "wallet-of-anna"}, "Payout a.b:c-1")


@pytest.fixture
async def wallets(box, knobs):
    knobs(wallets_url=f"{box.url}/wallets", outside_timeout_seconds=1)
    async with connection() as outside:
        yield HttpWallets(outside)


def to(wallet: str) -> Order:
    return replace(PAYOUT, destination={"wallet_id": wallet})


async def script(box, outcome, operation="deposit", **more):
    await box.tell("script", system="wallets", operation=operation, outcome=outcome, **more)


# --- magic values


@pytest.mark.parametrize("currency", ["RUB", "EUR", "USD", "USDT"])
async def test_a_deposit_comes_from_the_source_of_its_currency(box, currency):
    await sent(box, DEPOSIT, "payout_1", currency=currency)
    (one,) = await listed(box, DEPOSIT)
    assert (one["sourceId"], one["currency"]) == (f"source-{currency.lower()}", currency)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"currency": "GBP"}, "source_not_found"),
        ({"currency": "XXX"}, "source_not_found"),
        ({"walletId": "wallet-unknown"}, "wallet_not_found"),
    ],
)
async def test_what_can_never_be_done(box, changes, code):
    assert (await sent(box, DEPOSIT, "payout_1", 422, **changes))["error"]["code"] == code
    assert await listed(box, DEPOSIT) == []


async def test_wallets_that_wait_and_fail(box):
    assert (await sent(box, DEPOSIT, "1", walletId="wallet-pending"))["status"] == "pending"
    assert [(await found(box, DEPOSIT, "1"))["status"] for _ in range(3)] == ["pending"] * 3
    assert (await sent(box, DEPOSIT, "2", walletId="wallet-fails"))["status"] == "pending"
    blocked = {"code": "wallet_blocked"}
    assert (await found(box, DEPOSIT, "2"))["failure"] == blocked
    assert (await sent(box, DEPOSIT, "3", walletId="wallet-blocked"))["failure"] == blocked
    assert (await sent(box, DEPOSIT, "4", walletId="wallet-fails"))["status"] == "pending"
    assert (await sent(box, DEPOSIT, "4", 200, walletId="wallet-fails"))["status"] == "failed"
    assert await counts(box, DEPOSIT) == {"1": (1, 0), "2": (1, 0), "3": (1, 0), "4": (2, 0)}
    await box.tell("wallets/settle", ids=["1"], outcome="succeeded")
    assert (await found(box, DEPOSIT, "1"))["status"] == "succeeded"


async def test_what_fails_by_itself_can_be_settled_before(box):
    await box.tell("wallets/deposits", hold=True)
    await sent(box, DEPOSIT, "1", walletId="wallet-fails")
    assert (await found(box, DEPOSIT, "1"))["status"] == "pending"
    await box.tell("wallets/settle", all=True, outcome="succeeded")
    assert (await found(box, DEPOSIT, "1"))["status"] == "succeeded"


# --- our client beside it


async def test_a_payout_arrives_and_is_found(box, wallets):
    assert await wallets.find(PAYOUT.key) is None
    receipt = await wallets.send(PAYOUT)
    assert (receipt.reference.startswith("deposit-"), receipt.amount) == (True, PAYOUT.amount)
    assert await wallets.find(PAYOUT.key) == await wallets.send(PAYOUT) == receipt
    (one,) = await listed(box, DEPOSIT)
    assert (one["walletId"], one["amount"], one["currency"], one["description"]) == (
        "wallet-of-anna",
        "12.34",
        "EUR",
        "Payout a.b:c-1",
    )
    assert (one["key"], one["asked"], one["executed"]) == (PAYOUT.key, 2, 1)


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (to("wallet-unknown"), "wallet_not_found"),
        (to("wallet-blocked"), "wallet_blocked"),
        (replace(PAYOUT, amount=Money(1, "GBP")), "source_not_found"),
        (replace(PAYOUT, amount=Money(0, "EUR")), "amount_not_allowed"),
    ],
)
async def test_a_definite_no(box, wallets, order, code):
    with pytest.raises(Refused) as no:
        await wallets.send(order)
    assert no.value.code == code
    assert await effects(box, DEPOSIT) == (1 if code == "wallet_blocked" else 0)


async def test_a_payout_that_waits_and_then_arrives_or_fails(box, wallets):
    for order, outcome in ((PAYOUT, "succeeded"), (replace(PAYOUT, key="payout_2"), "failed")):
        await box.tell("wallets/deposits", hold=True)
        with pytest.raises(Unsure, match="pending"):
            await wallets.send(order)
        with pytest.raises(Unsure, match="pending"):
            await wallets.find(order.key)
        await box.tell("wallets/settle", ids=[order.key], outcome=outcome)
    assert (await wallets.find("payout_a.b:c-1")).amount == PAYOUT.amount
    with pytest.raises(Refused, match="refused_by_hand"):
        await wallets.find("payout_2")
    with pytest.raises(Refused, match="refused_by_hand"):
        await wallets.send(replace(PAYOUT, key="payout_2"))


async def test_one_that_was_taken_and_fails_later(wallets):
    with pytest.raises(Unsure, match="pending"):
        await wallets.send(to("wallet-fails"))
    with pytest.raises(Refused, match="wallet_blocked"):
        await wallets.find(PAYOUT.key)


@pytest.mark.parametrize(
    ("outcome", "reason", "taken"),
    [
        ("error", "status 500", False),
        ("rate_limit", "status 429", False),
        ("timeout", "timeout", False),
        ("lost_answer", "connection: ServerDisconnectedError", True),
        ("slow", "timeout", True),
        ("malformed", "", True),
    ],
)
async def test_no_answer_and_what_became_of_it(box, wallets, outcome, reason, taken, knobs):
    knobs(outside_timeout_seconds=0.3)
    await script(box, outcome)
    with pytest.raises(Unsure) as no:
        await wallets.send(PAYOUT)
    assert no.value.reason == reason or not reason
    receipt = await wallets.find(PAYOUT.key)
    assert (receipt is not None) == taken
    assert await wallets.send(PAYOUT) == (receipt or await wallets.find(PAYOUT.key))
    assert (await effects(box, DEPOSIT), (await listed(box, DEPOSIT))[0]["executed"]) == (1, 1)


async def test_a_scripted_no_to_the_deposit_is_one_and_to_the_question_is_none(box, wallets):
    await script(box, "refuse")
    with pytest.raises(Refused, match="refused_by_script"):
        await wallets.send(PAYOUT)
    receipt = await wallets.send(PAYOUT)
    await script(box, "refuse", "find")
    with pytest.raises(Unsure, match="status 422"):
        await wallets.find(PAYOUT.key)
    assert await wallets.find(PAYOUT.key) == receipt


async def test_a_conflict_and_a_wrong_token_leave_it_open(box, wallets, knobs):
    await wallets.send(PAYOUT)
    with pytest.raises(Unsure, match="conflict"):
        await wallets.send(replace(PAYOUT, amount=Money(1235, "EUR")))
    assert await counts(box, DEPOSIT) == {PAYOUT.key: (1, 1)}
    knobs(wallets_token="another")
    async with connection() as outside:
        for asked in (HttpWallets(outside).send(PAYOUT), HttpWallets(outside).find(PAYOUT.key)):
            with pytest.raises(Unsure, match="status 401"):
                await asked


async def test_twenty_workers_at_once_pay_once(box, wallets):
    receipts = await asyncio.gather(*(wallets.send(PAYOUT) for _ in range(20)))
    assert len({receipt.reference for receipt in receipts}) == 1
    assert (await counts(box, DEPOSIT), await effects(box, DEPOSIT)) == ({PAYOUT.key: (20, 1)}, 1)
