"""What billing is told, and what a merchant is: the amount that was paid, and whether it was."""

from __future__ import annotations

import pytest
import sentry_sdk

from models.kernel.sql import fetch, sql
from tests.disputes.test_contradictions import begun_by_the_provider, told
from tests.disputes.world import MERCHANT


@pytest.fixture
def heard(monkeypatch) -> list[str]:
    """What whoever reads Sentry hears."""
    said: list[str] = []
    monkeypatch.setattr(sentry_sdk, "capture_message", said.append)
    return said


async def job() -> dict:
    (row,) = await fetch(
        sql("SELECT status, error, changed_minor, cash_flow_sent_at, captured_sent_at FROM adjustment")
    )
    return dict(row)


async def confirmed(world, changed: int | None) -> str:
    """A dispute that its provider upholds, at another amount where one is named."""
    dispute = await world.pending()
    await world.decide(dispute, "success", payment=True, **({"changedAmount": changed} if changed else {}))
    await world.poll_tick()
    assert await world.stands(dispute) == "CREATE_ADJUSTMENT"
    return dispute


@pytest.mark.parametrize(("captured", "changed"), [(10_000, None), (9_000, {"minorUnits": "9000"})])
async def test_35_what_billing_has_captured_meanwhile_is_what_the_merchant_is_told(world, captured, changed):
    dispute = await confirmed(world, 8_000)
    assert (await world.read(dispute))["changedAmount"] == {"minorUnits": "8000"}
    await world.status("captured", capturedAmount=captured)
    await world.adjust_tick()
    read = await world.read(dispute, MERCHANT)
    assert (read["publicStatus"], read["changedAmount"]) == ("SUCCEEDED", changed)
    assert await world.adjustments() == []


async def test_the_same_where_a_human_has_the_dispute(world):
    dispute = await confirmed(world, 8_000)
    await fetch(sql("UPDATE adjustment SET give_up_at = saldo_now() - interval '1 second' RETURNING 1"))
    await world.status("pending")
    await world.adjust_tick()
    assert await world.stands(dispute) == "MANUAL_PENDING"
    await world.status("captured", capturedAmount=10_000)
    await world.tick("process_forgotten_disputes")
    read = await world.read(dispute)
    assert (read["status"], read["changedAmount"]) == ("SUCCEEDED", None)


async def test_an_order_that_billing_definitely_did_not_take_stops_no_operator(world):
    first = await world.adjusting()
    await world.script("billing", "adjust", "refuse")
    await world.adjust_tick()
    assert await world.stands(first) == "FAILED"
    assert await job() | {"error": None} == {
        "status": "failed", "error": None, "changed_minor": None, "cash_flow_sent_at": None, "captured_sent_at": None,
    }  # fmt: skip
    second = (await world.ask_to_create())["disputeId"]
    await world.create_tick()
    assert await world.stands(second) == "CREATE_ADJUSTMENT"
    assert (await world.desk("cancelDisputes", second))[0]["status"] == "CANCELLED"
    await world.adjust_tick()
    assert await world.adjustments() == []


async def test_a_payment_that_is_captured_between_the_look_and_the_order_ends_its_dispute_well(world, monkeypatch):
    dispute = await world.adjusting()
    billing = type(world.tools.outside.billing)
    adjustments = billing.adjustments

    async def and_meanwhile(self, invoice, payment):
        found = await adjustments(self, invoice, payment)
        await world.status("captured", capturedAmount=9_500)
        return found

    monkeypatch.setattr(billing, "adjustments", and_meanwhile)
    await world.adjust_tick()
    read = await world.read(dispute)
    assert (read["status"], read["changedAmount"]) == ("SUCCEEDED", {"minorUnits": "9500"})
    assert await world.adjustments() == []


async def test_one_that_is_on_its_way_again_is_waited_for(world, monkeypatch):
    dispute = await world.adjusting()
    billing = type(world.tools.outside.billing)
    adjustments = billing.adjustments

    async def and_meanwhile(self, invoice, payment):
        found = await adjustments(self, invoice, payment)
        await world.status("pending")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(billing, "adjustments", and_meanwhile)
        await world.adjust_tick()
    assert (await world.stands(dispute), (await job())["captured_sent_at"]) == ("CREATE_ADJUSTMENT", None)
    await world.status("failed")
    await world.adjust_tick()
    assert (await world.stands(dispute), await world.adjustments()) == ("SUCCEEDED", [("captured", 1)])


