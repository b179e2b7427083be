"""What puts payments right in billing, and how it ends together with its dispute. [spec/disputes §11, 31-38]"""

from __future__ import annotations

import asyncio

import pytest

from models.kernel.sql import fetch, sql
from tests.disputes.world import MERCHANT


async def job(dispute: str):
    query = "SELECT a.* FROM adjustment a JOIN dispute d ON d.id = a.dispute_id WHERE d.dispute_id = {}"
    return (await fetch(sql(query, dispute)))[0]


async def changed(world) -> str:
    """A dispute that is confirmed with 80.00 of 100.00."""
    dispute = await world.created(paid={"providerTrxId": "trx-changed"})
    await world.create_tick()
    await world.poll_tick()
    assert await world.stands(dispute) == "CREATE_ADJUSTMENT"
    return dispute


async def test_31_first_the_amount_then_the_status_one_with_each_look(world):
    dispute = await changed(world)
    await world.adjust_tick()
    assert await world.adjustments() == [("cash_flow", 1)]
    read = await world.read(dispute)
    assert (read["status"], read["adjustment"]["status"]) == ("CREATE_ADJUSTMENT", "CREATE_ADJUSTMENT")
    await world.adjust_tick()
    assert await world.adjustments() == [("cash_flow", 1), ("captured", 1)]
    read = await world.read(dispute)
    assert (read["status"], read["adjustment"]["status"]) == ("SUCCEEDED", "SUCCEEDED")
    assert read["changedAmount"] == {"minorUnits": "8000"}
    assert await world.events(dispute) == ["open", "accept", "confirm", "send_adjustment", "succeed"]
    await world.adjust_tick()
    assert len(await world.adjustments()) == 2


async def test_32_what_billing_has_is_not_made_again(world):
    dispute = await world.adjusting()
    reason = f"PROVIDERCALLBACKID={(await job(dispute))['adjustment_id']}"
    path = f"{world.box.url}/billing/invoices/inv/payments/pay/adjustments"
    headers = {
        "authorization": "Bearer development-only-billing-token-which-production-refuses", "idempotency-key": "other",
    }  # fmt: skip
    await world.box.tell("billing/adjusting", hold=True)
    made = await world.box.client.post(
        path, json={"kind": "captured", "reason": reason, "targetReason": reason}, headers=headers
    )
    assert made.status_code == 201
    await world.adjust_tick()
    assert len(await world.adjustments()) == 1
    read = await world.read(dispute)
    assert (read["status"], read["adjustment"]["status"]) == ("SUCCEEDED", "SUCCEEDED")


async def test_32_a_reason_that_is_not_on_its_target_is_another_ones(world):
    dispute = await world.adjusting()
    reason = f"providerCallbackId={(await job(dispute))['adjustment_id']}"
    path = f"{world.box.url}/billing/invoices/inv/payments/pay/adjustments"
    headers = {
        "authorization": "Bearer development-only-billing-token-which-production-refuses", "idempotency-key": "other",
    }  # fmt: skip
    await world.box.tell("billing/adjusting", hold=True)
    await world.box.client.post(path, json={"kind": "captured", "reason": reason}, headers=headers)
    await world.adjust_tick()
    assert await world.stands(dispute) == "CREATE_ADJUSTMENT"  # billing still works on that one


async def test_33_a_pending_adjustment_means_later_and_hinders_no_other(world):
    dispute = await changed(world)
    await world.box.tell("billing/adjusting", hold=True)
    await world.adjust_tick()
    await world.box.tell("billing/adjusting", hold=False)
    other = await world.created("other", paid={"providerTrxId": "trx-paid"})
    await world.create_tick()
    report = await world.adjust_tick()
    assert report.failures == 0
    assert await world.stands(other) == "SUCCEEDED"
    read = await world.read(dispute)
    assert (read["status"], read["adjustment"]["status"]) == ("CREATE_ADJUSTMENT", "CREATE_ADJUSTMENT")
    row = await job(dispute)
    assert (row["cash_flow_sent_at"] is None, row["captured_sent_at"]) == (False, None)
    await world.box.tell("billing/settle", all=True)
    await world.adjust_tick()
    assert await world.stands(dispute) == "SUCCEEDED"


async def test_34_a_payment_on_its_way_is_waited_for(world):
    dispute = await world.adjusting()
    await world.status("pending")
    for _ in range(2):
        assert (await world.adjust_tick()).failures == 0
    assert await world.adjustments() == []
    read = await world.read(dispute)
    assert (read["status"], read["adjustment"]["status"]) == ("CREATE_ADJUSTMENT", "CREATE_ADJUSTMENT")
    await world.status("failed")
    await world.adjust_tick()
    assert await world.adjustments() == [("captured", 1)]
    assert await world.stands(dispute) == "SUCCEEDED"


