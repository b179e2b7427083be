"""Deals, asked wrongly: every no is exact, comes in its order, looks alike for what is unknown and what is hidden, and
leaves no trace. [spec/deals §6]"""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.kernel.clock import now
from models.kernel.money import MINOR_MAX
from models.kernel.viewer import Role
from tests.deals.asking import CLOSE, CONFIRM, CREATE, DENY, READ, verb
from tests.deals.situations import QUERIES, offered, standing
from tests.make import Asker
from tests.people.test_bad_input import BLANK, ID, global_id, invalid, refusal, wrong_refs

FACTS = "__typename ... on Refusal { code message retryable } ... on InvalidInput { fields { path message } }"
VERSIONS = FACTS + "... on VersionConflict { expected actual }"
OFFER = f"""mutation ($input: CreateDealInput!) {{ createDeal(input: $input) {{ ... on Deal {{ number }} {FACTS}
  ... on CurrencyNotSupported {{ currency supported }} }} }}"""
LIST = "{ deals(first: 100) { totalCount edges { node { number } } } }"
LONG = "must have 1 to {} characters, not only blanks"
CONFLICT = refusal(
    "IdempotencyKeyConflict", "IDEMPOTENCY_KEY_CONFLICT", "This idempotency key was used before for something else."
)
NO_CUSTOMER = refusal("NotFound", "CUSTOMER_USER_NOT_FOUND", "There is no such customer.")
NO_PERFORMER = refusal("NotFound", "PERFORMER_USER_NOT_FOUND", "There is no such performer.")
NO_DEAL = refusal("NotFound", "DEAL_NOT_FOUND", "There is no such deal.")
NOT_HIS = refusal("NotAllowed", "NOT_PARTICIPANT", "You may not offer this.")


def asked(customer, performer, amount="100", currency="USDT", **more):
    return {
        "customer": {"number": customer}, "performer": {"number": performer}, "title": "A website",
        "description": "Three pages", "price": {"amount": amount, "currency": currency}, "idempotencyKey": "k",
    } | more  # fmt: skip


@pytest.fixture
async def anna(make):
    return await make.person("100 USDT")


@pytest.fixture
async def bert(make):
    return await make.person(name="Bert")


# --- in which order ---------------------------------------------------------------------------------------------------


async def test_given_two_who_are_nobody_when_a_deal_is_offered_then_the_customer_is_told_first(
    api, make, anna, bert, nothing_written
):
    nobody = bert.id + 1_000
    async with nothing_written():
        for asker in (make.user(anna), make.service):
            for customer, performer, told in (
                (nobody, nobody + 1, NO_CUSTOMER),
                (nobody, nobody, NO_CUSTOMER),
                (nobody, bert.id, NO_CUSTOMER),
                (anna.id, nobody, NO_PERFORMER),
            ):
                assert await api(OFFER, by=asker, input=asked(customer, performer)) == told
            for ref in ({"id": "x"}, {"externalId": "nobody"}, {"number": 0}, {"number": -1}, {"number": 2**31 - 1}):
                unknown = asked(anna.id, bert.id) | {"customer": ref}
                assert await api(OFFER, by=asker, input=unknown) == NO_CUSTOMER, ref
                assert await api(OFFER, by=asker, input=asked(anna.id, 0) | {"performer": ref}) == NO_PERFORMER, ref


BAD_PRICES = [("0", "USDT"), ("1.0000001", "USDT"), ("1", "GBP"), ("1", "XXX"), ("9999999999999999999", "EUR")]


@pytest.mark.parametrize(("amount", "currency"), BAD_PRICES)
async def test_given_several_faults_when_a_deal_is_offered_then_who_comes_before_what(
    api, make, anna, bert, nothing_written, amount, currency
):
    """Authentication, existence, participation, and only then the limits of the input."""
    nobody, wrong = bert.id + 1_000, {"title": " ", "deadlineAt": "2020-01-01T00:00:00Z"}
    async with nothing_written():
        assert await make.error(OFFER, by=None, input=asked(nobody, nobody, amount, currency, **wrong)) == {
            "code": "UNAUTHENTICATED", "status": 401,
        }  # fmt: skip
        given = asked(nobody, bert.id, amount, currency, **wrong)
        assert await api(OFFER, by=make.user(anna), input=given) == NO_CUSTOMER
        given = asked(anna.id, nobody, amount, currency, **wrong)
        assert await api(OFFER, by=make.user(anna), input=given) == NO_PERFORMER
        given = asked(anna.id, anna.id, amount, currency, **wrong)
        assert await api(OFFER, by=make.user(bert), input=given) == NOT_HIS
        given = asked(anna.id, anna.id, amount, currency, **wrong)
        told = await api(OFFER, by=make.user(anna), input=given)
        assert (told["__typename"], told["code"]) == ("InvalidInput", "CUSTOMER_IS_PERFORMER")


