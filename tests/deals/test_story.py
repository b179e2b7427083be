"""What deals do, as their users see it. [spec/deals §13]"""

from __future__ import annotations

import asyncio

import pytest

from jobs.deals import expire_deals, promote_waiting_deals
from jobs.running import Tools
from models.kernel.sql import fetch, sql
from models.kernel.viewer import Viewer
from tests.deals.asking import CANCEL, CLOSE, CONFIRM, CREATE, DECIDE, DENY, DISPUTE, READ

TOOLS = Tools(Viewer.system("test"))
BALANCE = "query ($n: Int!) { balance(person: {number: $n}) { currency available { amount } held { amount } } }"
CORRECTIONS = "query ($n: Int!) { corrections(person: {number: $n}) { edges { node { kind amount { amount } } } } }"


async def stands(api, make, person, currency="USDT"):
    """Available and held."""
    rows = await api(BALANCE, by=make.operator, n=person.id)
    row = next(row for row in rows if row["currency"] == currency)
    return row["available"]["amount"], row["held"]["amount"]


async def corrections(api, make, person):
    found = await api(CORRECTIONS, by=make.operator, n=person.id)
    return [
        (e["node"]["kind"], e["node"]["amount"]["amount"]) for e in found["edges"] if e["node"]["kind"] != "ADJUSTMENT"
    ]


def offer(customer, performer, amount="100", currency="USDT", **more):
    return {
        "customer": {"number": customer.id}, "performer": {"number": performer.id}, "title": "A website",
        "description": "Three pages", "price": {"amount": amount, "currency": currency}, "idempotencyKey": "k",
    } | more  # fmt: skip


async def test_5_a_deal_is_offered_and_has_a_number(api, make, database):
    anna, bert = await make.person(name="Anna"), await make.person(name="Bert")
    deal = await api(CREATE, by=make.user(anna), input=offer(anna, bert))
    assert isinstance(deal["number"], int)
    assert (deal["status"], deal["version"], deal["price"]) == (
        "CREATED",
        0,
        {"amount": "100.000000", "currency": "USDT"},
    )
    assert (deal["customer"]["name"], deal["performer"]["name"]) == ("Anna", "Bert")
    again = await api(CREATE, by=make.user(anna), input=offer(anna, bert))
    assert again["number"] == deal["number"]


async def test_7_the_performer_turns_it_down(api, make, nothing_written):
    deal = await make.deal()
    performer, customer = make.user(deal.performer_id), make.user(deal.customer_id)
    assert (await api(DENY, by=performer, n=deal.id))["status"] == "DENY_PERFORMER"
    async with nothing_written():
        assert (await api(DENY, by=performer, n=deal.id))["status"] == "DENY_PERFORMER"
        for query, asker in ((CONFIRM, performer), (CLOSE, customer), (CANCEL, customer)):
            answer = await api(query, by=asker, n=deal.id)
            assert answer == {
                "code": "DEAL_STATUS_CHANGE_NOT_ALLOWED",
                "currentStatus": "DENY_PERFORMER",
                "allowed": [],
            }
    assert await fetch(sql("SELECT * FROM ledger_transfer WHERE subject = {}", deal.subject)) == []


async def test_8_a_confirmed_deal_holds_its_price(api, make, database):
    anna, bert = await make.person("100 USDT"), await make.person()
    deal = await make.deal(customer=anna, performer=bert)
    confirmed = await api(CONFIRM, by=make.user(bert), n=deal.id)
    assert (confirmed["status"], confirmed["waitingFor"]) == ("CONFIRM_PERFORMER", None)
    assert await stands(api, make, anna) == ("0.000000", "100.000000")
    assert await corrections(api, make, anna) == [("DEAL_HOLD", "-100.000000")]


async def test_9_a_deal_that_the_customer_cannot_pay_waits_and_says_for_what(api, make, database):
    anna, bert = await make.person("99.999999 USDT"), await make.person()
    deal = await make.deal(customer=anna, performer=bert)
    waiting = await api(CONFIRM, by=make.user(bert), n=deal.id)
    assert (waiting["status"], waiting["waitingFor"]) == ("WAITING_FOR_PAYMENT", {"shortfall": {"amount": "0.000001"}})
    assert await corrections(api, make, anna) == []


