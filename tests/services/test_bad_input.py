"""Plans of services, asked wrongly: every posting is told all that is wrong with it, and nothing is held."""

from __future__ import annotations

import base64

import pytest

ID = {"x-request-id": "test-request-0001"}
FACTS = """... on Refusal { __typename code message } ... on InvalidInput { fields { path message } }
  ... on InvalidPostings { postings { batchId index messages } } ... on IllegalMove { status allowed }"""
PLAN = """... on LedgerPlan { planId state version
  accounts { version own { amount } minAvailable { amount } maxAvailable { amount } } }"""
OPEN = """mutation ($input: CreateLedgerAccountInput!) { createLedgerAccount(input: $input) {
  ... on LedgerAccount { id currency description balance { amount } } ... on CurrencyNotSupported { currency }
  ... on Refusal { __typename code message } ... on InvalidInput { fields { path message } } } }"""
HOLD = f"mutation ($input: HoldPlanInput!) {{ holdPlan(input: $input) {{ {PLAN} {FACTS} }} }}"
COMMIT, ROLLBACK = (
    f"mutation ($input: FinishPlanInput!) {{ {verb}(input: $input) {{ {PLAN} {FACTS} }} }}"
    for verb in ("commitPlan", "rollbackPlan")
)
FINISH = pytest.mark.parametrize("finish", [COMMIT, ROLLBACK], ids=["commit", "rollback"])


def global_id(noun, key):
    return base64.urlsafe_b64encode(f"{noun}:{key}".encode()).rstrip(b"=").decode()


UNKNOWN, UNKNOWN_TOO = global_id("LedgerAccount", 10**15), global_id("LedgerAccount", 10**15 + 1)
SAME, NO_SOURCE, NO_TARGET = (
    "source and target are the same account",
    "unknown source account",
    "unknown target account",
)
NEGATIVE = "the amount is negative"


def posting(source, target, amount="1.00", currency="EUR", description=""):
    return {
        "source": source,
        "target": target,
        "money": {"amount": amount, "currency": currency},
        "description": description,
    }


def batch(id, *postings):
    return {"id": str(id), "postings": list(postings)}


def wrong_postings(*problems):
    """`(batch, index, message, …)` for each posting that is wrong."""
    told = [{"batchId": str(number), "index": index, "messages": messages} for number, index, *messages in problems]
    message = "; ".join(f"batch {n} posting {index}: {', '.join(messages)}" for n, index, *messages in problems[:5])
    return {"__typename": "InvalidPostings", "code": "INVALID_POSTINGS", "message": message, "postings": told}


def wrong_state(op, status, *allowed):
    message = f"Cannot {op} a plan which is {status}."
    return {
        "__typename": "IllegalMove",
        "code": "PLAN_STATE",
        "message": message,
        "status": status,
        "allowed": list(allowed),
    }


def wrong_input(path, message):
    fields = [{"path": path, "message": message}]
    return {"__typename": "InvalidInput", "code": "INVALID_INPUT", "message": f"{path}: {message}", "fields": fields}


NO_PLAN = {"__typename": "NotFound", "code": "PLAN_NOT_FOUND", "message": "There is no such plan."}
CONFLICT = {
    "__typename": "IdempotencyKeyConflict",
    "code": "IDEMPOTENCY_KEY_CONFLICT",
    "message": "This idempotency key was used before for something else.",
}


@pytest.fixture
async def ids(api, make):
    """Accounts a and b of the service in EUR, d in USD, and f of another service."""

    async def opened(name, currency, by):
        return (await api(OPEN, by=by, input={"currency": currency, "idempotencyKey": name}))["id"]

    owners = {
        "a": ("EUR", make.service),
        "b": ("EUR", make.service),
        "d": ("USD", make.service),
        "f": ("EUR", make.other_service),
    }
    return {name: await opened(name, *how) for name, how in owners.items()}


