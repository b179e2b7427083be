"""What a bank pushes: believed by its signature alone, kept before it is answered, credited once. [spec/deals §4, §8]"""

from __future__ import annotations

import asyncio
import hmac

import asyncpg
import orjson
import pytest

from jobs.inbox import drain_inbox, ingest_event
from jobs.running import Tools
from models.inbox import operations as inbox
from models.inbox.topics import webhook
from models.kernel.clock import now
from models.kernel.sql import fetch, sql
from models.kernel.viewer import Role
from models.payments import operations as payments
from models.payments.operations import Terms
from models.wiring import TOPICS
from schema.node import global_id
from tests.inbox.telling import INGEST, REDRIVE
from tests.make import Asker, money
from tests.payments.bank import DRAIN, PAID, READ, SECRET, UNPAID, Bank, accounts, letters, messages, names


@pytest.fixture
def bank(make):
    return Bank(make)


# --- what the bank did not sign ---------------------------------------------------------------------------------------------


async def test_a_transfer_is_kept_at_once_and_credited_by_the_next_drain(bank):
    payment = await bank.payment()
    assert payment["gatewayData"]["account"] == "SANDBOX-0001"
    assert await bank.send(bank.told(payment)) == (200, "kept")
    assert (await bank.stands(payment), await messages()) == (UNPAID, [("b-1", "received", None)])
    assert (await drain_inbox(Tools(DRAIN))).done == 1
    assert (await bank.stands(payment), await messages()) == (PAID, [("b-1", "processed", None)])
    assert await names(payment) == ["open", "credit_deposit", "settle"]
    read = await bank.make.ask(READ, by=bank.make.operator, n=payment["number"])
    assert read["wallet"] is None
    (deposit,) = read["deposits"]
    assert (deposit["amount"]["amount"], deposit["txId"], deposit["sender"]) == ("100.00", "b-1", "Anna Petrova")
    assert await accounts() == {("gateway:bank:deposit", "EUR"): -10_000}


FORGED = {
    "another secret": {"secret": "x" * 40},
    "no signature": {"headers": {}},
    "an empty one": {"headers": {"bank-signature": ""}},
    "rubbish": {"headers": {"bank-signature": "rubbish,,=,t"}},
    "a very long one": {"headers": {"bank-signature": "t=1,v1=" + "a" * 5_000}},
    "one without a time": {"headers": {"bank-signature": "v1=" + "0" * 64}},
    "of letters that are none": {"headers": {"bank-signature": "t=1,v1=\xe9\xff".encode("latin-1")}},
    "too old": {"age": 301},
    "of the future": {"age": -301},
    "of the year 30000": {"at": "900000000000"},
    "of no time": {"at": "1e9"},
    "a negative time": {"at": "-1"},
}


@pytest.mark.parametrize("how", FORGED)
async def test_what_the_bank_did_not_sign_is_nobodys_and_nothing_is_written(bank, nothing_written, how):
    payment = await bank.payment()
    async with nothing_written():
        assert await bank.send(bank.told(payment), **FORGED[how]) == (401, "forged")
        assert (await drain_inbox(Tools(DRAIN))).done == 0
    assert await bank.stands(payment) == UNPAID


async def test_a_signature_is_of_its_own_body_and_time_alone(bank, nothing_written):
    payment = await bank.payment()
    body, at = orjson.dumps(bank.told(payment)), int(now().timestamp())
    digest = hmac.digest(SECRET.encode(), f"{at}.".encode() + body, "sha256").hex()
    good = {"bank-signature": f"t={at},v1={digest}"}
    async with nothing_written():
        for altered in (body.replace(b"100.00", b"900.00"), body + b" ", body[:-1], b""):
            assert await bank.send(altered, headers=good) == (401, "forged")
        for header in (
            f"t={at + 1},v1={digest}",
            f"t={at},t={at},v1={digest}",
            f"t={at},v0={digest}",
            f"t={at},v1={digest[:-1]}",
        ):
            assert await bank.send(body, headers={"bank-signature": header}) == (401, "forged")
    assert await bank.send(body, headers=good) == (200, "kept")


async def test_while_a_secret_is_changed_one_good_signature_of_two_is_enough(bank):
    payment = await bank.payment()
    body, at = orjson.dumps(bank.told(payment)), int(now().timestamp())
    digest = hmac.digest(SECRET.encode(), f"{at}.".encode() + body, "sha256").hex()
    assert await bank.send(body, headers={"Bank-Signature": f"t={at}, v1={'0' * 64}, v1={digest}"}) == (200, "kept")