async def test_given_roles_for_which_it_is_not_when_a_deal_is_offered_then_forbidden(make, anna, bert, nothing_written):
    async with nothing_written():
        for asker in (make.operator, make.auditor, make.channel, make.merchant):
            told = await make.error(OFFER, by=asker, input=asked(anna.id, bert.id))
            assert told == {"code": "FORBIDDEN", "status": 403}


async def test_given_another_as_customer_when_a_deal_is_offered_then_not_participant(
    api, make, anna, bert, nothing_written
):
    async with nothing_written():
        for asker in (make.user(bert), Asker.of(Role.USER, "nobody"), make.user(bert.id + 1_000)):
            assert await api(OFFER, by=asker, input=asked(anna.id, bert.id)) == NOT_HIS


# --- what is offered --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "currency", "message"),
    [
        ("0", "USDT", "The amount must be above zero, not 0.000000 USDT."),
        ("-0.000000", "USDT", "The amount must be above zero, not 0.000000 USDT."),
        ("-1", "USDT", "The amount must be above zero, not -1.000000 USDT."),
        ("1.0000001", "USDT", "USDT has 6 decimals; 1.0000001 has more."),
        ("0.001", "EUR", "EUR has 2 decimals; 0.001 has more."),
        ("1000000000.000001", "USDT", "1000000000.000001 USDT is more than can be moved at once."),
        ("-10000000000000.01", "EUR", "-10000000000000.01 EUR is more than can be moved at once."),
    ],
)
async def test_6_given_a_price_that_cannot_be_when_a_deal_is_offered_then_invalid_amount(
    api, make, anna, bert, nothing_written, amount, currency, message
):
    async with nothing_written():
        for asker in (make.user(anna), make.service):
            told = await api(OFFER, by=asker, input=asked(anna.id, bert.id, amount, currency))
            assert told == refusal("InvalidAmount", "INVALID_AMOUNT", message)


@pytest.mark.parametrize("currency", ["GBP", "TRX", "JPY"])
async def test_given_a_currency_that_deals_do_not_use_when_one_is_offered_then_those_that_they_do(
    api, make, anna, bert, nothing_written, currency
):
    async with nothing_written():
        told = await api(OFFER, by=make.user(anna), input=asked(anna.id, bert.id, "1", currency))
    used = ["RUB", "EUR", "USD", "USDT"]
    assert told == refusal(
        "CurrencyNotSupported", "CURRENCY_NOT_SUPPORTED", f"{currency} is not used here; {', '.join(used)} are."
    ) | {"currency": currency, "supported": used}


async def test_given_the_highest_price_when_it_is_held_and_released_then_it_is_exact(api, make, bert):
    most = f"{MINOR_MAX // 100}.00"
    rich = await make.person(f"{most} EUR")
    told = await api(CREATE, by=make.user(rich), input=asked(rich.id, bert.id, most, "EUR"))
    assert (await api(CONFIRM, by=make.user(bert), n=told["number"]))["status"] == "CONFIRM_PERFORMER"
    assert (await api(CLOSE, by=make.user(rich), n=told["number"]))["status"] == "CLOSE"
    assert str(await make.available(bert)) == f"{most} EUR"


@pytest.mark.parametrize(
    ("field", "text", "limit"),
    [("title", text, 128) for text in [*BLANK, "x" * 129]]
    + [("description", text, 10_000) for text in [*BLANK, "x" * 10_001]],
)
async def test_given_no_words_or_too_many_when_a_deal_is_offered_then_invalid_input(
    api, make, anna, bert, nothing_written, field, text, limit
):
    async with nothing_written():
        told = await api(OFFER, by=make.user(anna), input=asked(anna.id, bert.id, **{field: text}))
    assert told == invalid(**{field: LONG.format(limit)})


async def test_given_everything_wrong_when_a_deal_is_offered_then_every_field_is_named(
    api, make, anna, bert, nothing_written
):
    wrong = {"title": "", "description": "\t", "deadlineAt": "2020-01-01T00:00:00+05:00"}
    async with nothing_written():
        told = await api(OFFER, by=make.user(anna), input=asked(anna.id, bert.id, **wrong))
        assert told == invalid(
            title=LONG.format(128), description=LONG.format(10_000), deadlineAt="must be in the future"
        )
        unreadable = {
            "title": "a\x00",
            "deadlineAt": "2030-01-01T00:00:00",
            "price": {"amount": "1e3", "currency": "eur"},
        }
        told = await api(OFFER, by=make.user(anna), input=asked(anna.id, bert.id, **unreadable))
    assert {field["path"] for field in told["fields"]} == {"title", "deadlineAt", "price.amount", "price.currency"}


