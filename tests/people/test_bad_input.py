"""People, asked wrongly: every no is typed and exact, looks alike for what is unknown and what is hidden, and leaves no trace."""

from __future__ import annotations

import base64

import pytest

from models.kernel.money import EXPONENTS, MINOR_MAX
from models.kernel.viewer import Role
from tests.make import Asker

ID = {"x-request-id": "test-request-0001"}
FACTS = """__typename ... on Refusal { code message retryable } ... on InvalidInput { fields { path message } }
  ... on VersionConflict { expected actual }"""
UPSERT = f"""mutation ($input: UpsertPersonInput!) {{ upsertPerson(input: $input) {{
  ... on Person {{ number name version }} {FACTS} }} }}"""
RUN = """mutation ($k: String) { runJob(input: {name: PRUNE, idempotencyKey: $k}) {
  __typename ... on Refusal { code message retryable } ... on InvalidInput { fields { path message } } } }"""
ADJUST = f"""mutation ($input: AdjustBalanceInput!) {{ adjustBalance(input: $input) {{
  ... on Person {{ number version }} ... on CurrencyNotSupported {{ currency supported }}
  ... on InsufficientFunds {{ available {{ amount currency }} required {{ amount }} }} {FACTS} }} }}"""
RENAMED = """mutation ($a: UpsertPersonInput!, $b: UpsertPersonInput!) {
  first: upsertPerson(input: $a) { ... on Person { name version } ... on Refusal { code } }
  second: upsertPerson(input: $b) { ... on Person { name version } ... on Refusal { code } } }"""


def global_id(noun, key):
    return base64.urlsafe_b64encode(f"{noun}:{key}".encode()).rstrip(b"=").decode()


def adjustment(person, amount="1.00", currency="EUR", reason="a test", key="k", **more):
    ref = {"number": person.id} if hasattr(person, "id") else person
    money = {"amount": amount, "currency": currency}
    return {"person": ref, "money": money, "reason": reason, "idempotencyKey": key, **more}


def invalid(**fields):
    told = [{"path": path.replace("__", "."), "message": message} for path, message in fields.items()]
    message = "; ".join(f"{field['path']}: {field['message']}" for field in told)
    return refusal("InvalidInput", "INVALID_INPUT", message) | {"fields": told}


def refusal(type_, code, message, *, retryable=False):
    return {"__typename": type_, "code": code, "message": message, "retryable": retryable}


NO_PERSON = refusal("NotFound", "PERSON_NOT_FOUND", "There is no such person.")
NUMBER_AS_TEXT = 'must be a decimal in a string, like "10.50"'
NO_CODE = 'must be a currency code, like "EUR"'


# --- who is meant -----------------------------------------------------------------------------------------------------------


def wrong_refs(person):
    """What is no id of this person, or of anybody."""
    right = global_id("Person", person.id)
    wrong = [
        "", " ", "x", "%%%%", "Person:1", "Person", "é", "\U0001f4a9", "A" * 600, "A" * 20_000, f" {right}", f"{right}=",
        f"{right}==", right[:-1], right.swapcase(), global_id("LedgerAccount", person.id), global_id("person", person.id),
        global_id("Person", ""), global_id("Person", 0), global_id("Person", -person.id), global_id("Person", f"{person.id} "),
        global_id("Person", f"{person.id}.0"), global_id("Person", "1e0"), global_id("Person", "\u0663"), global_id("Person", "²"),
        global_id("Person", 2**63), global_id("Person", "9" * 300), global_id("Person", f"{person.id}\x00"),
        global_id("Person", person.id + 1_000), base64.b64encode(b"\xff\xfe:1").decode(),
    ]  # fmt: skip
    refs = [{"id": id} for id in wrong]
    refs += [{"number": number} for number in (0, -1, -person.id, person.id + 1_000, 2**31 - 1, -(2**31))]
    return [
        *refs,
        *({"externalId": text} for text in ("", " ", "nobody", "'; --", "%", "x" * 5_000, "é" * 64)),
    ]


async def test_given_what_means_nobody_when_people_are_read_then_all_answers_are_alike(make, nothing_written):
    person = await make.person("100 EUR")
    wrong = wrong_refs(person)
    async with nothing_written():
        for query in (
            "query ($ref: PersonRef!) { person(ref: $ref) { name } }",
            "query ($ref: PersonRef!) { balance(person: $ref) { currency } }",
            "query ($ref: PersonRef!) { corrections(person: $ref) { totalCount } }",
        ):
            for asker in (make.operator, make.user(person)):
                answers = {(await make.send(query, by=asker, headers=ID, ref=ref)).text: ref for ref in wrong}
                assert len(answers) == 1, answers
                assert '"code":"PERSON_NOT_FOUND","status":404' in next(iter(answers))


