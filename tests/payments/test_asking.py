"""Payments, asked wrongly and by whom they are not for: every no is exact, and leaves no trace. [spec/deals §6, §13.14, 15]"""

from __future__ import annotations

import pytest

from jobs.running import measured
from jobs.wiring import BODIES
from models.kernel.sql import fetch, sql
from models.payments import operations as payments
from models.wiring import JOBS
from tests.payments.outside import CREATE
from tests.payments.paid import asked, credited, offered
from tests.people.test_bad_input import global_id, refusal

NO_PAYMENT = refusal("NotFound", "PAYMENT_NOT_FOUND", "There is no such payment.")
FACTS = "__typename ... on Refusal { code message retryable } ... on InvalidInput { fields { path message } }"
PAYMENT = "... on Payment { number status version exception received { amount } }"


def mutation(name, more="", given=""):
    return f"""mutation ($n: Int!{more}) {{ {name}(input: {{payment: {{number: $n}}{given}}}) {{
      {PAYMENT if name != "recheckPayment" else "... on JobRun { job status requestedBy }"} {FACTS} }} }}"""


FAIL = mutation("failPayment", ", $why: String!", ", reason: $why")
RECHECK = mutation("recheckPayment")
OFFER = """mutation ($input: UpsertPaymentGatewayInput!) { upsertPaymentGateway(input: $input) { __typename
  ... on PaymentGateway { gatewayCode name status version currencies } ... on Refusal { code message }
  ... on InvalidInput { fields { path message } } } }"""
READ = (
    "query ($n: Int!) { payment(ref: {number: $n}) { number wallet { address } check { failures } person { number } } }"
)
LIST = """query ($filter: PaymentFilter, $order: PaymentOrder! = NEWEST) { payments(filter: $filter, orderBy: $order, first: 50) {
  totalCount edges { node { number } } } }"""
WAITING = """query ($n: Int!) { deal(ref: {number: $n}) { waitingFor { shortfall { amount } payments { number } } } }"""


@pytest.fixture
async def anna(make):
    return await make.person()


def given(person, amount="100", currency="USDT", gateway="usdt", **more):
    money = {"amount": amount, "currency": currency}
    return {"gateway": gateway, "money": money, "person": {"number": person}, "idempotencyKey": "k"} | more


async def no(api, by, **asked):
    answer = await api(CREATE, by=by, input=given(**asked))
    return answer["__typename"], answer.get("code")


async def test_15_every_no_of_a_payment_comes_in_its_order(api, make, anna, nothing_written, knobs):
    await offered(make)
    await make.ask(OFFER, by=make.operator, input=terms("off", enabled=False))
    user, other = make.user(anna), make.user(anna.id + 1_000)
    cases = [
        (user, {"gateway": "none", "person": 10**6, "amount": "0"}, ("NotFound", "PAYMENT_GATEWAY_NOT_FOUND")),
        (user, {"gateway": "x" * 5_000}, ("NotFound", "PAYMENT_GATEWAY_NOT_FOUND")),
        (user, {"person": 10**6, "amount": "0"}, ("NotFound", "PERSON_NOT_FOUND")),
        (other, {"amount": "0", "gateway": "off"}, ("NotFound", "PERSON_NOT_FOUND")),
        (user, {"gateway": "off", "currency": "EUR"}, ("GatewayDisabled", "GATEWAY_DISABLED")),
        (user, {"currency": "EUR"}, ("CurrencyNotSupported", "CURRENCY_NOT_SUPPORTED")),
        (user, {"amount": "0"}, ("InvalidAmount", "INVALID_AMOUNT")),
        (user, {"amount": "-5"}, ("InvalidAmount", "INVALID_AMOUNT")),
        (user, {"amount": "0.999999"}, ("InvalidAmount", "INVALID_AMOUNT")),
        (user, {"amount": "100000.000001"}, ("InvalidAmount", "INVALID_AMOUNT")),
        (user, {"amount": "1.0000001"}, ("InvalidAmount", "INVALID_AMOUNT")),
    ]
    async with nothing_written():
        for by, wrong, told in cases:
            assert (wrong, await no(api, by, **{"person": anna.id} | wrong)) == (wrong, told)


async def test_without_a_public_key_tron_is_unavailable_and_the_rest_goes_on(
    api, make, anna, nothing_written, monkeypatch
):
    await offered(make)
    monkeypatch.setattr("server.graphql.context.issuers", dict)
    async with nothing_written():
        assert await no(api, make.user(anna), person=anna.id) == ("GatewayUnavailable", "GATEWAY_UNAVAILABLE")
    monkeypatch.undo()
    assert (await no(api, make.user(anna), person=anna.id))[0] == "Payment"


