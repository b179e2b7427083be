"""Transfers that name no payment: kept, owed to somebody, and matched once by an operator. [spec/deals §4]"""

from __future__ import annotations

import asyncio

import pytest

from jobs.inbox import drain_inbox
from jobs.running import Tools
from models.kernel.sql import fetch, sql
from schema.node import global_id
from tests.payments.bank import DRAIN, PAID, UNPAID, Bank, accounts, names

MATCH = """mutation ($input: MatchDepositInput!) { matchDeposit(input: $input) { __typename
  ... on Payment { number status exception received { amount } }
  ... on Refusal { code } ... on InvalidInput { fields { path message } } } }"""


@pytest.fixture
def bank(make):
    return Bank(make)


@pytest.mark.parametrize(
    "reference",
    ["", "RF00000", "thanks a lot", "RF", "'; DROP TABLE payment; --", "\u202erf18", "7" * 41, "for the kitchen " * 8],
)
async def test_what_names_no_payment_is_kept_for_an_operator(bank, reference):
    payment = await bank.payment()
    await bank.pays(reference=reference, amount="12.34")
    assert await bank.stands(payment) == UNPAID
    (deposit,) = await bank.unmatched()
    assert (deposit["amount"], deposit["reference"]) == ({"amount": "12.34", "currency": "EUR"}, reference)
    assert (deposit["txId"], deposit["sender"], deposit["creditedAt"]) == ("b-1", "Anna Petrova", None)
    assert await accounts() == {("gateway:bank:deposit", "EUR"): -1_234, ("suspense:unmatched", "EUR"): 1_234}


async def test_a_reference_with_a_slip_of_the_pen_pays_nobody_else(bank):
    first, second = await bank.payment(), await bank.payment()
    digits = first["gatewayData"]["reference"]
    for place in range(2, len(digits)):
        wrong = digits[:place] + str((int(digits[place]) + 1) % 10) + digits[place + 1 :]
        await bank.pays(id=f"b-{place}", reference=wrong)
    assert (await bank.stands(first), await bank.stands(second)) == (UNPAID, UNPAID)
    assert len(await bank.unmatched()) == len(digits) - 2


async def test_another_currency_than_the_payments_is_nobodys_yet(bank):
    payment = await bank.payment()
    await bank.pays(payment, currency="USD")
    assert await bank.stands(payment) == UNPAID
    (deposit,) = await bank.unmatched()
    assert deposit["amount"] == {"amount": "100.00", "currency": "USD"}
    assert await accounts() == {("gateway:bank:deposit", "USD"): -10_000, ("suspense:unmatched", "USD"): 10_000}


async def unmatched(bank, **more):
    await bank.pays(reference="for Anna", **more)
    return (await bank.unmatched())[0]["id"]


async def test_an_operator_says_whose_it_is_and_it_is_credited_once(bank, nothing_written):
    payment, other = await bank.payment(), await bank.payment()
    deposit = await unmatched(bank)
    given = {"deposit": deposit, "payment": {"number": payment["number"]}, "idempotencyKey": "m"}
    answer = await bank.make.ask(MATCH, by=bank.make.operator, input=given)
    assert answer == {
        "__typename": "Payment", "number": payment["number"], "status": "SUCCESS", "exception": "NONE",
        "received": {"amount": "100.00"},
    }  # fmt: skip
    assert (await bank.stands(payment), await bank.unmatched()) == (PAID, [])
    assert await accounts() == {("gateway:bank:deposit", "EUR"): -10_000}
    async with nothing_written():
        assert await bank.make.ask(MATCH, by=bank.make.operator, input=given) == answer
        for whose in (payment, other):
            again = {"deposit": deposit, "payment": {"number": whose["number"]}}
            assert (await bank.make.ask(MATCH, by=bank.make.operator, input=again))["code"] == "DEPOSIT_NOT_FOUND"
        await bank.send(bank.told(reference="for Anna"))
        await drain_inbox(Tools(DRAIN))
    assert await names(payment) == ["open", "credit_deposit", "settle"]


async def test_one_deposit_that_many_match_at_once_is_one_credit(bank):
    made = [await bank.payment() for _ in range(4)]
    deposit = await unmatched(bank)
    answers = await asyncio.gather(
        *(
            bank.make.ask(
                MATCH, by=bank.make.operator, input={"deposit": deposit, "payment": {"number": payment["number"]}}
            )
            for payment in made * 2
        )
    )
    assert sorted(answer.get("code", answer["__typename"]) for answer in answers) == ["DEPOSIT_NOT_FOUND"] * 7 + [
        "Payment"
    ]
    assert sorted([await bank.stands(payment) for payment in made]) == sorted([PAID, UNPAID, UNPAID, UNPAID])


async def test_who_may_not_match_and_what_does_not_fit_is_refused(bank, nothing_written):
    payment, dollars = await bank.payment(), await bank.payment("100 USD")
    await bank.pays(payment, id="b-0", amount="1")
    deposit = await unmatched(bank)
    (credited,) = await fetch(sql("SELECT id FROM deposit WHERE tx_id = 'b-0'"))
    his, nobody = {"number": payment["number"]}, {"number": 10**9}
    async with nothing_written():
        for by in (bank.make.user(payment["personNumber"]), bank.make.service, bank.make.auditor):
            error = await bank.make.error(MATCH, by=by, input={"deposit": deposit, "payment": his})
            assert error == {"code": "FORBIDDEN", "status": 403}
        for given, code in (
            ({"deposit": deposit, "payment": nobody}, "PAYMENT_NOT_FOUND"),
            ({"deposit": global_id("Deposit", 10**9), "payment": his}, "DEPOSIT_NOT_FOUND"),
            ({"deposit": global_id("Deposit", credited["id"]), "payment": his}, "DEPOSIT_NOT_FOUND"),
            ({"deposit": global_id("Payment", payment["number"]), "payment": his}, "DEPOSIT_NOT_FOUND"),
            ({"deposit": "rubbish", "payment": his}, "DEPOSIT_NOT_FOUND"),
            ({"deposit": deposit, "payment": his, "expectedVersion": 99}, "VERSION_CONFLICT"),
        ):
            assert (await bank.make.ask(MATCH, by=bank.make.operator, input=given))["code"] == code
        no = await bank.make.ask(
            MATCH, by=bank.make.operator, input={"deposit": deposit, "payment": {"number": dollars["number"]}}
        )
    assert (no["code"], no["fields"]) == (
        "INVALID_INPUT",
        [{"path": "payment", "message": "is in USD, the deposit in EUR"}],
    )