async def test_given_what_is_no_id_when_nodes_are_read_then_it_is_not_found(make, nothing_written):
    wrong = [ref["id"] for ref in wrong_refs(await make.person("100 EUR")) if "id" in ref]
    async with nothing_written():
        asked = "query ($ref: ID!) { node(id: $ref) { id } }"
        answers = {(await make.send(asked, by=make.service, headers=ID, ref=id)).text for id in wrong}
        assert len(answers) == 1, answers
        assert '"code":"NOT_FOUND","status":404' in answers.pop()
        found = await make.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", by=make.service, ids=wrong)
    assert found == [None] * len(wrong)


async def test_given_what_means_nobody_when_a_balance_is_adjusted_then_not_found(api, make, nothing_written):
    wrong = wrong_refs(await make.person("100 EUR"))
    async with nothing_written():
        for ref in wrong:
            assert await api(ADJUST, by=make.operator, input=adjustment(ref)) == NO_PERSON, ref


@pytest.mark.parametrize("by", ["other", "unknown claim", "no claim", "merchant", "channel"])
async def test_given_a_person_of_another_when_read_then_byte_for_byte_like_one_that_is_not(make, nothing_written, by):
    anna, other = await make.person("100 EUR"), await make.person("5 EUR", name="Other")
    asker = {
        "other": make.user(other),
        "unknown claim": make.user(anna.id + 1_000),
        "no claim": Asker.of(Role.USER, "nobody"),
        "merchant": Asker.of(Role.MERCHANT, person=anna.id),
        "channel": Asker.of(Role.CHANNEL, person=anna.id),
    }[by]
    external = await make.ask(
        "query ($n: Int!) { person(ref: {number: $n}) { identities { value } } }", by=make.operator, n=anna.id
    )
    pairs = [
        ({"number": anna.id}, {"number": anna.id + 500}),
        ({"id": global_id("Person", anna.id)}, {"id": global_id("Person", anna.id + 500)}),
        ({"externalId": external["identities"][0]["value"]}, {"externalId": "nobody"}),
    ]
    async with nothing_written():
        for field in (
            "person(ref: $ref) { name }",
            "balance(person: $ref) { currency }",
            "corrections(person: $ref) { totalCount }",
        ):
            for hidden, unknown in pairs:
                query = f"query ($ref: PersonRef!) {{ {field} }}"
                texts = [(await make.send(query, by=asker, headers=ID, ref=ref)).text for ref in (hidden, unknown)]
                assert texts[0] == texts[1]
                assert '"code":"PERSON_NOT_FOUND","status":404' in texts[0]
        seen = await make.ask("{ ledgerAccounts { edges { node { owner } } } }", by=asker)
        assert {edge["node"]["owner"] for edge in seen["edges"]} <= {f"person:{other.id}"}
        moved = await make.ask(
            f'{{ ledgerTransfers(subject: "person:{anna.id}") {{ totalCount edges {{ cursor }} }} }}', by=asker
        )
        assert moved == {"totalCount": 0, "edges": []}


@pytest.mark.parametrize(
    "ref", [{}, {"number": None}, {"number": 1, "externalId": "a"}, {"number": 1, "id": None}, {"name": "Anna"}, {"number": "1"},
            {"number": 1.5}, {"number": 2**31}, {"number": True}, {"id": ["a"]}, {"externalId": 7}, [], "1", 1, None]
)  # fmt: skip
async def test_given_not_exactly_one_name_when_a_person_is_meant_then_the_request_is_bad(make, nothing_written, ref):
    async with nothing_written():
        for query in (
            "query ($ref: PersonRef!) { person(ref: $ref) { name } }",
            "query ($ref: PersonRef!) { balance(person: $ref) { currency } }",
        ):
            assert await make.error(query, by=make.operator, ref=ref) == {"code": "BAD_USER_INPUT", "status": 400}
        assert await make.error(ADJUST, by=make.operator, input=adjustment({}) | {"person": ref}) == {
            "code": "BAD_USER_INPUT",
            "status": 400,
        }