async def test_a_waiting_deal_is_confirmed_again_when_the_money_is_there(api, make, nothing_written):
    anna, bert = await make.person("40 USDT"), await make.person()
    deal = await make.deal(customer=anna, performer=bert)
    await api(CONFIRM, by=make.user(bert), n=deal.id)
    async with nothing_written():
        again = await api(CONFIRM, by=make.user(bert), n=deal.id)
    assert again["waitingFor"] == {"shortfall": {"amount": "60.000000"}}
    await make.adjust(anna, "60 USDT")
    assert (await api(CONFIRM, by=make.user(bert), n=deal.id))["status"] == "CONFIRM_PERFORMER"


async def test_a_closed_deal_pays_the_performer(api, make, nothing_written):
    deal = await make.deal(confirmed=True)
    assert (await api(CLOSE, by=make.user(deal.customer_id), n=deal.id))["status"] == "CLOSE"
    assert str(await make.available(deal.performer_id, "USDT")) == "100.000000 USDT"
    async with nothing_written():
        assert (await api(CLOSE, by=make.user(deal.customer_id), n=deal.id))["status"] == "CLOSE"
        assert (await api(CLOSE, by=make.operator, n=deal.id))["status"] == "CLOSE"


async def test_the_fee_is_taken_from_the_performer_and_fixed_when_the_deal_is_made(api, make, knobs, database):
    knobs(deal_fee_bps=250)
    deal = await make.deal("100.01 EUR", confirmed=True)
    knobs(deal_fee_bps=900)
    assert (await api(CLOSE, by=make.operator, n=deal.id))["fee"] == {"amount": "2.50"}
    assert str(await make.available(deal.performer_id)) == "97.51 EUR"


async def test_a_customer_withdraws_what_was_not_confirmed(api, make, database):
    waiting = await make.deal()
    await api(CONFIRM, by=make.user(waiting.performer_id), n=waiting.id)
    for deal in (waiting, await make.deal()):
        assert (await api(CANCEL, by=make.user(deal.customer_id), n=deal.id))["status"] == "CANCELLED"


async def test_28_of_several_waiting_deals_the_oldest_that_fits_comes_first(api, make, database):
    anna = await make.person()
    first, second = [await make.deal(price, customer=anna) for price in ("80 USDT", "50 USDT")]
    for deal in (first, second):
        await api(CONFIRM, by=make.user(deal.performer_id), n=deal.id)
    await make.adjust(anna, "100 USDT")
    assert (await promote_waiting_deals(TOOLS)).failures == 0
    assert [(await api(READ, by=make.operator, n=deal.id))["status"] for deal in (first, second)] == [
        "CONFIRM_PERFORMER", "WAITING_FOR_PAYMENT",
    ]  # fmt: skip
    assert await stands(api, make, anna) == ("20.000000", "80.000000")
    await make.adjust(anna, "30 USDT")
    await promote_waiting_deals(TOOLS)
    assert (await api(READ, by=make.operator, n=second.id))["status"] == "CONFIRM_PERFORMER"


async def test_29_other_money_does_not_help_a_waiting_deal(api, make, database):
    deal = await make.deal("100 EUR")
    await api(CONFIRM, by=make.user(deal.performer_id), n=deal.id)
    customer = await make.ask(
        "query ($n: Int!) { person(ref: {number: $n}) { version } }", by=make.operator, n=deal.customer_id
    )
    assert customer["version"] == 0
    from models.people import reads  # noqa: PLC0415

    await make.adjust(await reads.person(make.operator.viewer, deal.customer_id), "1000 USDT")
    await promote_waiting_deals(TOOLS)
    assert (await api(READ, by=make.operator, n=deal.id))["status"] == "WAITING_FOR_PAYMENT"


