"""What becomes of a confirmed payout, whatever the outside says, or does not say. [spec/payouts §0, §3.3]"""

from __future__ import annotations

import pytest
import sentry_sdk

from gateways.wiring import Gateways
from jobs.payouts import deliver_payouts
from jobs.running import Tools
from models.payouts import operations as payouts
from models.payouts.errors import DeliveryNotOpen, DeliveryStarted
from tests.payouts.outside import SENDING, WORKER, outside_beside
from tests.payouts.shops import events_of, plan_of, stands
from tests.sandbox.conftest import box

__all__ = ["box"]
SYSTEMS = sorted(SENDING)
QUEUED = [("open", 0), ("confirm", 1), ("queue_delivery", 1)]
CONFIRMED = {"S": (0, 0, 0), "P": (75_000,) * 3, "G": (0, 0, 0), "Y": (25_000,) * 3}
DELIVERED = CONFIRMED | {"P": (0, 0, 0)}
GIVEN_BACK = {"S": (100_000,) * 3, "P": (0, 0, 0), "G": (0, 0, 0), "Y": (0, 0, 0)}
REFUSED = {
    "wallets": ({"wallet_id": "wallet-unknown"}, "wallet_not_found"),
    "transfers": ({"account": "40702810400000010000"}, "account_closed"),
}
LATE = {"wallets": {"wallet_id": "wallet-pending"}, "transfers": {"account": "40702810400000010001"}}


@pytest.fixture
async def outside(make, box, knobs):
    async with outside_beside(make, box, knobs) as made:
        yield made


@pytest.fixture
def told(monkeypatch):
    """What Sentry was told: (subject, step, whether a human has to look)."""
    tags = []

    def capture(_error):
        scope = sentry_sdk.get_current_scope()
        tags.append(tuple(scope._tags[name] for name in ("subject", "step", "attention")))

    monkeypatch.setattr(sentry_sdk, "capture_exception", capture)
    return tags


@pytest.mark.parametrize("system", SYSTEMS)
async def test_given_a_yes_when_sent_then_delivered_and_the_payout_account_ends_at_zero(outside, system):
    its = await outside.confirmed(system)
    assert await stands(its) == CONFIRMED
    report = await outside.send()
    assert (report.done, report.failures) == (1, 0)
    read = await outside.read()
    assert (read["status"], read["sequence"], read["deliveryStatus"]) == ("CONFIRMED", 1, "DELIVERED")
    assert read["delivery"]["reference"]
    assert await outside.attempts() == [("SEND", "ACCEPTED")]
    assert await stands(its) == DELIVERED
    assert await outside.executed(system) == {"payout_a": 1}
    assert await events_of("a") == [*QUEUED, ("send_delivery", 1), ("deliver", 1)]
    assert (await outside.send()).done == 0


@pytest.mark.parametrize("system", SYSTEMS)
async def test_29_given_a_definite_no_when_sent_then_failed_and_all_given_back(outside, system):
    details, code = REFUSED[system]
    its = await outside.confirmed(system, **details)
    await outside.send()
    read = await outside.read()
    assert (read["status"], read["sequence"], read["failure"]) == ("FAILED", 2, code)
    assert (read["deliveryStatus"], await outside.attempts()) == ("REFUSED", [("SEND", "REFUSED")])
    assert await stands(its) == GIVEN_BACK
    assert await plan_of("a") == [("payout_a", "COMMIT"), ("revert_payout_a", "COMMIT")]
    assert await events_of("a") == [*QUEUED, ("send_delivery", 1), ("refuse_delivery", 1), ("fail", 2)]
    assert await outside.executed(system) == {}
    assert ((await outside.send()).done, (await outside.ask()).done) == (0, 0)