async def test_a_house_without_a_secret_believes_nobody(bank, knobs, nothing_written):
    knobs(bank_secret="")
    async with nothing_written():
        assert await bank.send(bank.told(), secret="") == (401, "forged")


async def test_a_clock_that_differs_a_little_does_no_harm(bank):
    payment = await bank.payment()
    assert await bank.send(bank.told(payment), age=290) == (200, "kept")
    assert await bank.send(bank.told(payment, id="b-2"), age=-290) == (200, "kept")


# --- other doors ------------------------------------------------------------------------------------------------------------


async def test_there_is_a_door_for_each_known_system_and_only_for_pushes(bank, nothing_written):
    async with nothing_written():
        for path in ("nobody", "tron", "Bank", "bank%00", "x" * 2_000):
            assert await bank.send(bank.told(), path=path) == (404, "unknown")
        for method in ("GET", "PUT", "DELETE", "PATCH"):
            assert (await bank.make.http.request(method, "/webhooks/bank")).status_code == 405


async def test_a_body_without_bounds_is_not_read_to_its_end(bank, knobs, nothing_written):
    knobs(body_max_bytes=1_024)
    async with nothing_written():
        assert await bank.send(bank.told(senderName="x" * 2_000)) == (413, "too_large")


SAID = {"id": "b-1", "type": "transfer.received", "reference": "RF1", "amount": "1", "currency": "EUR", "bookedAt": ""}


@pytest.mark.parametrize("name", ["service", "bank", "webhook-bank"])
async def test_no_service_can_tell_of_a_transfer_whatever_it_is_called(bank, nothing_written, name):
    given = {"topic": "bank.transfer", "eventId": "b-1", "payload": SAID}
    async with nothing_written():
        answer = await bank.make.ask(INGEST, by=Asker.of(Role.SERVICE, name), input=given)
    assert (answer["code"], answer["fields"]) == (
        "INVALID_INPUT",
        [{"path": "topic", "message": "must be one of person.named, shop.credited"}],
    )


async def test_no_token_is_that_of_the_banks_own_door(bank, nothing_written):
    given = {"topic": "bank.transfer", "eventId": "b-1", "payload": SAID}
    async with nothing_written():
        for name in (webhook("bank").subject, "webhook:bank"):
            error = await bank.make.error(INGEST, by=Asker.of(Role.SERVICE, name), input=given)
            assert error == {"code": "UNAUTHENTICATED", "status": 401}


async def test_the_queue_that_others_reach_cannot_tell_of_a_transfer(bank):
    payment = await bank.payment()
    said = bank.told(payment)
    for _ in range(2):
        await ingest_event({"job_try": 1}, "bank.transfer", "b-1", said)
    await drain_inbox(Tools(DRAIN))
    assert (await bank.stands(payment), await messages()) == (UNPAID, [])
    ((source, name, payload, reason, status),) = await letters()
    assert (source, name, status) == ("queue:saldo:public", "ingest_event", "dead")
    assert orjson.loads(payload) == {"topic": "bank.transfer", "eventId": "b-1", "payload": said}
    assert reason == "INVALID_INPUT: topic: must be one of person.named, shop.credited"
    (letter,) = await fetch(sql("SELECT id FROM dead_letter"))
    wanted = {"ids": [global_id("DeadLetter", letter["id"])]}
    (again,) = await bank.make.ask(REDRIVE, by=bank.make.operator, input=wanted)
    assert (again["code"], await messages(), await bank.stands(payment)) == ("INVALID_INPUT", [], UNPAID)


# --- again, otherwise, in another order -------------------------------------------------------------------------------------


async def test_the_same_transfer_again_is_credited_once_and_answered_well(bank, nothing_written):
    payment = await bank.payment()
    said = bank.told(payment)
    assert await asyncio.gather(*(bank.send(said) for _ in range(5))) == [(200, "kept")] * 5
    await asyncio.gather(*(drain_inbox(Tools(DRAIN)) for _ in range(3)))
    assert await bank.stands(payment) == PAID
    async with nothing_written():
        assert await bank.send(dict(reversed(said.items())), age=20) == (200, "kept")
        await drain_inbox(Tools(DRAIN))
    assert (await bank.stands(payment), await names(payment)) == (PAID, ["open", "credit_deposit", "settle"])