@pytest.mark.parametrize(
    ("status", "ends", "told"), [("captured", "SUCCEEDED", "approved"), ("refunded", "FAILED", "server_error")]
)
async def test_35_what_billing_settled_itself(world, status, ends, told):
    dispute = await world.adjusting()
    await world.status(status, capturedAmount=9_000)
    await world.adjust_tick()
    assert await world.adjustments() == []
    read = await world.read(dispute)
    assert (read["status"], read["adjustment"]["status"], read["publicReason"]) == (ends, ends, told)
    assert read["changedAmount"] == ({"minorUnits": "9000"} if ends == "SUCCEEDED" else None)


async def test_36_a_cancelled_dispute_stops_its_adjustment(world):
    dispute = await world.adjusting()
    (answer,) = await world.desk("cancelDisputes", dispute)
    assert (answer["status"], answer["adjustment"]["status"]) == ("CANCELLED", "CANCELLED")
    await world.adjust_tick()
    assert await world.adjustments() == []
    assert await world.events(dispute) == ["open", "confirm", "cancel"]


@pytest.mark.parametrize("outcome", ["timeout", "lost_answer", "error"])
async def test_36_once_it_was_sent_the_dispute_is_not_cancelled(world, nothing_written, outcome):
    dispute = await world.adjusting()
    await world.script("billing", "adjust", outcome)
    await world.adjust_tick()
    for verb, more in (("cancelDisputes", {}), ("approveDisputes", {"skipProviderCheck": True})):
        async with nothing_written():
            (answer,) = await world.desk(verb, {"dispute": dispute, **more})
        assert answer == {"__typename": "AdjustmentSent", "code": "ADJUSTMENT_SENT"}
    await world.adjust_tick()
    assert await world.stands(dispute) == "SUCCEEDED"
    assert await world.adjustments() == [("captured", 1)]


async def test_36_a_verb_while_billing_is_asked_comes_first_or_is_refused(world):
    dispute = await world.adjusting()
    await world.script("billing", "payment", "slow", seconds=0.5)
    tick = asyncio.create_task(world.adjust_tick())
    while not await world.calls("billing", "payment"):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    (answer,) = await world.desk("cancelDisputes", dispute)
    assert answer["status"] == "CANCELLED"
    await tick
    assert await world.adjustments() == []
    assert await world.stands(dispute) == "CANCELLED"


async def test_38_a_job_that_came_to_nothing_begins_again(world):
    first = await world.adjusting()
    await world.script("billing", "adjust", "refuse")
    await world.adjust_tick()
    read = await world.read(first)
    assert (read["status"], read["adjustment"]["status"], read["technicalError"]) == (
        "FAILED", "FAILED", "payment status restrictions",
    )  # fmt: skip
    before = await job(first)
    second = (await world.ask_to_create())["disputeId"]
    await world.create_tick()
    after = await job(second)
    assert (after["id"], after["adjustment_id"], after["status"]) == (
        before["id"], before["adjustment_id"], "create_adjustment",
    )  # fmt: skip
    await world.adjust_tick()
    assert await world.stands(second) == "SUCCEEDED"
    assert await world.stands(first) == "FAILED"


async def test_billing_that_is_never_ready_goes_to_a_human_who_may_begin_again(world):
    dispute = await world.adjusting()
    await world.status("pending")
    await fetch(sql("UPDATE adjustment SET give_up_at = saldo_now() - interval '1 second' RETURNING 1"))
    await world.adjust_tick()
    read = await world.read(dispute)
    assert (read["status"], read["mode"], read["adjustment"]["status"]) == ("MANUAL_PENDING", "MANUAL", "FAILED")
    await world.status("failed")
    (answer,) = await world.desk("approveDisputes", {"dispute": dispute, "skipProviderCheck": False})
    assert (answer["status"], answer["adjustment"]["status"]) == ("CREATE_ADJUSTMENT", "CREATE_ADJUSTMENT")
    await world.adjust_tick()
    assert await world.stands(dispute) == "SUCCEEDED"
    assert (await world.read(dispute, MERCHANT))["publicStatus"] == "SUCCEEDED"


async def test_the_amount_is_measured_against_what_the_payment_was_for(world):
    """A merchant says 80.00, the provider too: billing has 100.00, and is put right all the same."""
    await world.payment(providerTrxId="trx-undecided")
    dispute = (await world.ask_to_create(amount={"amount": "80", "currency": "RUB"}))["disputeId"]
    await world.create_tick()
    await world.decide(dispute, "success", changedAmount=8_000, payment=True)
    await world.poll_tick()
    read = await world.read(dispute)
    assert (read["changedAmount"], read["adjustment"]["amount"], read["adjustment"]["changedAmount"]) == (
        None, {"minorUnits": "10000"}, {"minorUnits": "8000"},
    )  # fmt: skip
    await world.adjust_tick()
    assert await world.adjustments() == [("cash_flow", 1)]


async def test_a_payment_that_billing_no_longer_has(world):
    dispute = await world.adjusting()
    await world.box.tell("reset", system="billing")
    await world.adjust_tick()
    read = await world.read(dispute)
    assert (read["status"], read["adjustment"]["status"], read["technicalError"]) == (
        "FAILED", "FAILED", "invoice not found",
    )  # fmt: skip