async def test_approved_twice_by_the_providers_word_is_put_right_all_the_same(world):
    """Whoever lost the answer to the first one sends it again."""
    dispute = await world.created(paid={"providerTrxId": "trx-unplaced"})
    await world.create_tick()
    await world.box.tell("quickpay/payments", providerTrxId="trx-unplaced", success=True)
    for status in ("CREATE_ADJUSTMENT", "SUCCEEDED"):
        (answer,) = await world.desk("approveDisputes", {"dispute": dispute, "skipProviderCheck": False})
        assert answer["status"] == status, answer
    assert (await job())["status"] == "create_adjustment"
    await world.adjust_tick()
    assert await world.adjustments() == [("captured", 1)]
    assert (await world.read(dispute))["adjustment"]["status"] == "SUCCEEDED"


async def test_a_dispute_that_joins_a_job_brings_the_newer_word_about_the_amount(world):
    dispute = await begun_by_the_provider(world)
    assert (await job())["changed_minor"] is None
    await world.box.tell("quickpay/payments", providerTrxId="trx-undecided", success=True, changedAmount=8_000)
    await world.decide(dispute, "success", changedAmount=8_000)
    await world.poll_tick()
    assert (await world.stands(dispute), (await job())["changed_minor"]) == ("CREATE_ADJUSTMENT", 8_000)
    for _ in range(2):
        await world.adjust_tick()
    assert await world.adjustments() == [("cash_flow", 1), ("captured", 1)]
    assert (await world.read(dispute))["changedAmount"] == {"minorUnits": "8000"}


async def test_once_billing_was_told_of_another_amount_a_human_decides(world, nothing_written):
    dispute = await begun_by_the_provider(world)
    await world.script("billing", "adjust", "error", times=9)
    await world.adjust_tick()
    await world.box.tell("quickpay/payments", providerTrxId="trx-undecided", success=True, changedAmount=8_000)
    await world.decide(dispute, "success", changedAmount=8_000)
    await world.poll_tick()
    read = await world.read(dispute)
    assert (read["status"], read["technicalError"]) == (
        "MANUAL_PENDING", "billing was told another amount of the payment already",
    )  # fmt: skip
    async with nothing_written():
        (answer,) = await world.desk("approveDisputes", {"dispute": dispute, "skipProviderCheck": False})
    assert answer["code"] == "ADJUSTMENT_SENT"


@pytest.mark.parametrize("why", ["refuse", "refunded"])
async def test_a_payment_that_is_not_put_right_and_has_no_dispute_is_told_of(world, heard, why):
    await world.payment(providerTrxId="trx-paid")
    await told(world)
    if why == "refuse":
        await world.script("billing", "adjust", "refuse")
    else:
        await world.status(why)
    await world.adjust_tick()
    assert (await job())["status"] == "failed"
    assert [said for said in heard if "failed: payment status restrictions" in said] == heard != []


async def test_of_a_provider_without_a_door_for_payments_a_word_is_kept_and_not_denied(world):
    world.knobs(dispute_callbacks_enabled=True)
    await world.payment(terminalId=3)
    await told(world)
    (row,) = await fetch(sql("SELECT status, last_error FROM payment_callback"))
    assert (row["status"], "no door" in row["last_error"]) == ("received", True)
    await world.payment(providerTrxId="trx-paid")
    await world.tick("check_payment_callbacks")
    assert (await job())["status"] == "create_adjustment"


async def test_what_billing_said_beside_is_kept_with_what_a_human_gets(world):
    dispute = await world.created(paid={"riskScores": ["low", "high"], "providerTrxId": "trx-unplaced"})
    await world.create_tick()
    read = await world.read(dispute)
    assert (read["status"], read["riskScore"]) == ("MANUAL_PENDING", "high")