async def test_a_key_that_was_used_for_another_amount_is_a_conflict(api, make, anna, nothing_written):
    await offered(make)
    await no(api, make.user(anna), person=anna.id)
    async with nothing_written():
        assert await no(api, make.user(anna), person=anna.id, amount="99") == (
            "IdempotencyKeyConflict", "IDEMPOTENCY_KEY_CONFLICT",
        )  # fmt: skip


async def test_a_foreign_payment_looks_like_an_unknown_one(make, anna, nothing_written):
    payment = await asked(make, person=anna.id)
    stranger = make.user(await make.person())
    async with nothing_written():
        for by in (stranger, make.service, make.merchant, make.channel):
            assert await make.error(READ, by=by, n=payment.id) == {"code": "PAYMENT_NOT_FOUND", "status": 404}
            assert await make.error(READ, by=by, n=payment.id + 1) == {"code": "PAYMENT_NOT_FOUND", "status": 404}
        for mutation_ in (FAIL, RECHECK):
            answer = (
                await make.ask(mutation_, by=make.operator, n=payment.id + 1, why="x")
                if mutation_ is FAIL
                else (await make.ask(mutation_, by=make.operator, n=payment.id + 1))
            )
            assert answer == NO_PAYMENT


async def test_its_person_sees_a_payment_and_nothing_of_the_house(api, make, anna):
    payment = await asked(make, person=anna.id)
    assert await api(READ, by=make.user(anna), n=payment.id) == {
        "number": payment.id, "wallet": None, "check": None, "person": {"number": anna.id},
    }  # fmt: skip
    seen = await api(READ, by=make.auditor, n=payment.id)
    assert (seen["wallet"]["address"], seen["check"]) == (payment.gateway_data["address"], {"failures": 0})


async def test_lists_show_everybody_his_own(api, make, anna):
    bert = await make.person()
    first, second, third = [await asked(make, person=person.id) for person in (anna, bert, anna)]
    await make.ask(FAIL, by=make.operator, n=first.id, why="not paid")

    async def numbers(by, **asked_for):
        page = await api(LIST, by=by, **asked_for)
        assert page["totalCount"] == len(page["edges"])
        return [edge["node"]["number"] for edge in page["edges"]]

    assert await numbers(make.user(anna)) == [third.id, first.id]
    assert await numbers(make.user(bert), filter={"person": {"number": anna.id}}) == []
    assert await numbers(make.operator, order="OLDEST") == [first.id, second.id, third.id]
    assert await numbers(make.operator, order="CHANGED") == [first.id, third.id, second.id]
    assert await numbers(make.operator, filter={"status": "ERROR"}) == [first.id]
    assert await numbers(make.operator, filter={"gateway": "usdt", "currency": "USDT", "needsAttention": False}) == [
        third.id, second.id, first.id,
    ]  # fmt: skip
    assert await numbers(make.operator, filter={"gateway": "none"}) == []
    assert await numbers(make.service) == []


async def test_an_operator_ends_a_payment_once_and_says_why(api, make, nothing_written):
    payment = await asked(make)
    async with nothing_written():
        assert (await api(FAIL, by=make.operator, n=payment.id, why=" "))["code"] == "INVALID_INPUT"
    ended = await api(FAIL, by=make.operator, n=payment.id, why="the customer gave up")
    assert (ended["status"], ended["version"]) == ("ERROR", 1)
    async with nothing_written():
        assert (await api(FAIL, by=make.operator, n=payment.id, why="again"))["status"] == "ERROR"
    (event,) = await fetch(sql("SELECT facts FROM event WHERE name = 'fail'"))
    assert "the customer gave up" in event["facts"]


async def test_a_settled_payment_is_not_ended(api, make, nothing_written):
    payment, claim = await credited(make)
    await payments.settle(claim, by=make.operator.viewer)
    async with nothing_written():
        answer = await api(FAIL, by=make.operator, n=payment.id, why="x")
    assert (answer["code"], answer["__typename"]) == ("PAYMENT_STATUS_CHANGE_NOT_ALLOWED", "IllegalMove")


async def test_recheck_answers_a_run_and_the_run_checks_the_payment(world, api, make):
    payment = await world.create()
    await world.pay(payment)
    run = await api(RECHECK, by=make.operator, n=payment["number"])
    assert run == {"job": "CHECK_PAYMENTS", "status": "REQUESTED", "requestedBy": "operator", "__typename": "JobRun"}
    assert (await measured(JOBS["run_requested_jobs"], BODIES, world.outside)).done == 1
    assert (await world.read(payment))["received"]["amount"] == "100.000000"


