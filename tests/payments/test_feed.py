"""What dashboards are told of payments: in order, once, and nobody else. [spec/deals §5]"""

from __future__ import annotations

import asyncio

from models.kernel.clock import now
from models.payments import operations as payments
from tests.feed.conftest import placed
from tests.payments.paid import BY, arrived, asked, claimed, credited, swept

CHANGED = """subscription ($payment: PaymentRef, $person: PersonRef, $after: Cursor) {
  paymentChanged(payment: $payment, person: $person, after: $after) { __typename
    ... on PaymentEvent { name version from to actor facts cursor payment { number status received { amount } exception } }
    ... on Heartbeat { cursor } ... on Lagged { cursor } } }"""
ALL = """subscription ($nouns: [EventNoun!]) { events(nouns: $nouns) { __typename ... on Event { name from to }
  ... on SweepEvent { sweep { purpose status txId amount { amount currency } } } ... on WalletEvent { wallet { status } } } }"""


def brief(item):
    return item["name"], item["version"], item["to"], item["payment"]["received"]["amount"]


async def told(following, count):
    return [brief(await following.event()) for _ in range(count)]


async def test_a_person_watches_his_payment_from_news_to_success(make, watch):
    payment = await asked(make)
    mine, his, staff = [
        await (await watch(by)).subscribe(CHANGED, payment={"number": payment.id})
        for by in (make.user(payment.person_id), make.auditor, make.operator)
    ]
    for following in (mine, his, staff):
        assert (await following.item())["name"] == "snapshot"
    everything = await (await watch(make.user(payment.person_id))).subscribe(CHANGED)
    stranger = await (await watch(make.user(await make.person()))).subscribe(CHANGED)
    for following in (everything, stranger):
        assert (await following.item())["__typename"] == "Heartbeat"
    one = await arrived(payment)
    await payments.take_blocks("tron", 1, 1, [], at=now(), by=BY)
    await payments.see("tron", 2, [one], by=BY)
    await payments.take_blocks("tron", 2, 2, [one], at=now(), by=BY)
    claim = await payments.credit(await claimed(), [one], [], by=BY)
    await payments.settle(claim, by=BY)
    story = [
        ("see_deposit", 1, "WAITING", "0.000000"),
        ("credit_deposit", 2, "WAITING", "100.000000"),
        ("settle", 3, "SUCCESS", "100.000000"),
    ]
    for following in (mine, his, staff, everything):
        assert await told(following, 3) == story
    await placed()
    await asyncio.sleep(0.1)
    while not stranger.messages.empty():
        assert (await stranger.item())["__typename"] == "Heartbeat"


async def test_whoever_was_cut_off_resumes_by_person(make, watch):
    payment, _ = await credited(make)
    by, person = make.user(payment.person_id), {"number": payment.person_id}
    board = await watch(by)
    following = await board.subscribe(CHANGED, person=person)
    cursor = (await following.item())["cursor"]
    await board.cut()
    second = await asked(make, person=payment.person_id)
    again = await (await watch(by)).subscribe(CHANGED, person=person, after=cursor)
    item = await again.event()
    assert (brief(item), item["payment"]["number"]) == (("open", 0, "WAITING", "0.000000"), second.id)


async def test_a_foreign_payment_cannot_be_watched_and_looks_like_one_that_is_not(make, watch):
    payment, stranger = await asked(make), await make.person()
    board = await watch(make.user(stranger))
    for number in (payment.id, 10**6):
        error = await (await board.subscribe(CHANGED, payment={"number": number})).error()
        assert error["extensions"]["code"] == "PAYMENT_NOT_FOUND"
    error = await (await board.subscribe(CHANGED, person={"number": payment.person_id})).error()
    assert error["extensions"]["code"] == "PERSON_NOT_FOUND"


async def test_operators_see_each_sweep_and_wallet_as_it_goes(make, watch):
    following = await (await watch(make.operator)).subscribe(ALL, nouns=["SWEEP", "WALLET"])
    await following.item()
    await swept(make)
    seen = [await following.event() for _ in range(12)]
    sweeps = [(item["name"], item["sweep"]["purpose"], item["sweep"]["status"]) for item in seen if "sweep" in item]
    assert sweeps == [
        (name, purpose, status)
        for purpose in ("TOP_UP", "SWEEP")
        for name, status in (
            ("open", "PLANNED"), ("sign", "SIGNED"), ("broadcast", "BROADCAST"), ("confirm", "CONFIRMED"),
        )
    ]  # fmt: skip
    wallets = [(item["name"], item["wallet"]["status"]) for item in seen if "wallet" in item]
    assert wallets == [("open", "WAITING"), ("receive", "RECEIVED"), ("sweep", "RECEIVED"), ("transfer", "TRANSFERED")]