@pytest.fixture
def hold(api, make):
    async def ask(plan, *batches, by=make.service, **more):
        answers = [await api(HOLD, by=by, input={"planId": plan, "batch": one, **more}) for one in batches]
        return answers[-1]

    return ask


@pytest.fixture
def refused(api, make, nothing_written):
    """What a call is told that is refused, having written nothing."""

    async def ask(query, by=make.service, **given):
        async with nothing_written():
            return await api(query, by=by, input=given)

    return ask


# --- the shape of batches ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [-(2**63), 2**63 - 1])
async def test_given_a_reserved_batch_id_when_it_is_held_then_invalid_input(ids, refused, number):
    told = await refused(HOLD, planId="p", batch=batch(number, posting(ids["a"], ids["b"])))
    assert [field["message"] for field in told["fields"]] == ["this batch id is reserved"]


@pytest.mark.parametrize("number", [-(2**63) + 1, -1, 0, 2**63 - 2])
async def test_given_any_other_batch_id_when_it_is_held_then_it_is(ids, hold, number):
    assert (await hold("p", batch(number, posting(ids["a"], ids["b"]))))["state"] == "HOLD"


@pytest.mark.parametrize(
    "number", ["", "1.0", "1e3", "٣", " 1", "0x1", str(2**63), str(-(2**63) - 1), "9" * 30, 1, 1.5, True, [], {}]
)
async def test_given_what_is_no_batch_id_when_it_is_held_then_its_place_is_named(ids, refused, number):
    wrong = batch(1, posting(ids["a"], ids["b"])) | {"id": number}
    message = 'must be a whole number of 64 bits in a string, like "1050"'
    assert await refused(HOLD, planId="p", batch=wrong) == wrong_input("batch.id", message)
    assert await refused(COMMIT, planId="p", batches=[wrong]) == wrong_input("batches.0.id", message)


async def test_given_an_empty_batch_when_it_is_held_then_invalid_input(ids, refused):
    told = await refused(HOLD, planId="p", batch=batch(1))
    assert [field["message"] for field in told["fields"]] == ["a batch needs a posting"]


@FINISH
async def test_given_batches_of_a_wrong_shape_when_a_plan_is_finished_then_each_thing_is_said(
    ids, hold, refused, finish
):
    one = batch(1, posting(ids["a"], ids["b"]))
    await hold("p", one)
    for batches, messages in (
        ([], ["a plan needs a batch"]),
        ([one, one], ["each batch id may stand once"]),
        ([batch(1)], ["a batch needs a posting"]),
        ([one, batch(2**63 - 1)], ["this batch id is reserved", "a batch needs a posting"]),
    ):
        told = await refused(finish, planId="p", batches=batches)
        assert [field["message"] for field in told["fields"]] == messages


@pytest.mark.parametrize("plan", ["", "x" * 65])
async def test_given_what_is_no_plan_id_when_it_is_used_then_invalid_input(ids, refused, plan):
    one, told = batch(1, posting(ids["a"], ids["b"])), wrong_input("planId", "must have 1 to 64 characters")
    assert await refused(HOLD, planId=plan, batch=one) == told
    assert await refused(COMMIT, planId=plan, batches=[one]) == told


async def test_given_more_postings_than_a_list_may_have_when_they_are_held_then_invalid_input(ids, refused, hold):
    many = [posting(ids["a"], ids["b"])] * 101
    assert await refused(HOLD, planId="p", batch=batch(1, *many)) == wrong_input(
        "batch.postings", "may have up to 100 items"
    )
    assert (await hold("p", batch(1, *many[:100])))["accounts"][1]["maxAvailable"] == {"amount": "100.00"}


@pytest.mark.parametrize("text", ["a\x00b", "\x00"])
async def test_given_a_null_in_the_words_of_a_posting_when_it_is_held_then_invalid_input(ids, refused, text):
    told = await refused(HOLD, planId="p", batch=batch(1, posting(ids["a"], ids["b"], description=text)))
    assert told["code"] == "INVALID_INPUT"