@pytest.mark.parametrize("text", ["x" * 128, "\U0001f600" * 128, "'; DROP TABLE deal; --", "{}", "%s", "Zoë\u202e"])
async def test_given_any_other_words_when_a_deal_is_offered_then_they_are_kept_to_the_letter(
    api, make, anna, bert, text
):
    query = CREATE.replace("... on Deal {", "... on Deal { title description", 1)
    told = await api(query, by=make.user(anna), input=asked(anna.id, bert.id, title=text, description=text))
    assert (told["title"], told["description"]) == (text, text)


async def test_given_a_deadline_when_it_is_this_moment_then_refused_and_when_far_then_kept(
    api, make, anna, bert, nothing_written
):
    async with nothing_written():
        for moment in (now(), now() - timedelta(seconds=1)):
            given = asked(anna.id, bert.id, deadlineAt=moment.isoformat())
            assert await api(OFFER, by=make.user(anna), input=given) == invalid(deadlineAt="must be in the future")
    query = CREATE.replace("... on Deal {", "... on Deal { deadlineAt", 1)
    for key, moment in (("a", "9999-12-31T00:00:00Z"), ("b", "9999-12-31T23:59:59.999999Z")):
        given = asked(anna.id, bert.id, deadlineAt=moment, idempotencyKey=key)
        assert (await api(query, by=make.user(anna), input=given))["deadlineAt"] == moment


# --- which deal is meant ----------------------------------------------------------------------------------------------


async def test_given_a_deal_of_others_when_anything_is_asked_then_byte_for_byte_like_one_that_is_not(
    make, nothing_written
):
    deal, stranger = await offered(make), await make.person()
    other = await offered(make)
    unknown = other.id + 500
    pairs = [({"number": deal.id}, {"number": unknown})]
    pairs += [({"id": global_id("Deal", deal.id)}, {"id": global_id("Deal", unknown)})]
    fields = [
        f"query ($ref: DealRef!) {{ deal(ref: $ref) {{ {field} }} }}" for field in ("id", "timeline { totalCount }")
    ]
    verbs = [
        query.replace("$n: Int!", "$ref: DealRef!").replace("{number: $n}", "$ref") for query, _ in QUERIES.values()
    ]
    given = {"for": "SPLIT", "part": "1"}
    users = [make.user(stranger), make.user(other.customer_id), make.user(stranger.id + 900), Asker.of(Role.USER, "no")]
    others = [make.other_service, Asker.of(Role.MERCHANT, person=deal.customer_id), make.channel]
    async with nothing_written():
        for asker in (*users, *others):
            for query in (*fields, *verbs):
                more = {name: value for name, value in given.items() if f"${name}" in query}
                for hidden, missing in pairs:
                    texts = [
                        (await make.send(query, by=asker, headers=ID, ref=ref, **more)).text
                        for ref in (hidden, missing)
                    ]
                    assert texts[0] == texts[1]
                    assert ("DEAL_NOT_FOUND" in texts[0]) == (query in fields or '"FORBIDDEN"' not in texts[0])
            for query in ("query ($i: ID!) { node(id: $i) { id } }", "query ($i: ID!) { nodes(ids: [$i]) { id } }"):
                texts = [
                    (await make.send(query, by=asker, headers=ID, i=global_id("Deal", n))).text
                    for n in (deal.id, unknown)
                ]
                assert texts[0] == texts[1]


async def test_given_what_is_no_deal_when_it_is_asked_for_then_all_answers_are_alike(make, anna, nothing_written):
    deal = await standing(make, "CONFIRM_PERFORMER")
    right = global_id("Deal", deal.id)
    wrong = [ref for ref in wrong_refs(anna) if "externalId" not in ref and ref != {"number": deal.id}]
    wrong += [
        {"id": id}
        for id in (global_id("Person", deal.customer_id), global_id("deal", deal.id), f"{right}=", f" {right}")
    ]
    confirm, by = CLOSE.replace("$n: Int!", "$ref: DealRef!").replace("{number: $n}", "$ref"), make.operator
    async with nothing_written():
        for query in ("query ($ref: DealRef!) { deal(ref: $ref) { id } }", confirm):
            answers = {(await make.send(query, by=by, headers=ID, ref=ref)).text: ref for ref in wrong}
            assert len(answers) == 1, answers
            assert "DEAL_NOT_FOUND" in next(iter(answers))


