"""Who is told of disputes, and what providers tell. [spec/disputes §11, 47-53]"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from gateways.receivers import secret_of
from gateways.signing import check
from jobs.wiring import BODIES
from models.inbox import operations as inbox
from models.inbox.topics import webhook
from models.kernel.clock import now
from models.kernel.sql import fetch, sql
from models.wiring import TOPICS
from models.work.operations import Report
from tests.disputes.world import MERCHANT

TELL = """mutation ($input: ProviderPaymentCallbackInput!) { providerPaymentCallback(input: $input) {
  __typename ... on PaymentCallback { status invoiceId paymentId } ... on Refusal { code } } }"""
RESEND = """mutation ($input: ResendDisputeNotificationInput!) { resendDisputeNotification(input: $input) {
  __typename ... on Dispute { notification { status attemptsLeft lastError } } ... on Refusal { code } } }"""


def hook(world, name: str = "shop") -> str:
    return f"{world.box.url}/receiver/hooks/{name}"


async def received(world, name: str = "shop"):
    return (await world.box.ask("receiver/received", name=name))["received"]


async def notify(world, *, due: bool = True):
    return await world.tick("deliver_dispute_notifications", due=due)


async def ended(world, invoice: str = "inv", **given) -> str:
    """A dispute that has ended badly, whose merchant wants to be told."""
    dispute = await world.created(invoice, notificationUrl=given.pop("url", hook(world)), **given)
    await world.desk("cancelDisputes", {"dispute": dispute, "publicReason": "not_ours"})
    return dispute


async def test_47_a_merchant_is_told_once_and_signed(world):
    dispute = await ended(world)
    for _ in range(2):
        await notify(world)
    (told,) = await received(world)
    assert orjson.loads(told["body"]) == {
        "disputeId": dispute, "invoiceId": "inv", "paymentId": "pay", "status": "failed", "reason": {"message": "not_ours"},
    }  # fmt: skip
    check("saldo", secret_of("p"), told["signature"], told["body"].encode(), now(), 60)
    assert told["delivery"] == dispute
    assert (await world.read(dispute, MERCHANT))["notification"] == {
        "status": "DELIVERED", "attemptsLeft": 5, "lastError": None,
    }  # fmt: skip
    assert (await world.events(dispute))[-1] == "notify"


async def test_47_without_an_address_and_while_it_is_open_nobody_is_told(world):
    dispute = await world.created()
    await world.desk("cancelDisputes", dispute)
    await world.created("two", notificationUrl=hook(world))
    await notify(world)
    assert await received(world) == []
    assert (await world.read(dispute))["notification"] is None


async def test_47_success_and_its_amount(world):
    dispute = await world.created(paid={"status": "captured", "capturedAmount": 9_000}, notificationUrl=hook(world))
    await world.create_tick()
    await notify(world)
    (told,) = await received(world)
    assert orjson.loads(told["body"]) == {
        "disputeId": dispute, "invoiceId": "inv", "paymentId": "pay", "status": "succeeded",
        "reason": {"message": "approved"}, "changedAmount": 9000,
    }  # fmt: skip


async def test_48_attempts_are_counted_down(world):
    dispute = await ended(world)
    await world.script("receiver", "notify", "error", times=2)
    for left in (4, 3):
        await notify(world)
        told = (await world.read(dispute))["notification"]
        assert (told["status"], told["attemptsLeft"]) == ("PENDING", left)
    await notify(world)
    assert (await world.read(dispute))["notification"]["status"] == "DELIVERED"
    assert len(await received(world)) == 1


@pytest.mark.parametrize("outcome", ["error", "timeout", "lost_answer", "refuse"])
async def test_48_after_the_last_attempt_it_is_over(world, outcome):
    dispute = await ended(world)
    await world.script("receiver", "notify", outcome, times=99, seconds=0.2)
    for _ in range(6):
        await notify(world)
    told = (await world.read(dispute))["notification"]
    assert (told["status"], told["attemptsLeft"]) == ("ATTEMPTS_LIMIT", 0)
    assert len(await world.calls("receiver", "notify")) == 5
    assert (await world.events(dispute))[-5:] == [*["miss_notification"] * 4, "give_up_notifying"]


async def test_49_attempts_are_spread_from_the_end_of_the_dispute_on(world):
    dispute = await world.created(notificationUrl=hook(world))
    await fetch(sql("UPDATE dispute SET created_at = created_at - interval '1 hour' RETURNING 1"))
    await world.desk("cancelDisputes", dispute)
    await world.script("receiver", "notify", "error", times=4)
    waits = []
    for _ in range(4):
        assert (await notify(world)).done == 0
        at = (await fetch(sql("SELECT next_check_at FROM dispute_notification")))[0][0]
        waits.append(round((at - datetime.now(UTC)).total_seconds()))
        assert (await notify(world, due=False)) == Report()
    assert waits == [30, 120, 480, 1920]
    await notify(world)
    assert (await world.read(dispute))["notification"]["status"] == "DELIVERED"


async def test_50_two_workers_send_once_and_a_bad_address_hinders_nobody(world):
    good = await ended(world, "one")
    bad = await ended(world, "two")
    worse = await ended(world, "three")
    query = """UPDATE dispute_notification SET url = {} FROM dispute d
                WHERE d.id = dispute_notification.dispute_id AND d.dispute_id = {} RETURNING 1"""
    await fetch(sql(query, "http://nowhere.invalid/x", bad))
    await fetch(sql(query, "no address at all", worse))
    await world.due()
    job = BODIES["deliver_dispute_notifications"]
    await asyncio.gather(job(world.tools), job(world.tools))
    assert len(await received(world)) == 1
    left = [(await world.read(one))["notification"]["attemptsLeft"] for one in (good, bad, worse)]
    assert left == [5, 4, 4]
    assert "address_not_allowed" in (await world.read(worse))["notification"]["lastError"]


async def test_it_is_sent_again_by_hand_whatever_it_came_to(world, api, make, nothing_written):
    dispute = await ended(world)
    ref = {"dispute": {"disputeId": dispute}}
    await notify(world)
    told = await api(RESEND, by=make.operator, input=ref)
    assert told["notification"] == {"status": "DELIVERED", "attemptsLeft": 5, "lastError": None}
    assert len(await received(world)) == 2
    await world.script("receiver", "notify", "error")
    told = await api(RESEND, by=make.operator, input=ref)
    assert (told["notification"]["status"], "status_500" in told["notification"]["lastError"]) == ("DELIVERED", True)
    await fetch(sql("UPDATE dispute_notification SET status = 'attempts_limit', attempts_left = 0 RETURNING 1"))
    await fetch(sql("UPDATE dispute SET notification_status = 'attempts_limit' RETURNING 1"))
    told = await api(RESEND, by=make.operator, input=ref)
    assert told["notification"] == {"status": "DELIVERED", "attemptsLeft": 0, "lastError": None}
    silent = await world.created("two")
    async with nothing_written():
        assert (await api(RESEND, by=make.operator, input={"dispute": {"disputeId": silent}}))["code"] == (
            "DISPUTE_STATUS_CHANGE_NOT_ALLOWED"
        )
    await world.desk("cancelDisputes", silent)
    async with nothing_written():
        assert (await api(RESEND, by=make.operator, input={"dispute": {"disputeId": silent}}))[
            "code"
        ] == "NOTIFICATION_NOT_FOUND"


# what providers tell


async def told(world, n: int = 1):
    """A service tells of the payment, so many times at once."""
    ask, by = world.make.ask, world.make.service
    return await asyncio.gather(*(ask(TELL, by=by, input={"invoiceId": "inv", "paymentId": "pay"}) for _ in range(n)))


async def jobs() -> list[str]:
    return [row["status"] for row in await fetch(sql("SELECT status FROM adjustment"))]


async def test_51_callbacks_that_are_off_do_nothing(world, nothing_written):
    await world.payment(providerTrxId="trx-paid")
    async with nothing_written():
        assert (await told(world))[0]["code"] == "CALLBACKS_DISABLED"


async def test_51_ten_at_once_are_one_job(world):
    world.knobs(dispute_callbacks_enabled=True)
    await world.payment(providerTrxId="trx-paid")
    answers = await told(world, 10)
    assert {one["__typename"] for one in answers} == {"PaymentCallback"}
    await world.tick("check_payment_callbacks")
    assert await jobs() == ["create_adjustment"]
    assert len(await world.calls("quickpay", "check_payment")) == 1


@pytest.mark.parametrize(
    ("paid", "status"),
    [
        ({"providerTrxId": "trx-none"}, "denied"),
        ({"status": "captured"}, "ignored"),
        ({"status": "refunded"}, "ignored"),
        ({"providerTrxId": None}, "ignored"),
        ({"terminalId": None}, "ignored"),
    ],
)
async def test_51_what_is_not_so_is_not_adjusted(world, paid, status):
    world.knobs(dispute_callbacks_enabled=True)
    await world.payment(**paid)
    await told(world)
    await world.tick("check_payment_callbacks")
    assert [row["status"] for row in await fetch(sql("SELECT status FROM payment_callback"))] == [status]
    assert await jobs() == []


async def test_51_a_terminal_wants_to_be_asked_later(world):
    world.knobs(dispute_callbacks_enabled=True)
    await world.box.tell(
        "billing/terminals", id=6, url=f"{world.box.url}/quickpay",
        options={"PROVIDER_PAYMENTS_CHECK_STATUS_DELAY_SEC": "1"},
    )  # fmt: skip
    await world.payment(providerTrxId="trx-paid", terminalId=6)
    await told(world)
    await world.tick("check_payment_callbacks")
    assert (await world.tick("check_payment_callbacks", due=False)).done == 0
    assert await world.calls("quickpay", "check_payment") == []
    await asyncio.sleep(1.05)  # the row waits, not a process
    await world.tick("check_payment_callbacks", due=False)
    assert await jobs() == ["create_adjustment"]


async def test_52_a_payment_without_a_dispute_is_put_right(world):
    world.knobs(dispute_callbacks_enabled=True)
    await world.payment(providerTrxId="trx-paid")
    await told(world)
    await world.tick("check_payment_callbacks")
    await world.adjust_tick()
    assert await world.adjustments() == [("captured", 1)]
    assert await jobs() == ["succeeded"]


@pytest.mark.parametrize("status", ["PENDING", "POOLING_EXPIRED"])
async def test_52_an_open_dispute_of_the_payment_ends_with_it(world, status):
    world.knobs(dispute_callbacks_enabled=True)
    dispute = await (world.pending() if status == "PENDING" else world.expired())
    await world.box.tell("quickpay/payments", providerTrxId="trx-undecided", success=True)
    await told(world)
    await world.tick("check_payment_callbacks")
    assert await world.stands(dispute) == status
    await world.adjust_tick()
    read = await world.read(dispute)
    assert (read["status"], read["adjustment"]["status"]) == ("SUCCEEDED", "SUCCEEDED")


async def test_52_a_dispute_that_is_confirmed_joins_the_job_of_its_payment(world):
    world.knobs(dispute_callbacks_enabled=True)
    dispute = await world.created(paid={"providerTrxId": "trx-paid"})
    await told(world)
    await world.tick("check_payment_callbacks")
    await world.create_tick()
    read = await world.read(dispute)
    assert (read["status"], read["adjustment"]["status"]) == ("CREATE_ADJUSTMENT", "CREATE_ADJUSTMENT")
    assert len(await jobs()) == 1
    await world.desk("cancelDisputes", dispute)
    await world.adjust_tick()
    assert await world.adjustments() == []


async def test_a_providers_signed_webhook_says_the_same(world):
    world.knobs(dispute_callbacks_enabled=True)
    await world.payment(providerTrxId="trx-paid")
    payload = {"invoiceId": "inv", "paymentId": "pay"}
    for event in ("1", "2"):
        await inbox.ingest("payment.succeeded", event, payload, TOPICS, by=webhook("providers"))
    await world.tick("drain_inbox")
    assert [row["status"] for row in await fetch(sql("SELECT status FROM inbox_message"))] == ["processed"] * 2
    await world.tick("check_payment_callbacks")
    assert await jobs() == ["create_adjustment"]


# the support desk


async def messages(world) -> list[tuple[str, str]]:
    found = (await world.box.ask("support/messages"))["messages"]
    return [(one["disputeId"], one["status"]) for one in found]


async def test_53_the_desk_hears_each_status_once_in_order_and_never_of_a_poll(world):
    dispute = await world.pending()
    for _ in range(3):
        await world.poll_tick()
    await world.desk("cancelDisputes", dispute)
    for _ in range(4):
        await world.tick("tell_support")
    assert await messages(world) == [(dispute, "created"), (dispute, "pending"), (dispute, "cancelled")]


async def test_53_a_desk_that_is_down_holds_up_no_dispute_and_hears_it_later(world):
    await world.script("support", "tell", "error", times=3)
    dispute = await world.pending()
    for _ in range(3):
        await world.tick("tell_support")
    assert await messages(world) == []
    assert await world.stands(dispute) == "PENDING"
    for _ in range(3):
        await world.tick("tell_support")
    assert await messages(world) == [(dispute, "created"), (dispute, "pending")]


async def test_53_nothing_is_told_of_what_was_refused(world):
    dispute = await world.created()
    await world.desk("resumeDisputes", dispute)
    (count,) = await fetch(sql("SELECT count(*) AS n FROM support_message"))
    assert count["n"] == 1


async def test_53_what_the_desk_never_takes_is_given_up_and_later_ones_go_on(world):
    world.knobs(support_failures_max=2)
    await world.script("support", "tell", "error", times=2, match='"status":"created"')
    dispute = await world.pending()
    for _ in range(4):
        await world.tick("tell_support")
    assert await messages(world) == [(dispute, "pending")]


async def test_files_of_nobody_are_cleared_away(world, monkeypatch):
    dispute = await world.created()
    storage = world.tools.outside.storage
    await storage.put("disputes/orphan", b"x", "image/png")
    older = type(storage).older

    async def all_are_old(self, seconds, limit, after=None):
        return await older(self, seconds - 2 * timedelta(days=1).total_seconds(), limit, after)

    monkeypatch.setattr(type(storage), "older", all_are_old)
    assert (await world.tick("remove_orphaned_attachments")).done == 1
    assert len(await storage.older(0, 100)) == 1
    await world.create_tick()
    assert (await world.read(dispute))["technicalError"] is None