HAPPENED = ("lost_answer", "slow", "malformed")
DID_NOT = ("error", "rate_limit", "timeout")


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("outcome", HAPPENED)
async def test_given_no_answer_to_what_was_done_when_asked_about_then_delivered_once(outside, system, outcome):
    its = await outside.confirmed(system)
    await outside.script(system, outcome, **({"seconds": 2} if outcome == "slow" else {}))
    await outside.send()
    assert await outside.stands() == ("CONFIRMED", "UNKNOWN")
    assert await stands(its) == CONFIRMED
    await outside.ask()
    assert await outside.attempts() == [("SEND", "UNKNOWN"), ("INQUIRE", "ACCEPTED")]
    assert (await stands(its), await outside.executed(system)) == (DELIVERED, {"payout_a": 1})
    moves = [("send_delivery", 1), ("lose_delivery", 1), ("deliver", 1)]
    assert await events_of("a") == [*QUEUED, *moves]


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("outcome", DID_NOT)
async def test_given_no_answer_to_what_was_not_done_when_asked_about_then_sent_again(outside, system, outcome):
    its = await outside.confirmed(system)
    await outside.script(system, outcome, **({"seconds": 2} if outcome == "timeout" else {}))
    await outside.send()
    assert await outside.stands() == ("CONFIRMED", "UNKNOWN")
    await outside.ask()
    assert await outside.attempts() == [("SEND", "UNKNOWN"), ("INQUIRE", "ABSENT"), ("SEND", "ACCEPTED")]
    assert (await stands(its), await outside.executed(system)) == (DELIVERED, {"payout_a": 1})


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("outcome", [*HAPPENED, *DID_NOT])
async def test_given_no_answer_to_the_question_when_asked_again_then_nothing_was_sent_in_between(
    outside, system, outcome
):
    """What is asked twice by itself has to be lost twice."""
    await outside.confirmed(system)
    await outside.script(system, "lost_answer")
    await outside.script(system, outcome, "find", times=2, **({"seconds": 2} if outcome in ("slow", "timeout") else {}))
    await outside.send()
    await outside.ask()
    await outside.ask()
    if await outside.stands() == ("CONFIRMED", "UNKNOWN"):
        await outside.ask()
    assert await outside.stands() == ("CONFIRMED", "DELIVERED")
    assert [one for one in await outside.attempts() if one[0] == "SEND"] == [("SEND", "UNKNOWN")]
    assert await outside.executed(system) == {"payout_a": 1}


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(("arrives", "ends"), [(True, ("CONFIRMED", "DELIVERED")), (False, ("FAILED", "REFUSED"))])
async def test_given_an_order_that_takes_its_time_when_it_is_settled_then_that_is_believed(
    outside, system, arrives, ends
):
    its = await outside.confirmed(system, **LATE[system])
    await outside.send()
    await outside.ask()
    assert await outside.stands() == ("CONFIRMED", "UNKNOWN")
    outcome = {"wallets": ("succeeded", "failed"), "transfers": ("executed", "rejected")}[system][not arrives]
    more = {} if arrives else {"code": "account_closed"}
    await outside.box.tell(f"{system}/settle", all=True, outcome=outcome, **more)
    await outside.ask()
    assert await outside.stands() == ends
    assert await stands(its) == (DELIVERED if arrives else GIVEN_BACK)
    assert (await outside.read())["failure"] == (None if arrives else "account_closed")


async def test_given_another_amount_under_its_key_when_asked_about_then_nobody_believes_it(outside):
    """Somebody else's order, where two set-ups share one wallet system."""
    its = await outside.confirmed("wallets")
    other = {"depositId": "payout_a", "walletId": "wallet-7", "amount": "1.00", "currency": "RUB", "description": "x"}
    headers = {"authorization": f"Bearer {'development-only-wallets-token-which-production-refuses'}"}
    answer = await outside.box.client.post(
        "/wallets/deposits", json=other, headers=headers | {"idempotency-key": "payout_a"}
    )
    assert answer.status_code in (200, 201), answer.text
    await outside.send()
    await outside.ask()
    assert await outside.stands() == ("CONFIRMED", "UNKNOWN")
    assert "1.00 RUB were sent, 750.00 RUB were to be" in (await outside.read())["delivery"]["lastError"]
    assert await stands(its) == CONFIRMED


# --- a human ----------------------------------------------------------------------------------------------------------