async def test_a_transfer_that_is_told_again_after_its_message_is_forgotten_is_credited_once(bank):
    payment = await bank.payment()
    await bank.pays(payment)
    await fetch(sql("UPDATE inbox_message SET updated_at = saldo_now() - interval '400 days' RETURNING 1"))
    assert await inbox.forget_old(days=30, limit=10, by=DRAIN) == 1
    await bank.pays(payment)
    assert (await bank.stands(payment), await messages()) == (
        PAID,
        [("b-1", "ignored", "this transfer was told before")],
    )


async def test_another_content_under_a_known_id_is_a_dead_letter_and_no_money(bank, nothing_written):
    payment = await bank.payment()
    await bank.pays(payment)
    other = bank.told(payment, amount="900.00")
    assert await bank.send(other) == (200, "buried")
    async with nothing_written():
        assert await bank.send(other) == (200, "buried")
        await drain_inbox(Tools(DRAIN))
    assert await bank.stands(payment) == PAID
    ((source, name, payload, reason, _),) = await letters()
    assert (source, name, orjson.loads(payload)["payload"]) == ("webhook:bank", "b-1", other)
    assert reason == "EVENT_ID_CONFLICT: This event id came before with another content."


async def test_the_order_in_which_parts_come_is_all_the_same(bank):
    payment = await bank.payment()
    assert await bank.send(bank.told(payment, id="second", amount="40", bookedAt="2026-01-03T00:00:00Z")) == (
        200,
        "kept",
    )
    assert await bank.send(bank.told(payment, id="first", amount="60.0", bookedAt="2026-01-02T00:00:00Z")) == (
        200,
        "kept",
    )
    await asyncio.gather(*(drain_inbox(Tools(DRAIN)) for _ in range(3)))
    assert await bank.stands(payment) == PAID
    assert await names(payment) == ["open", "credit_deposit", "credit_deposit", "settle"]


async def test_part_then_rest_then_more(bank):
    payment = await bank.payment()
    await bank.pays(payment, amount="99.99")
    assert await bank.stands(payment) == ("WAITING", "PARTIAL", "99.99", "99.99")
    await bank.pays(payment, id="b-2", amount="0.01")
    assert await bank.stands(payment) == PAID
    await bank.pays(payment, id="b-3", amount="30")
    assert await bank.stands(payment) == ("SUCCESS", "OVER", "130.00", "130.00")
    assert await names(payment) == ["open", "credit_deposit", "credit_deposit", "settle", "credit_deposit"]
    assert await accounts() == {("gateway:bank:deposit", "EUR"): -13_000}


async def test_what_comes_after_the_payment_has_expired_is_late(bank):
    payment = await bank.payment()
    await fetch(sql("UPDATE payment SET expires_at = saldo_now() - interval '1 second' RETURNING 1"))
    assert await payments.expire(payment["number"], by=DRAIN)
    await bank.pays(payment)
    assert await bank.stands(payment) == ("ERROR", "LATE", "100.00", "100.00")
    assert await names(payment) == ["open", "expire", "credit_deposit"]


@pytest.mark.parametrize("written", ["{lower}", " {spaced} ", "{spaced}", "\u00a0{lower}\t"])
async def test_a_reference_is_known_however_it_is_typed(bank, written):
    payment = await bank.payment()
    reference = payment["gatewayData"]["reference"]
    spaced = " ".join(reference[at : at + 4] for at in range(0, len(reference), 4)).lower()
    await bank.pays(payment, reference=written.format(lower=reference.lower(), spaced=spaced))
    assert await bank.stands(payment) == PAID


# --- what is signed and makes no sense --------------------------------------------------------------------------------------

ODD = {
    b"": "not a JSON object",
    b"{": "not a JSON object",
    b"[]": "not a JSON object",
    b"null": "not a JSON object",
    b"\xff\xfe": "not a JSON object",
    b'{"id": 5}': "id",
    b'{"id": "b-1", "type": "transfer.sent"}': "type",
}


@pytest.mark.parametrize("body", ODD)
async def test_what_the_bank_signed_and_nobody_can_read_is_kept_for_a_human(bank, nothing_written, body):
    assert await bank.send(body) == (200, "buried")
    ((source, _, payload, reason, status),) = await letters()
    assert (source, payload, reason, status) == ("webhook:bank", body.decode("utf-8", "replace"), ODD[body], "dead")
    async with nothing_written():
        assert await bank.send(body) == (200, "buried")
        await drain_inbox(Tools(DRAIN))