# --- how much -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "amount", ["", " ", "1 ", " 1", "+1", "1.", ".5", "1,5", "1_000", "1e3", "1E+3", "NaN", "Infinity", "-Infinity", "0x10", "--1",
              "1.2.3", "\uff11", "\u0663", "1\n", "1\x00", "9" * 20, "1." + "0" * 19, "-", 1, 1.5, 0, True, None, [], ["1"],
              {}, {"amount": "1"}]
)  # fmt: skip
async def test_given_what_is_no_decimal_when_it_is_an_amount_then_its_place_is_named(
    api, make, nothing_written, amount
):
    person = await make.person("100 EUR")
    async with nothing_written():
        if amount is None:
            assert (await make.error(ADJUST, by=make.operator, input=adjustment(person, None)))[
                "code"
            ] == "BAD_USER_INPUT"
        else:
            told = await api(ADJUST, by=make.operator, input=adjustment(person, amount))
            assert told == invalid(money__amount=NUMBER_AS_TEXT)


@pytest.mark.parametrize(
    ("amount", "currency", "message"),
    [
        ("0", "EUR", "An adjustment of zero changes nothing."),
        ("-0.00", "EUR", "An adjustment of zero changes nothing."),
        ("0.000000", "USDT", "An adjustment of zero changes nothing."),
        ("0.001", "EUR", "EUR has 2 decimals; 0.001 has more."),
        ("-0.001", "EUR", "EUR has 2 decimals; -0.001 has more."),
        ("1.0000001", "USDT", "USDT has 6 decimals; 1.0000001 has more."),
        ("0.000000000000000001", "RUB", "RUB has 2 decimals; 0.000000000000000001 has more."),
        ("10000000000000.01", "EUR", "10000000000000.01 EUR is more than can be moved at once."),
        ("-10000000000000.01", "EUR", "-10000000000000.01 EUR is more than can be moved at once."),
        ("9999999999999999999", "EUR", "9999999999999999999 EUR is more than can be moved at once."),
        ("1000000000.000001", "USDT", "1000000000.000001 USDT is more than can be moved at once."),
        ("1000000000000.000000000000000001", "EUR", "EUR has 2 decimals; 1000000000000.000000000000000001 has more."),
        ("9999999999999.999999999999999999", "EUR", "EUR has 2 decimals; 9999999999999.999999999999999999 has more."),
    ],
)
async def test_given_an_amount_that_cannot_be_when_a_balance_is_adjusted_then_invalid_amount(
    api, make, nothing_written, amount, currency, message
):
    person = await make.person("100 EUR")
    async with nothing_written():
        told = await api(ADJUST, by=make.operator, input=adjustment(person, amount, currency))
    assert told == refusal("InvalidAmount", "INVALID_AMOUNT", message)


async def test_given_the_largest_amount_when_it_is_given_and_taken_back_then_the_balance_is_exact(api, make):
    person, most = await make.person(), f"{MINOR_MAX // 100}.00"
    assert (await api(ADJUST, by=make.operator, input=adjustment(person, most, key="a")))["version"] == 1
    assert (await api(ADJUST, by=make.operator, input=adjustment(person, most, key="b")))["version"] == 2
    assert str(await make.available(person)) == "20000000000000.00 EUR"
    assert (await api(ADJUST, by=make.operator, input=adjustment(person, f"-{most}", key="c")))["version"] == 3
    assert str(await make.available(person)) == "10000000000000.00 EUR"


@pytest.mark.parametrize(
    "currency",
    ["eur", "Eur", "EU", "", " EUR", "EUR\n", "€", "\u0415UR", "E" * 13, "EU-R", "EUR\x00", 978, True, ["EUR"], {}],
)
async def test_given_what_is_no_code_when_it_is_a_currency_then_its_place_is_named(
    api, make, nothing_written, currency
):
    person = await make.person("100 EUR")
    async with nothing_written():
        told = await api(ADJUST, by=make.operator, input=adjustment(person, "1", currency))
        assert told == invalid(money__currency=NO_CODE)
        both = await api(ADJUST, by=make.operator, input=adjustment(person, "x", currency))
        assert both == invalid(money__amount=NUMBER_AS_TEXT, money__currency=NO_CODE)
        asked = "query ($n: Int!, $c: CurrencyCode) { corrections(person: {number: $n}, currency: $c) { totalCount } }"
        assert await make.error(asked, by=make.operator, n=person.id, c=currency) == {
            "code": "INVALID_INPUT",
            "status": 400,
        }