@pytest.mark.parametrize(
    "ref", [{}, {"number": None}, {"number": 1, "id": "x"}, {"number": 2**31}, {"number": "1"}, {"id": 1.5}]
)
async def test_given_not_exactly_one_name_when_a_deal_is_meant_then_the_request_is_bad(make, nothing_written, ref):
    confirm = CONFIRM.replace("$n: Int!", "$ref: DealRef!").replace("{number: $n}", "$ref")
    async with nothing_written():
        for query in ("query ($ref: DealRef!) { deal(ref: $ref) { id } }", confirm):
            told = await make.error(query, by=make.user(1), ref=ref)
            assert told == {"code": "BAD_USER_INPUT", "status": 400}


async def test_a_service_sees_the_deals_that_it_made_and_no_others(api, make):
    mine, anna = await offered(make), await make.person()
    theirs = await make.deal()
    assert await api(LIST, by=make.service) == {"totalCount": 1, "edges": [{"node": {"number": mine.id}}]}
    assert await api(LIST, by=make.other_service) == {"totalCount": 0, "edges": []}
    assert (await api(READ, by=make.service, n=mine.id))["number"] == mine.id
    assert (await make.error(READ, by=make.service, n=theirs.id))["code"] == "DEAL_NOT_FOUND"
    ids = [global_id("Deal", deal.id) for deal in (mine, theirs)]
    told = await api("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", by=make.service, ids=ids)
    assert told == [{"id": ids[0]}, None]
    filtered = "query ($n: Int!) { deals(filter: {customer: {number: $n}}) { totalCount } }"
    for customer, count in ((mine.customer_id, 1), (theirs.customer_id, 0), (anna.id, 0)):
        assert await api(filtered, by=make.service, n=customer) == {"totalCount": count}


# --- again, and otherwise ---------------------------------------------------------------------------------------------


async def test_given_a_key_when_it_comes_again_then_the_first_answer_and_nothing_done(
    api, make, anna, bert, nothing_written
):
    given = asked(anna.id, bert.id)
    first = await api(CREATE, by=make.user(anna), input=given)
    await api(DENY, by=make.user(bert), n=first["number"])
    async with nothing_written():
        again = (await make.send(CREATE, by=make.user(anna), input=given)).json()
        assert again["data"]["createDeal"] == first
        assert again["extensions"]["replayed"] == [["createDeal"]]
        for change in (
            {"price": {"amount": "101", "currency": "USDT"}}, {"title": "Another"}, {"performer": {"number": 1}},
            {"deadlineAt": "2100-01-01T00:00:00Z"}, {"price": {"amount": "1.0000001", "currency": "USDT"}},
        ):  # fmt: skip
            assert await api(OFFER, by=make.user(anna), input=given | change) == CONFLICT
        keyed = verb("confirmDeal", given=', idempotencyKey: "k"').replace("... on Refusal { code }", FACTS)
        assert await api(keyed, by=make.user(anna), n=first["number"]) == CONFLICT


async def test_given_a_key_when_another_actor_uses_it_then_it_is_another_request(api, make, anna, bert):
    given = asked(anna.id, bert.id)
    numbers = [
        (await api(CREATE, by=by, input=given))["number"] for by in (make.user(anna), make.service, make.other_service)
    ]
    assert len(set(numbers)) == 3


async def test_given_a_keyed_confirmation_when_it_waited_then_its_repetition_tells_of_that_and_a_new_one_holds(
    api, make, nothing_written
):
    deal = await offered(make)
    query = verb("confirmDeal", ", $k: String", ", idempotencyKey: $k")
    performer = make.user(deal.performer_id)
    assert (await api(query, by=performer, n=deal.id, k="a"))["status"] == "WAITING_FOR_PAYMENT"
    await make.adjust(await make.read(deal.customer_id), "100 USDT")
    async with nothing_written():
        assert (await api(query, by=performer, n=deal.id, k="a"))["status"] == "WAITING_FOR_PAYMENT"
    assert (await api(query, by=performer, n=deal.id, k="b"))["status"] == "CONFIRM_PERFORMER"


@pytest.mark.parametrize("expected", [1, -1, 2**31 - 1])
async def test_given_another_version_when_it_is_expected_then_conflict_with_both(api, make, nothing_written, expected):
    deal = await offered(make)
    query = verb("denyDeal", ", $v: Int", ", expectedVersion: $v").replace("... on Refusal { code }", VERSIONS)
    async with nothing_written():
        told = await api(query, by=make.user(deal.performer_id), n=deal.id, v=expected)
    message = f"Version {expected} was expected, it is 0."
    assert told == refusal("VersionConflict", "VERSION_CONFLICT", message) | {"expected": expected, "actual": 0}
    assert (await api(query, by=make.user(deal.performer_id), n=deal.id, v=0))["status"] == "DENY_PERFORMER"