async def test_30_31_a_deal_is_disputed_once_and_only_while_it_is_confirmed(api, make, nothing_written):
    early, deal = await make.deal(), await make.deal(confirmed=True)
    async with nothing_written():
        refused = await api(DISPUTE, by=make.user(early.customer_id), n=early.id)
    assert (refused["code"], refused["currentStatus"]) == ("DEAL_DISPUTE_CREATE_NOT_ALLOWED", "CREATED")
    disputed = await api(DISPUTE, by=make.user(deal.performer_id), n=deal.id)
    assert (disputed["status"], disputed["hasOpenDispute"]) == ("CONFIRM_PERFORMER", True)
    assert disputed["dispute"]["openedBy"] == {"number": deal.performer_id}
    async with nothing_written():
        assert (await api(DISPUTE, by=make.user(deal.customer_id), n=deal.id))["code"] == "DEAL_DISPUTE_ALREADY_CREATED"
        assert (await api(CLOSE, by=make.user(deal.customer_id), n=deal.id))["code"] == "DEAL_HAS_OPEN_DISPUTE"


@pytest.mark.parametrize(
    ("favour", "part", "status", "customer", "performer", "kinds"),
    [
        ("PERFORMER", None, "ARB_CLOSE_PERFORMER", "0.000000", "100.000000", ["DISPUTE_PERFORMER"]),
        ("CUSTOMER", None, "ARB_CLOSE_CUSTOMER", "100.000000", "0.000000", []),
        ("SPLIT", "30.5", "ARB_CLOSE_SPLIT", "69.500000", "30.500000", ["DISPUTE_SPLIT_PERFORMER"]),
    ],
)
async def test_32_an_operator_decides_once(
    api, make, nothing_written, favour, part, status, customer, performer, kinds
):
    deal = await make.deal(confirmed=True)
    await api(DISPUTE, by=make.user(deal.customer_id), n=deal.id)
    closed = await api(DECIDE, by=make.operator, n=deal.id, **{"for": favour, "part": part, "comment": "Seen both"})
    assert (closed["status"], closed["hasOpenDispute"]) == (status, False)
    assert (closed["dispute"]["status"], closed["dispute"]["resolution"]) == ("CLOSED", favour)
    assert str(await make.available(deal.customer_id, "USDT")) == f"{customer} USDT"
    assert str(await make.available(deal.performer_id, "USDT")) == f"{performer} USDT"
    found = await api(CORRECTIONS, by=make.operator, n=deal.performer_id)
    assert [edge["node"]["kind"] for edge in found["edges"]] == kinds
    async with nothing_written():
        again = await api(DECIDE, by=make.operator, n=deal.id, **{"for": favour, "part": part})
        assert again["status"] == status
        for other in {"PERFORMER", "CUSTOMER", "SPLIT"} - {favour}:
            amount = "1" if other == "SPLIT" else None
            refused = await api(DECIDE, by=make.operator, n=deal.id, **{"for": other, "part": amount})
            assert refused["code"] == "DEAL_DISPUTE_ALREADY_CLOSED"


async def test_33_what_was_not_disputed_cannot_be_decided(api, make, nothing_written):
    denied = await make.deal()
    await api(DENY, by=make.user(denied.performer_id), n=denied.id)
    for deal in (await make.deal(confirmed=True), await make.deal(), denied):
        async with nothing_written():
            refused = await api(DECIDE, by=make.operator, n=deal.id, **{"for": "CUSTOMER"})
        assert refused["code"] == "DEAL_DISPUTE_DOES_NOT_EXIST"


async def test_deadlines_cancel_what_was_not_confirmed_and_note_what_was(api, make, knobs, database):
    from datetime import timedelta  # noqa: PLC0415

    from models.kernel.clock import now  # noqa: PLC0415

    soon = now() + timedelta(seconds=0.3)
    offered, confirmed, later = (
        await make.deal(deadline_at=soon),
        await make.deal(confirmed=True, deadline_at=soon),
        await make.deal(deadline_at=now() + timedelta(hours=1)),
    )
    await asyncio.sleep(0.35)
    assert (await expire_deals(TOOLS)).done == 2
    assert (await expire_deals(TOOLS)).done == 0
    told = [await api(READ, by=make.operator, n=deal.id) for deal in (offered, confirmed, later)]
    assert [(deal["status"], deal["overdue"]) for deal in told] == [
        ("CANCELLED", False), ("CONFIRM_PERFORMER", True), ("CREATED", False),
    ]  # fmt: skip