# --- postings ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("postings", "problems"),
    [
        ([("a", "a", "1")], [(1, 0, SAME)]),
        ([("a", "b", "-0.01")], [(1, 0, NEGATIVE)]),
        ([("a", "a", "-1"), ("a", "b", "1"), ("b", "b", "0")], [(1, 0, SAME, NEGATIVE), (1, 2, SAME)]),
        ([(UNKNOWN, "b", "1")], [(1, 0, NO_SOURCE)]),
        ([("a", UNKNOWN, "1")], [(1, 0, NO_TARGET)]),
        ([(UNKNOWN, UNKNOWN_TOO, "1"), ("b", UNKNOWN, "0")], [(1, 0, NO_SOURCE, NO_TARGET), (1, 1, NO_TARGET)]),
        ([("f", "b", "1"), ("a", "f", "1")], [(1, 0, NO_SOURCE), (1, 1, NO_TARGET)]),
        ([("d", "b", "1")], [(1, 0, "the source account is in USD, not EUR")]),
        ([("a", "d", "1")], [(1, 0, "the target account is in USD, not EUR")]),
        ([(UNKNOWN, "d", "1")], [(1, 0, NO_SOURCE, "the target account is in USD, not EUR")]),
        ([("nonsense", "b", "1"), ("a", "%%%", "1")], [(1, 0, NO_SOURCE), (1, 1, NO_TARGET)]),
        ([("nonsense", "other nonsense", "1")], [(1, 0, NO_SOURCE, NO_TARGET)]),
        ([(global_id("Person", 1), global_id("LedgerAccount", 0), "1")], [(1, 0, NO_SOURCE, NO_TARGET)]),
        ([("a", "b", "1")] * 3 + [("a", "a", "1")] * 6, [(1, index, SAME) for index in range(3, 9)]),
    ],
)
async def test_given_postings_that_cannot_be_when_they_are_held_then_each_is_told_all(
    ids, refused, hold, postings, problems
):
    given = [posting(ids.get(source, source), ids.get(target, target), amount) for source, target, amount in postings]
    assert await refused(HOLD, planId="p", batch=batch(1, *given)) == wrong_postings(*problems)
    assert (await hold("p", batch(1, posting(ids["a"], ids["b"]))))["version"] == 1  # the refused plan never was


async def test_given_both_accounts_in_another_currency_when_they_are_held_then_both_are_told(ids, refused):
    told = await refused(HOLD, planId="p", batch=batch(1, posting(ids["a"], ids["b"], currency="RUB")))
    assert told == wrong_postings(
        (1, 0, "the source account is in EUR, not RUB", "the target account is in EUR, not RUB")
    )


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [("0.001", "EUR", "INVALID_AMOUNT"), ("10000000000000.01", "EUR", "INVALID_AMOUNT"), ("1", "XXX", "CURRENCY_NOT_SUPPORTED"),
     ("1e3", "EUR", "INVALID_INPUT"), ("NaN", "EUR", "INVALID_INPUT"), (1.5, "EUR", "INVALID_INPUT"),
     ("1", "eur", "INVALID_INPUT")],
)  # fmt: skip
async def test_given_money_that_cannot_be_when_it_is_held_then_it_is_said(ids, refused, amount, currency, code):
    one = batch(1, posting(ids["a"], ids["b"], amount, currency))
    assert (await refused(HOLD, planId="p", batch=one))["code"] == code
    assert (await refused(COMMIT, planId="p", batches=[one]))["code"] == code