async def test_a_recheck_ends_the_back_off(world, api, make, told):
    payment = await world.create()
    await world.pay(payment)
    await world.script("gettransactioninfobyid", "error", times=6)
    await world.tick(6)
    check = (await world.read(payment))["check"]
    assert (check["failures"], check["failedStep"], (await world.read(payment))["needsAttention"]) == (
        6,
        "BALANCE",
        True,
    )
    assert len(told) == 2  # the first failure, and the call for a human
    await world.tick()
    assert (await world.read(payment))["check"]["failures"] == 6
    await api(RECHECK, by=make.operator, n=payment["number"])
    await world.tick()
    read = await world.read(payment)
    assert (read["check"]["failures"], read["needsAttention"], read["received"]["amount"]) == (0, False, "100.000000")


async def test_a_waiting_deal_tells_its_customer_which_payments_are_under_way(api, make):
    deal = await make.deal("100 USDT")
    confirm = "mutation ($n: Int!) { confirmDeal(input: {deal: {number: $n}}) { ... on Deal { status } } }"
    await api(confirm, by=make.user(deal.performer_id), n=deal.id)
    first, second = [await asked(make, person=deal.customer_id) for _ in range(2)]
    await asked(make, person=deal.performer_id)
    await make.ask(FAIL, by=make.operator, n=first.id, why="x")
    for by, shown in (
        (make.user(deal.customer_id), [second.id]),
        (make.user(deal.performer_id), []),
        (make.operator, [second.id]),
    ):
        seen = await api(WAITING, by=by, n=deal.id)
        assert [one["number"] for one in seen["waitingFor"]["payments"]] == shown


def terms(code="card", **more):
    limits = [{"least": {"amount": "1", "currency": "EUR"}, "most": {"amount": "500", "currency": "EUR"}}]
    return {"gatewayCode": code, "name": "Card", "service": "bank_transfer", "limits": limits} | more


async def test_an_operator_offers_a_gateway_changes_it_and_switches_it_off(api, make, nothing_written):
    made = await api(OFFER, by=make.operator, input=terms())
    assert made == {"__typename": "PaymentGateway", "gatewayCode": "card", "name": "Card", "status": "ENABLED", "version": 0,
                    "currencies": ["EUR"]}  # fmt: skip
    async with nothing_written():
        assert await api(OFFER, by=make.operator, input=terms()) == made
    changed = await api(OFFER, by=make.operator, input=terms(name="Cards", enabled=False))
    assert (changed["name"], changed["status"], changed["version"]) == ("Cards", "DISABLED", 2)
    back = await api(OFFER, by=make.operator, input=terms(name="Cards"))
    assert (back["status"], back["version"]) == ("ENABLED", 3)


async def test_terms_that_cannot_be_meant_are_refused(api, make, nothing_written):
    wrong = [
        (terms(" "), "INVALID_INPUT"),
        (terms(name="x" * 129), "INVALID_INPUT"),
        (terms(logo="http://x"), "INVALID_INPUT"),
        (terms(confirmations=-1), "INVALID_INPUT"),
        (terms(limits=[]), "INVALID_INPUT"),
        (terms(limits=[limit("JPY", "1", "2")]), "CURRENCY_NOT_SUPPORTED"),
        (terms(limits=[limit("EUR", "5", "4")]), "INVALID_AMOUNT"),
        (terms(limits=[limit("EUR", "0", "4")]), "INVALID_AMOUNT"),
        (terms(limits=[limit("EUR", "1", "4") | {"most": {"amount": "4", "currency": "USD"}}]), "INVALID_INPUT"),
        (terms(limits=[limit("EUR", "1", "4"), limit("EUR", "1", "5")]), "INVALID_INPUT"),
    ]
    async with nothing_written():
        for input, code in wrong:
            assert (input, (await api(OFFER, by=make.operator, input=input))["code"]) == (input, code)


def limit(currency, least, most):
    return {"least": {"amount": least, "currency": currency}, "most": {"amount": most, "currency": currency}}


async def test_ids_that_are_none_are_found_like_unknown_ones(api, make, nothing_written):
    payment = await asked(make)
    match = """mutation ($d: ID!, $n: Int!) { matchDeposit(input: {deposit: $d, payment: {number: $n}}) { __typename
      ... on Refusal { code } } }"""
    async with nothing_written():
        for id in ("x", global_id("Deposit", 99), global_id("Payment", payment.id)):
            assert (await api(match, by=make.operator, d=id, n=payment.id))["code"] == "DEPOSIT_NOT_FOUND"
