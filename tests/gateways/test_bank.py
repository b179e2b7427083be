"""References that notice a slip of the pen, and webhooks that are the bank's own or nobody's."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.bank import NUMBER_MAX, number_of, reference, verify
from gateways.receipts import Forged
from gateways.webhooks import Message, Unreadable
from settings.outside import DEVELOPMENT_BANK_SECRET as SECRET

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
AT = int(NOW.timestamp())
TOLD = {
    "id": "bank-1",
    "type": "transfer.received",
    "reference": "RF7812345",
    "amount": "100.00",
    "currency": "EUR",
    "senderName": "Anna",
    "bookedAt": "2026-01-02T03:04:00+00:00",
}
numbers = st.integers(1, NUMBER_MAX)


def told(**changes) -> bytes:
    return orjson.dumps({**TOLD, **changes})


def signature(secret: str, body: bytes, at: int) -> str:
    return f"t={at},v1={hmac.digest(secret.encode(), f'{at}.'.encode() + body, 'sha256').hex()}"


def verified(body: bytes, *, header: str | None = None, at: int = AT, secret: str = SECRET) -> Message:
    return verify({"Bank-Signature": header or signature(secret, body, at)}, body, NOW)


# --- references


def test_references_of_the_standard():
    assert reference(12345) == "RF7812345"
    assert number_of("RF18 5390 0754 7034") == 539007547034  # the well-known example


@given(numbers)
def test_a_reference_leads_back_to_its_number(number):
    whole = reference(number)
    assert len(whole) <= 25
    spaced = " ".join(whole[i : i + 4] for i in range(0, len(whole), 4))
    assert number_of(whole) == number_of(whole.lower()) == number_of(f" {spaced}\u00a0") == number


@given(numbers, st.data())
def test_one_wrong_digit_and_two_exchanged_are_noticed(number, data):
    whole = reference(number)
    place = data.draw(st.integers(2, len(whole) - 1))
    digit = data.draw(st.sampled_from("0123456789"))
    if whole[place] != digit:
        assert number_of(whole[:place] + digit + whole[place + 1 :]) is None
    if place + 1 < len(whole) and whole[place] != whole[place + 1]:
        assert number_of(whole[:place] + whole[place + 1] + whole[place] + whole[place + 2 :]) is None


@given(st.text())
def test_any_text_may_be_asked_for_its_number(text):
    assert number_of(text) is None or number_of(text) > 0


@pytest.mark.parametrize(
    "text", ["", "RF", "RF78", "12345", "RF78 1234x5", "RF78\u0661\u0662345", "RF7812345\n", "XRF7812345"]
)
def test_what_is_no_reference_has_no_number(text):
    assert number_of(text) is None


def test_numbers_that_no_payment_has():
    beyond = NUMBER_MAX + 1
    digits = 98 - int(f"{beyond}271500") % 97
    assert number_of(f"RF{digits:02}{beyond}") is None
    assert number_of("RF980") is None  # right by its digits, and number 0
    for number in (0, -1, beyond):
        with pytest.raises(ValueError):
            reference(number)


# --- webhooks


def test_a_message_of_the_bank():
    assert verified(told()) == Message("bank", "bank-1", "transfer.received", TOLD)
    without = {name: value for name, value in TOLD.items() if name != "senderName"}
    assert verified(orjson.dumps(without)).payload == without


def test_one_good_signature_of_several_is_enough():
    body = told()
    good = signature(SECRET, body, AT).split("v1=")[1]
    assert verified(body, header=f"t={AT},v1={'0' * 64},v1={good}")
    assert verified(body, header=f"t={AT}, v1={good}, v1=old, v2=x")


@pytest.mark.parametrize(
    "header",
    [
        f"t={AT}",
        f"t={AT},v1=",
        f"t={AT},v1={'0' * 64}",
        f"t={AT},v1=é",
        "v1=GOOD",
        "t=,v1=GOOD",
        "t=now,v1=GOOD",
        f"t=-{AT},v1=GOOD",
        f"t={AT}.0,v1=GOOD",
        f"t=\u0663{AT},v1=GOOD",
        f"t={AT},t={AT + 1},v1=GOOD",
        f"t={AT + 1},v1=GOOD",
        f"t={AT},v0=GOOD",
        f"T={AT},V1=GOOD",
        "GOOD",
        "=,=,,",
        f"t={AT},v1=GOOD," + "v1=x," * 400,
    ],
)
def test_a_signature_that_is_none_is_forged(header):
    body = told()
    with pytest.raises(Forged):
        verified(body, header=header.replace("GOOD", signature(SECRET, body, AT).split("v1=")[1]))


def test_another_body_secret_or_system_is_forged():
    body = told()
    for forge in (
        lambda: verified(body, secret="another"),
        lambda: verified(told(amount="1000.00"), header=signature(SECRET, body, AT)),
        lambda: verified(body + b" ", header=signature(SECRET, body, AT)),
        lambda: verify({}, body, NOW),
        lambda: verify({"Signature": signature(SECRET, body, AT)}, body, NOW),
    ):
        with pytest.raises(Forged) as caught:
            forge()
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize(("age", "good"), [(0, True), (300, True), (-300, True), (301, False), (-301, False)])
def test_its_age_is_bounded_both_ways(age, good):
    body = told()
    if good:
        assert verified(body, at=AT - age)
    else:
        with pytest.raises(Forged, match="too old"):
            verified(body, at=AT - age)


def test_the_age_is_a_setting(knobs):
    knobs(bank_age_max_seconds=10)
    with pytest.raises(Forged):
        verified(told(), at=AT - 11)


def test_without_a_secret_everything_is_forged(knobs):
    knobs(bank_secret="")
    for secret in ("", SECRET):
        with pytest.raises(Forged):
            verified(told(), secret=secret)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not a JSON object"),
        (b"[1]", "not a JSON object"),
        (b"\xff", "not a JSON object"),
        (told(id=""), "id"),
        (told(id=7), "id"),
        (told(id="a" * 65), "id"),
        (told(id="a\0"), "id"),
        (told(type="transfer.sent"), "type"),
        (told(type=None), "type"),
        (told(amount=100), "amount"),
        (told(amount="1e3"), "amount"),
        (told(amount="-5"), "amount"),
        (told(amount="\u0663"), "amount"),
        (told(currency="eur"), "currency"),
        (told(reference=None), "reference"),
        (told(reference="a\0"), "reference"),
        (told(senderName=["Anna"]), "senderName"),
        (told(bookedAt=None), "bookedAt"),
    ],
)
def test_what_the_bank_says_and_nobody_understands_is_kept(body, reason):
    with pytest.raises(Unreadable) as caught:
        verified(body)
    known = reason not in {"id", "not a JSON object"}
    assert caught.value.reason == reason
    assert (caught.value.event_id == "bank-1") is known
    assert known or caught.value.event_id.startswith("sha256:")
    with pytest.raises(Forged):  # the signature is looked at first
        verified(body, secret="another")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.sampled_from([*TOLD]), anything)
def test_a_signed_message_is_whole_or_unreadable(name, value):
    try:
        body = told(**{name: value})
    except TypeError:  # an integer that no JSON of ours holds
        return
    try:
        message = verified(body)
    except Unreadable:
        return
    assert isinstance(message.event_id, str)


@given(st.dictionaries(st.text(), st.text()), st.text(), st.binary())
def test_any_request_may_come(headers, header, body):
    with pytest.raises(Forged):
        verify({**headers, "bank-signature": header}, body, NOW + timedelta(0))