async def test_given_an_account_of_another_service_when_it_is_named_then_byte_for_byte_like_an_unknown_one(
    ids, make, nothing_written
):
    async with nothing_written():
        for wrong in ("source", "target"):
            good = posting(ids["a"], ids["b"])
            texts = {
                (
                    await make.send(
                        HOLD, by=make.service, headers=ID, input={"planId": "p", "batch": batch(1, good | {wrong: id})}
                    )
                ).text
                for id in (ids["f"], UNKNOWN, "nonsense", "")
            }
            assert len(texts) == 1
        for query in (
            "ledgerAccount(id: $id) { name }",
            "ledgerBalance(account: $id) { amount }",
            "node(id: $id) { id }",
        ):
            asked = f"query ($id: ID!) {{ {query} }}"
            texts = {
                (await make.send(asked, by=make.service, headers=ID, id=id)).text
                for id in (ids["f"], UNKNOWN, "x", "LedgerAccount:1")
            }
            assert len(texts) == 1


# --- plans --------------------------------------------------------------------------------------------------------------------


@FINISH
async def test_given_no_plan_or_one_of_another_when_it_is_finished_then_not_found(
    ids, api, make, hold, refused, finish
):
    mine = batch(1, posting(ids["a"], ids["b"]))
    assert await refused(finish, planId="p", batches=[mine]) == NO_PLAN
    await hold("p", mine)
    assert await refused(finish, make.other_service, planId="p", batches=[mine]) == NO_PLAN
    asked = "query ($id: ID!) { ledgerPlan(id: $id) { state } }"
    texts = {
        (await make.send(asked, by=make.other_service, headers=ID, id=global_id("LedgerPlan", key))).text
        for key in ("service:service/p", "service:service/q", "service:other/p", "", "/", "a\x00")
    }
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("finish", "state", "other", "op"),
    [(COMMIT, "COMMIT", ROLLBACK, "rollback"), (ROLLBACK, "ROLLBACK", COMMIT, "commit")],
)
async def test_given_a_final_plan_when_it_is_held_or_finished_otherwise_then_its_state(
    ids, api, make, hold, refused, finish, state, other, op
):
    one = batch(1, posting(ids["a"], ids["b"]))
    await hold("p", one)
    first = await api(finish, by=make.service, input={"planId": "p", "batches": [one]})
    assert first["state"] == state
    assert await refused(other, planId="p", batches=[one]) == wrong_state(op, state, state.lower())
    for number in (1, 2):
        assert await refused(HOLD, planId="p", batch=one | {"id": str(number)}) == wrong_state(
            "hold", state, state.lower()
        )
    assert await refused(finish, planId="p", batches=[one]) == first


async def test_given_a_batch_when_an_earlier_one_comes_then_each_posting_is_named(ids, hold, refused):
    await hold("p", batch(2, posting(ids["a"], ids["b"])))
    early = batch(1, posting(ids["a"], ids["b"]), posting(ids["b"], ids["a"]))
    late = "batch 1 comes after batch 2"
    assert await refused(HOLD, planId="p", batch=early) == wrong_postings((1, 0, late), (1, 1, late))


@pytest.mark.parametrize(
    "changed",
    [
        {"money": {"amount": "1.01", "currency": "EUR"}},
        {"description": "x"},
        {"money": {"amount": "1.00", "currency": "USD"}},
    ],
)
async def test_given_a_held_batch_when_it_comes_changed_then_invalid_postings_and_the_plan_stays(
    ids, api, make, hold, refused, changed
):
    one, two = batch(1, posting(ids["a"], ids["b"])), batch(2, posting(ids["b"], ids["a"], "0.50"))
    await hold("p", one, two)
    other = batch(1, posting(ids["a"], ids["b"]) | changed)
    for query, given in (
        (HOLD, {"batch": other}),
        (COMMIT, {"batches": [other, two]}),
        (ROLLBACK, {"batches": [other, two]}),
    ):
        told = await refused(query, planId="p", **given)
        assert (told["code"], {problem["batchId"] for problem in told["postings"]}) == ("INVALID_POSTINGS", {"1"})
    assert (await api(COMMIT, by=make.service, input={"planId": "p", "batches": [two, one]}))["state"] == "COMMIT"