@pytest.mark.parametrize(
    ("currency", "supported"),
    [("GBP", ["RUB", "EUR", "USD", "USDT"]), ("XXX", sorted(EXPONENTS)), ("000", sorted(EXPONENTS))],
)
async def test_given_a_currency_that_is_not_used_when_a_balance_is_adjusted_then_those_that_are(
    api, make, nothing_written, currency, supported
):
    person = await make.person("100 EUR")
    async with nothing_written():
        told = await api(ADJUST, by=make.operator, input=adjustment(person, "1", currency))
    message = f"{currency} is not used here; {', '.join(supported)} are."
    facts = {"currency": currency, "supported": supported}
    assert told == refusal("CurrencyNotSupported", "CURRENCY_NOT_SUPPORTED", message) | facts


@pytest.mark.parametrize(
    ("amount", "currency", "available", "required"),
    [("-100.01", "EUR", "100.00", "100.01"), ("-10000000000000", "EUR", "100.00", "10000000000000.00"),
     ("-0.01", "USD", "0.00", "0.01"),      ("-0.000001", "USDT", "0.000000", "0.000001")],
)  # fmt: skip
async def test_given_less_than_is_taken_when_a_balance_is_adjusted_then_insufficient_funds(
    api, make, nothing_written, amount, currency, available, required
):
    person = await make.person("100 EUR")
    async with nothing_written():
        told = await api(ADJUST, by=make.operator, input=adjustment(person, amount, currency))
    message = f"{required} {currency} needed, {available} {currency} available."
    facts = {"available": {"amount": available, "currency": currency}, "required": {"amount": required}}
    assert told == refusal("InsufficientFunds", "INSUFFICIENT_FUNDS", message) | facts


# --- words ----------------------------------------------------------------------------------------------------------------------


BLANK = ["", " ", "\t\n", "\u2003"]


@pytest.mark.parametrize("text", [*BLANK, "x" * 501])
async def test_given_no_reason_when_a_balance_is_adjusted_then_invalid_input(api, make, nothing_written, text):
    person = await make.person("100 EUR")
    async with nothing_written():
        told = await api(ADJUST, by=make.operator, input=adjustment(person, reason=text))
    assert told == invalid(reason="must have 1 to 500 characters, not only blanks")


@pytest.mark.parametrize("text", [*BLANK, "x" * 65])
@pytest.mark.parametrize("field", ["externalId", "name"])
async def test_given_no_name_when_a_person_is_brought_then_invalid_input(api, make, nothing_written, field, text):
    async with nothing_written():
        told = await api(UPSERT, by=make.service, input={"externalId": "a", "name": "A"} | {field: text})
    assert told == invalid(**{field: "must have 1 to 64 characters, not only blanks"})


@pytest.mark.parametrize(
    "text", ["x" * 64, "\U0001f600" * 64, "' OR 1=1; --", "<script>", "Zoë\u202e", "{}", "%s%n", '"\\', "a\nb"]
)
async def test_given_any_other_words_when_a_person_is_brought_then_they_are_told_back_to_the_letter(api, make, text):
    person = await api(UPSERT, by=make.service, input={"externalId": text, "name": text})
    assert person == {"number": person["number"], "name": text, "version": 0, "__typename": "Person"}
    found = await api("query ($t: String!) { person(ref: {externalId: $t}) { name } }", by=make.service, t=text)
    assert found == {"name": text}


# --- again, and otherwise -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["", " ", "\n", "k" * 129])
async def test_given_a_key_that_is_none_when_something_is_asked_with_it_then_invalid_input(
    api, make, nothing_written, key
):
    person, wrong = await make.person("100 EUR"), invalid(idempotencyKey="must have 1 to 128 characters")
    async with nothing_written():
        assert await api(ADJUST, by=make.operator, input=adjustment(person, key=key)) == wrong
        assert (
            await api(UPSERT, by=make.operator, input={"externalId": "a", "name": "A", "idempotencyKey": key}) == wrong
        )
        assert await api(RUN, by=make.operator, k=key) == wrong