@pytest.mark.parametrize(
    "more",
    [
        {"amount": 100}, {"amount": "-1"}, {"amount": "1e3"}, {"amount": "NaN"}, {"amount": ""}, {"amount": "1,5"},
        {"amount": None}, {"amount": "\u0661\u0662"}, {"currency": "eur"}, {"currency": None}, {"reference": None},
        {"reference": "x" * 201},
        {"senderName": 7}, {"senderName": "a\0b"}, {"bookedAt": None}, {"id": ""}, {"id": "x" * 65}, {"id": "a b"},
    ],
)  # fmt: skip
async def test_a_transfer_that_is_told_oddly_is_a_dead_letter_and_no_money(bank, more):
    payment = await bank.payment()
    before = await accounts()
    assert await bank.send(bank.told(payment, **more)) == (200, "buried")
    await drain_inbox(Tools(DRAIN))
    assert (await bank.stands(payment), await accounts(), await messages()) == (UNPAID, before, [])
    ((source, *_),) = await letters()
    assert source == "webhook:bank"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"amount": "0"}, "INVALID_AMOUNT"),
        ({"amount": "0.00"}, "INVALID_AMOUNT"),
        ({"amount": "1.001"}, "INVALID_AMOUNT"),
        ({"amount": "999999999999999"}, "INVALID_AMOUNT"),
        ({"currency": "GBP"}, "CURRENCY_NOT_SUPPORTED"),
        ({"currency": "XYZ"}, "CURRENCY_NOT_SUPPORTED"),
    ],
)
async def test_a_transfer_that_can_be_none_dies_with_its_reason(bank, more, why):
    payment = await bank.payment()
    await bank.pays(payment, **more)
    assert (await bank.stands(payment), await accounts()) == (UNPAID, {})
    ((event_id, status, reason),) = await messages()
    assert (event_id, status, reason.split(":")[0]) == ("b-1", "dead", why)
    assert [letter[0] for letter in await letters()] == ["inbox:bank.transfer"]


async def test_words_longer_than_a_transfer_may_hold_are_kept_whole_for_a_human(bank):
    said = bank.told(await bank.payment(), senderName="y" * 200)
    assert await bank.send(said) == (200, "buried")
    ((source, _, payload, reason, _),) = await letters()
    assert (source, orjson.loads(payload)["payload"], reason.split(": ")[1]) == (
        "webhook:bank",
        said,
        "payload.senderName",
    )


# --- while the house cannot -------------------------------------------------------------------------------------------------


async def test_while_postgresql_is_busy_the_bank_is_asked_to_come_again(bank, nothing_written, database_url):
    payment = await bank.payment()
    other = await asyncpg.connect(database_url)
    async with nothing_written(), other.transaction():
        await other.execute("SELECT pg_advisory_xact_lock(hashtextextended('inbox:bank.transfer:b-1', 0))")
        assert await bank.send(bank.told(payment)) == (503, "busy")
    await other.close()
    await bank.pays(payment)
    assert await bank.stands(payment) == PAID


@pytest.mark.parametrize("door", ["ingest", "bury"])
@pytest.mark.parametrize("trouble", [ConnectionRefusedError(), asyncpg.CannotConnectNowError("starting up")])
async def test_while_postgresql_is_out_of_reach_the_bank_is_asked_to_come_again(bank, monkeypatch, door, trouble):
    async def unreachable(*_args, **_more):
        raise trouble

    monkeypatch.setattr(inbox, door, unreachable)
    assert await bank.send(bank.told() if door == "ingest" else b"{") == (503, "busy")


async def test_a_gateway_that_is_switched_off_still_takes_what_was_paid(bank):
    payment = await bank.payment()
    limits = {"EUR": (money("1 EUR"), money("100000 EUR"))}
    terms = Terms("Bank", "bank_transfer", limits, enabled=False)
    await payments.upsert_gateway("bank", terms, by=bank.make.operator.viewer)
    await bank.pays(payment)
    assert await bank.stands(payment) == PAID


async def test_without_any_gateway_of_a_bank_money_for_nobody_is_for_a_human(bank):
    await bank.pays()
    ((_, status, reason),) = await messages()
    assert (status, reason, await accounts()) == ("dead", "there is no gateway for bank_transfer", {})
    assert TOPICS["bank.transfer"].webhook == "bank"