@FINISH
async def test_given_what_is_held_when_it_is_finished_with_more_or_less_then_invalid_postings(
    ids, api, make, hold, refused, finish
):
    a_to_b = posting(ids["a"], ids["b"])
    twice, other = batch(1, a_to_b, a_to_b), batch(2, posting(ids["b"], ids["a"]))
    await hold("p", twice, other)
    for batches in ([batch(1, a_to_b), other], [batch(1, *[a_to_b] * 3), other], [twice], [other], [twice, other, batch(3, a_to_b)],
                    [batch(2, a_to_b, a_to_b), batch(1, other["postings"][0])]):  # fmt: skip
        assert (await refused(finish, planId="p", batches=batches))["code"] == "INVALID_POSTINGS"
    done = await api(finish, by=make.service, input={"planId": "p", "batches": [other, twice]})
    assert {account["own"]["amount"] for account in done["accounts"]} == (
        {"-1.00", "1.00"} if finish is COMMIT else {"0.00"}
    )


# --- again ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [(None, None), ("k", "k"), ("k", "other"), (None, "k")])
async def test_given_a_held_batch_when_it_is_held_again_then_the_first_answer_and_its_path_once(
    ids, make, hold, nothing_written, keys
):
    one = batch(1, posting(ids["a"], ids["b"]))
    inputs = [{"planId": "p", "batch": one} | ({"idempotencyKey": key} if key else {}) for key in keys]
    first = (await make.send(HOLD, by=make.service, input=inputs[0])).json()
    assert "replayed" not in first["extensions"]
    await hold("q", batch(1, posting(ids["b"], ids["a"], "9")))
    again = (await make.send(HOLD.replace("holdPlan", "x: holdPlan"), by=make.service, input=inputs[1])).json()
    assert again["data"]["x"] == first["data"]["holdPlan"]
    assert again["extensions"]["replayed"] == [["x"]]


async def test_given_a_hold_with_a_key_when_it_comes_again_after_the_commit_then_its_first_answer(ids, api, make):
    one = batch(1, posting(ids["a"], ids["b"]))
    first = await api(HOLD, by=make.service, input={"planId": "p", "batch": one, "idempotencyKey": "k"})
    await api(COMMIT, by=make.service, input={"planId": "p", "batches": [one]})
    assert await api(HOLD, by=make.service, input={"planId": "p", "batch": one, "idempotencyKey": "k"}) == first


async def test_given_a_key_when_it_comes_with_something_else_then_conflict_and_another_service_may_use_it(
    ids, api, make, refused
):
    one = batch(1, posting(ids["a"], ids["b"]))
    assert await refused(HOLD, planId="p", batch=one, idempotencyKey="a") == CONFLICT
    assert await refused(OPEN, currency="USD", idempotencyKey="a") == CONFLICT
    assert await refused(OPEN, currency="EUR", idempotencyKey="a", description="x") == CONFLICT
    theirs = await api(OPEN, by=make.other_service, input={"currency": "USD", "idempotencyKey": "a"})
    assert (theirs["currency"], theirs["balance"]) == ("USD", {"amount": "0.00"})


@pytest.mark.parametrize(
    ("given", "code", "fields"),
    [
        ({"currency": "XXX"}, "CURRENCY_NOT_SUPPORTED", None),
        ({"currency": "eur"}, "INVALID_INPUT", ["currency"]),
        ({"description": "x" * 1_001}, "INVALID_INPUT", ["description"]),
        ({"description": "\x00"}, "INVALID_INPUT", ["description"]),
        ({"idempotencyKey": ""}, "INVALID_INPUT", ["idempotencyKey"]),
        ({"idempotencyKey": "k" * 129}, "INVALID_INPUT", ["idempotencyKey"]),
    ],
)
async def test_given_what_no_account_has_when_one_is_opened_then_it_is_refused(refused, given, code, fields):
    told = await refused(OPEN, **{"currency": "EUR", "idempotencyKey": "k", **given})
    assert told["code"] == code
    assert [field["path"] for field in told["fields"]] == fields if fields else told["currency"] == given["currency"]