async def test_given_an_answer_when_asked_again_then_the_same_one_under_its_alias_and_nothing_done(
    make, nothing_written
):
    person = await make.person("100 EUR")
    first = (await make.send(ADJUST, by=make.operator, input=adjustment(person))).json()
    assert "replayed" not in first["extensions"]
    await make.adjust(person, "7 EUR")
    aliased = ADJUST.replace("adjustBalance", "once: adjustBalance")
    async with nothing_written():
        again = (await make.send(aliased, by=make.operator, input=adjustment(person))).json()
    assert again["data"]["once"] == first["data"]["adjustBalance"]
    assert again["extensions"]["replayed"] == [["once"]]


@pytest.mark.parametrize(
    "changed",
    [
        {"reason": "another"},
        {"amount": "2.00"},
        {"currency": "USD"},
        {"expectedVersion": 1},
        {"person": {"externalId": "x"}},
    ],
)
async def test_given_a_key_when_it_comes_with_another_input_then_conflict(api, make, nothing_written, changed):
    person = await make.person("100 EUR")
    await api(UPSERT, by=make.operator, input={"externalId": "x", "name": "X"})
    await api(ADJUST, by=make.operator, input=adjustment(person))
    conflict = refusal(
        "IdempotencyKeyConflict", "IDEMPOTENCY_KEY_CONFLICT", "This idempotency key was used before for something else."
    )
    async with nothing_written():
        other = adjustment(
            changed.get("person", person), **{name: value for name, value in changed.items() if name != "person"}
        )
        assert await api(ADJUST, by=make.operator, input=other) == conflict
        named = {"externalId": "new", "name": "N", "idempotencyKey": "k"}
        assert await api(UPSERT, by=make.operator, input=named) == conflict


async def test_given_a_key_when_another_actor_uses_it_then_it_is_another_request(api, make):
    person, other = await make.person(), Asker.of(Role.OPERATOR, "other")
    assert (await api(ADJUST, by=make.operator, input=adjustment(person)))["version"] == 1
    assert (await api(ADJUST, by=other, input=adjustment(person)))["version"] == 2
    assert str(await make.available(person)) == "2.00 EUR"


async def test_given_a_refusal_when_asked_again_with_its_key_then_it_is_judged_afresh(api, make, nothing_written):
    person = await make.person()
    async with nothing_written():
        assert (await api(ADJUST, by=make.operator, input=adjustment(person, "-5")))["code"] == "INSUFFICIENT_FUNDS"
    await make.adjust(person, "5 EUR")
    assert (await api(ADJUST, by=make.operator, input=adjustment(person, "-5")))["version"] == 2
    assert str(await make.available(person)) == "0.00 EUR"


async def test_given_two_in_one_document_when_the_second_has_the_same_key_then_it_is_a_replay_or_a_conflict(make):
    anna = {"externalId": "a", "name": "Anna", "idempotencyKey": "k"}
    answer = (await make.send(RENAMED, by=make.service, a=anna, b=anna)).json()
    assert answer["data"] == {"first": {"name": "Anna", "version": 0}, "second": {"name": "Anna", "version": 0}}
    assert answer["extensions"]["replayed"] == [["second"]]
    answer = (await make.send(RENAMED, by=make.service, a=anna, b=anna | {"name": "Berta"})).json()
    assert answer["data"]["second"] == {"code": "IDEMPOTENCY_KEY_CONFLICT"}


@pytest.mark.parametrize("expected", [0, 2, -1, 2**31 - 1])
async def test_given_another_version_when_it_is_expected_then_conflict_with_both(api, make, nothing_written, expected):
    person = await make.person("100 EUR")
    async with nothing_written():
        told = await api(ADJUST, by=make.operator, input=adjustment(person, expectedVersion=expected))
    message = f"Version {expected} was expected, it is 1."
    assert told == refusal("VersionConflict", "VERSION_CONFLICT", message) | {"expected": expected, "actual": 1}
    assert (await api(ADJUST, by=make.operator, input=adjustment(person, expectedVersion=1)))["version"] == 2


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("person.id", {"person": {"id": "a\x00b"}}),
        ("person.externalId", {"person": {"externalId": "a\x00"}}),
        ("reason", {"reason": "\x00"}),
        ("idempotencyKey", {"idempotencyKey": "k\x00"}),
    ],
)
async def test_given_a_null_character_anywhere_when_a_balance_is_adjusted_then_invalid_input(
    api, make, nothing_written, path, change
):
    person = await make.person("100 EUR")
    async with nothing_written():
        told = await api(ADJUST, by=make.operator, input={**adjustment({"number": person.id}), **change})
    assert told == invalid(**{path: "must not hold a null character"})