async def test_given_no_answer_again_and_again_when_it_was_enough_then_a_human_is_called_once(outside, told, knobs):
    knobs(delivery_failures_max=3)
    await outside.confirmed("wallets")
    await outside.script("wallets", "error", "*", times=100)
    await outside.send()
    for _ in range(4):
        await outside.ask()
    read = await outside.read()
    assert (read["status"], read["deliveryStatus"], read["needsAttention"]) == ("CONFIRMED", "UNKNOWN", True)
    assert (read["delivery"]["failures"], "status 500" in read["delivery"]["lastError"]) == (5, True)
    assert [name for name, _ in await events_of("a")].count("call_for_attention") == 1
    subject = told[0][0]
    assert told == [(subject, "SEND", "False"), (subject, "INQUIRE", "True")]
    await outside.box.tell("reset")
    again = await payouts.recheck_delivery("a", by=outside.make.operator.viewer)
    assert (again.needs_attention, again.delivery_status.name) == (False, "UNKNOWN")
    await outside.ask()
    assert await outside.stands() == ("CONFIRMED", "DELIVERED")
    assert (await outside.read())["delivery"]["failures"] == 0


async def test_given_no_gateway_when_it_is_due_then_nothing_was_sent_and_a_human_is_called(outside, knobs):
    knobs(delivery_failures_max=1)
    its = await outside.confirmed("wallets")
    await deliver_payouts(Tools(WORKER, {}, Gateways()))
    read = await outside.read()
    assert (read["deliveryStatus"], read["needsAttention"], read["delivery"]["attempts"]) == ("QUEUED", True, [])
    assert await stands(its) == CONFIRMED
    await payouts.recheck_delivery("a", by=outside.make.operator.viewer)
    await outside.send()
    assert await outside.stands() == ("CONFIRMED", "DELIVERED")


@pytest.mark.parametrize(("arrived", "ends"), [(True, ("CONFIRMED", "DELIVERED")), (False, ("FAILED", "REFUSED"))])
async def test_given_a_word_from_elsewhere_when_an_operator_says_it_then_it_is_booked(outside, arrived, ends):
    its = await outside.confirmed("transfers", **LATE["transfers"])
    await outside.send()
    done = await payouts.resolve_delivery("a", arrived=arrived, word="by phone", by=outside.make.operator.viewer)
    assert (done.status.name, done.delivery_status and done.delivery_status.name) == ends
    assert await stands(its) == (DELIVERED if arrived else GIVEN_BACK)
    read = await outside.read()
    assert (read["delivery"]["reference"], read["failure"]) == (("by phone", None) if arrived else (None, "by phone"))
    assert (await outside.ask()).done == 0


# --- what has begun ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["ok", "timeout"])
async def test_given_a_delivery_that_has_begun_when_it_is_cancelled_then_refused(outside, nothing_written, outcome):
    await outside.confirmed("transfers")
    if outcome != "ok":
        await outside.script("transfers", outcome, seconds=1)
    await outside.send()
    async with nothing_written():
        with pytest.raises(DeliveryStarted):
            await payouts.cancel("a", "too late", by=outside.make.operator.viewer)


async def test_given_no_delivery_that_waits_when_it_is_rechecked_or_resolved_then_refused(outside, nothing_written):
    by = outside.make.operator.viewer
    await outside.confirmed("transfers")
    async with nothing_written():
        with pytest.raises(DeliveryNotOpen):  # nothing was sent: there is no word of it
            await payouts.resolve_delivery("a", arrived=True, word="w", by=by)
    await outside.send()
    async with nothing_written():
        for verb in (
            payouts.recheck_delivery("a", by=by),
            payouts.resolve_delivery("a", arrived=False, word="w", by=by),
        ):
            with pytest.raises(DeliveryNotOpen):
                await verb


async def test_given_many_payouts_when_some_fail_then_the_others_go_on(outside):
    for number in range(6):
        details = REFUSED["wallets"][0] if number % 3 == 0 else {}
        await outside.confirmed("wallets", f"a{number}", **details)
    await outside.script("wallets", "error", match="payout_a1")
    await outside.send()
    ends = [await outside.stands(f"a{number}") for number in range(6)]
    failed, lost, well = ("FAILED", "REFUSED"), ("CONFIRMED", "UNKNOWN"), ("CONFIRMED", "DELIVERED")
    assert ends == [failed, lost, well, failed, well, well]


async def test_given_no_time_left_when_a_tick_runs_then_it_gives_back_what_it_took(outside, monkeypatch):
    await outside.confirmed("wallets")
    monkeypatch.setattr("jobs.payouts.TIME_USED", -1.0)
    await outside.send()
    assert await outside.stands() == ("CONFIRMED", "QUEUED")
    monkeypatch.undo()
    await outside.send()
    assert await outside.stands() == ("CONFIRMED", "DELIVERED")
