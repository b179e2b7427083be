"""A limit on everything: what a document may ask, what an answer may tell, and what production shuts."""

from __future__ import annotations

import base64
import re

import httpx
import pytest

from models.kernel.viewer import Role
from server import app as server
from server.graphql import errors
from server.graphql.schema import documents
from tests.make import Asker, Make

LEAKS = re.compile(
    r"Traceback|asyncpg|SELECT|INSERT|ledger_transfer|person_identity|\.py\b|tortoise|strawberry|graphql.core|Error\(|"
    r"Exception|site-packages|0x[0-9a-f]{8}|postgres"
)
WHO = "{ viewer { subject } }"


def refused(code, message, status=400):
    return {"code": code, "status": status, "message": message}


@pytest.fixture
def told(make, nothing_written):
    """What the one error of an answer says; nothing was written, and nothing of the inside is told."""

    async def ask(query, *, by=make.operator, **variables):
        async with nothing_written():
            answer = await make.send(query, by=by, **variables)
        assert not LEAKS.search(answer.text)
        (error,) = answer.json()["errors"]
        return refused(error["extensions"]["code"], error["message"], error["extensions"]["status"])

    return ask


async def answered(make, query, **variables):
    answer = (await make.send(query, by=make.operator, **variables)).json()
    return answer["extensions"]["cost"]["requested"] if "errors" not in answer else answer["errors"]


# --- documents ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def fresh():
    """Documents that were judged by other limits are forgotten, before and after."""
    documents.cache_clear()
    yield
    documents.cache_clear()


def deep(levels):
    return '{ ledgerPlan(id: "x") ' + "{ reverts " * (levels - 2) + "{ id }" + " }" * (levels - 1)


@pytest.mark.parametrize(
    ("fits", "exceeds", "message"),
    [
        (deep(10), deep(11), "The document has 11 levels; 10 are allowed."),
        (
            "{ ...F } fragment F on Query " + deep(10),
            "{ ...F } fragment F on Query " + deep(12),
            "The document has 12 levels; 10 are allowed.",
        ),
        (
            "{ viewer {" + "".join(f"a{n}: subject " for n in range(30)) + "} }",
            "{ viewer {" + "".join(f"a{n}: subject " for n in range(31)) + "} }",
            "The document has 31 aliases; 30 are allowed.",
        ),
        (
            "{ viewer {" + "subject @include(if: true) " * 20 + "} }",
            "{ viewer {" + "subject @include(if: true) " * 21 + "} }",
            "The document has 21 directives; 20 are allowed.",
        ),
        (
            "{" + "".join(f"a{n}: __typename " for n in range(20)) + "}",
            "{" + "".join(f"a{n}: __typename " for n in range(21)) + "}",
            "The document has 21 root fields; 20 are allowed.",
        ),
        (
            "{" + "".join(f"... on Query {{ a{n}: __typename }} " for n in range(20)) + "}",
            "{" + "".join(f"... on Query {{ a{n}: __typename }} " for n in range(21)) + "}",
            "The document has 21 root fields; 20 are allowed.",
        ),
    ],
)
async def test_given_a_limit_when_a_document_just_fits_then_it_is_answered_and_one_more_is_refused(
    make, told, fits, exceeds, message
):
    answer = (await make.send(fits, by=make.operator)).json()
    assert [error["extensions"]["code"] for error in answer.get("errors", [])] in ([], ["PLAN_NOT_FOUND"])
    assert await told(exceeds) == refused("COST_EXCEEDED", message)


async def test_given_too_many_tokens_when_a_document_is_read_then_reading_ends(make, told):
    few = "{ viewer {" + " subject" * 1_994 + " } }"
    assert (await make.send(few, by=make.operator)).status_code == 200
    many = "Syntax Error: Document contains more than 2000 tokens. Parsing aborted."
    assert await told("{ viewer {" + " subject" * 1_996 + " } }") == refused("BAD_USER_INPUT", many)


@pytest.mark.parametrize(
    "document",
    [
        "{" * 1_900,
        "{ a(b: " + "[" * 1_900,
        "{ a(b: " + "{c: " * 600,
        "query ($a: " + "[" * 900 + "Int" + "]" * 900 + ") { __typename }",
        deep(150),
        deep(400),
        "{ ...A } fragment A on Query { ...A }",
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...C } fragment C on Query { ...A }",
        "{ viewer { person { ...A } } } fragment A on Person { name ...B } fragment B on Node { id ...A }",
        "{ ledgerAccounts(first: " + "9" * 100_000 + ") { totalCount } }",
        "{ ledgerAccounts(first: -" + "9" * 4_301 + ") { totalCount } }",
        "{ ledgerAccounts(first: 1e400) { totalCount } }",
        '{ node(id: "' + "\\u00e9" * 15_000,
        "{ __typename @skip(if: " + "9" * 5_000 + ") }",
        "query ($n: Int = " + "9" * 5_000 + ") { ledgerAccounts(first: $n) { totalCount } }",
    ],
    ids=lambda document: document[:20],
)
@pytest.mark.timeout(10)
async def test_given_a_document_made_to_hurt_when_it_is_read_then_it_is_refused_soon(make, nothing_written, document):
    async with nothing_written():
        answer = await make.send(document, by=make.operator)
    assert not LEAKS.search(answer.text)
    assert {error["extensions"]["code"] for error in answer.json()["errors"]} <= {"BAD_USER_INPUT", "COST_EXCEEDED"}


def doubling(fields):
    """A hundred fragments, each of which spreads the next one twice."""
    ends = "... on Query { __typename }" if "Query" in fields else "id"
    kind = "Query" if "Query" in fields else "LedgerPlan"
    spread = [f"fragment F{n} on {kind} {{ {fields.replace('NEXT', f'...F{n + 1}')} }}" for n in range(90)]
    return " ".join([*spread, f"fragment F90 on {kind} {{ {ends} }}"])


@pytest.mark.parametrize(
    "document",
    [
        "{ ...F0 } " + doubling("... on Query { NEXT } ... on Query { NEXT }"),
        '{ ledgerPlan(id: "x") { ...F0 } } ' + doubling("reverts { NEXT } x: reverts { NEXT }"),
    ],
    ids=["spread", "nested"],
)
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.timeout(10)
async def test_given_fragments_that_double_when_they_are_measured_then_it_takes_no_time(make, document, known):
    answer = await make.send(document, by=make.operator if known else None)
    assert answer.status_code in (200, 401)


# --- cost ----------------------------------------------------------------------------------------------------------------------


LIST = "ledgerAccounts%s { edges { node { id } } }"


@pytest.mark.parametrize(
    ("query", "variables", "cost"),
    [
        ("{ __typename }", {}, 1),
        (WHO, {}, 2),
        ("{ __schema { types { name } } }", {}, 0),
        ("{ " + LIST % "" + " }", {}, 61),
        ("{ " + LIST % "(first: 0)" + " }", {}, 4),
        ("{ " + LIST % "(first: 100)" + " }", {}, 301),
        ("{ " + LIST % "(last: 50)" + " }", {}, 151),
        ("query ($n: Int) { " + LIST % "(first: $n)" + " }", {"n": 100}, 301),
        ("query ($n: Int) { " + LIST % "(first: $n)" + " }", {"n": 100.0}, 301),
        ("query ($n: Int = 100) { " + LIST % "(first: $n)" + " }", {}, 301),
        ("query ($n: Int = 100) { " + LIST % "(first: $n)" + " }", {"n": 5}, 16),
        ("query ($n: Int) { " + LIST % "(first: $n)" + " }", {}, 61),
        ("{ ledgerAccounts { ...F } } fragment F on LedgerAccountConnection { edges { node { id } } }", {}, 61),
        ("{ ledgerAccounts { ... { edges { node { id } } } } }", {}, 61),
        ('{ nodes(ids: ["a", "b", "c"]) { id } }', {}, 4),
        ("query ($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": ["a", "b", "c"]}, 4),
        ('query ($i: [ID!]! = ["a", "b", "c"]) { nodes(ids: $i) { id } }', {}, 4),
        (
            "{ ledgerAccounts(first: 10) { edges { node { entries(first: 10) { edges { version: cursor } } } } } }",
            {},
            231,
        ),
    ],
)
async def test_given_a_query_when_it_is_answered_then_its_cost_is_what_it_could_bring(make, query, variables, cost):
    assert await answered(make, query, **variables) == cost


async def test_given_a_cost_above_the_limit_when_it_is_asked_then_refused_before_anything_is_read(
    make, told, knobs, http
):
    knobs(query_cost_max=300)
    assert await answered(make, "{ " + LIST % "(first: 99)" + " }") == 298
    message = "This would cost 301; 300 is the limit. Ask for less."
    assert await told("{ " + LIST % "(first: 100)" + " }") == refused("COST_EXCEEDED", message)
    headers = {"authorization": f"Bearer {make.operator.token}", "accept": "application/graphql-response+json"}
    answer = await http.post("/graphql", json={"query": "{ " + LIST % "(first: 100)" + " }"}, headers=headers)
    assert answer.status_code == 400


async def test_given_several_writes_when_they_are_asked_then_each_costs_more_than_a_read(make, told, knobs):
    one = '%s: upsertPerson(input: {externalId: "limits", name: "L"}) { __typename } '
    assert await answered(make, "mutation { " + one % "a" + one % "b" + "}") == 24
    knobs(query_cost_max=100)
    many = "mutation {" + "".join(one % f"a{n}" for n in range(9)) + "}"
    assert (await told(many))["code"] == "COST_EXCEEDED"


# --- inputs ----------------------------------------------------------------------------------------------------------------------


async def test_given_variables_when_they_are_nested_too_deep_then_refused(make, http):
    async def send(depth):
        value = 1
        for _ in range(depth):
            value = [value]
        headers = {"authorization": f"Bearer {make.operator.token}"}
        return await http.post("/graphql", json={"query": WHO, "variables": {"v": value}}, headers=headers)

    assert (await send(23)).status_code == 200
    for depth in (24, 25, 500):
        answer = await send(depth)
        assert (answer.status_code, answer.json()["errors"][0]["message"]) == (400, "variables are nested too deeply.")


async def test_given_a_list_when_it_is_longer_than_a_list_may_be_then_refused(make, told):
    asked = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert await make.ask(asked, by=make.operator, ids=["x"] * 100) == [None] * 100
    told_off = await told(asked, ids=["x"] * 101)
    assert told_off == refused("INVALID_INPUT", "ids: may have up to 100 items")


@pytest.mark.parametrize("size", [-1, 101, 2**31 - 1, -(2**31)])
@pytest.mark.parametrize("name", ["first", "last"])
async def test_given_a_page_when_it_is_larger_than_a_page_may_be_then_refused(told, name, size):
    message = f"{name}: must be between 0 and 100"
    for field in (
        "ledgerAccounts(%s: %s) { pageInfo { endCursor } }",
        'ledgerTransfers(subject: "x", %s: %s) { totalCount }',
    ):
        assert await told("{ " + field % (name, size) + " }") == refused("INVALID_INPUT", message)


def cursor(text):
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "given",
    ["x", "é", "====", cursor(b"[]"), cursor(b'["transfer",1]'), cursor(b'["account"]'), cursor(b'["account",1,2]'),
     cursor(b'["account","1"]'), cursor(b'["account",1.5]'), cursor(b'["account",true]'), cursor(b'["account",null]'),
     cursor(b'{"account":1}'), cursor(b'["account",9223372036854775808]'), cursor(b'["account",' + b"9" * 200 + b"]"),
     cursor(b"[" * 350)],
)  # fmt: skip
async def test_given_what_is_no_cursor_when_a_list_is_read_then_it_is_expired(told, given):
    message = "This cursor is not one of this list; read again from the start."
    for side in ("after", "before"):
        asked = f"query ($c: Cursor) {{ ledgerAccounts({side}: $c) {{ totalCount }} }}"
        assert await told(asked, c=given) == refused("CURSOR_EXPIRED", message)


async def test_given_a_cursor_when_it_is_too_long_or_no_string_then_invalid_input(told):
    message = "after: must be a cursor that was given by this list"
    for given in ("x" * 513, 7, ["x"], {}):
        assert await told("query ($c: Cursor) { ledgerAccounts(after: $c) { totalCount } }", c=given) == refused(
            "INVALID_INPUT", message
        )


MOMENTS = ["", "now", "2026-01-31", "2026-01-31T12:00:00", "2026-13-01T00:00:00Z", "x" * 5_000, "0001-01-01T00:00:00+14:00",
           "9999-12-31T23:59:59-14:00", 0, 1.5, True, [], {}]  # fmt: skip


@pytest.mark.parametrize("given", MOMENTS)
async def test_given_what_is_no_moment_when_a_balance_is_asked_then_invalid_input(make, told, given):
    await make.person("100 EUR")
    edges = (await make.ask("{ ledgerAccounts { edges { node { id } } } }", by=make.operator))["edges"]
    id, wrong = edges[0]["node"]["id"], 'must be a moment with its zone, like "2026-01-31T12:00:00Z"'
    root = await told(
        "query ($id: ID!, $t: DateTime) { ledgerBalance(account: $id, asOf: $t) { amount } }", id=id, t=given
    )
    assert root == refused("INVALID_INPUT", f"asOf: {wrong}")
    nested = "query ($id: ID!, $t: DateTime) { ledgerAccount(id: $id) { entries(asOf: $t) { totalCount } } }"
    assert (await told(nested, id=id, t=given))["code"] == "INVALID_INPUT"


@pytest.mark.parametrize(
    "query",
    [
        'query ($t: String!) { ledgerAccounts(filter: {owner: $t}) { totalCount } }',
        'query ($t: String!) { ledgerAccounts(filter: {kind: $t}) { totalCount } }',
        'query ($t: String!) { ledgerTransfers(subject: $t) { totalCount } }',
    ],
)  # fmt: skip
@pytest.mark.parametrize("text", ["", "'; DROP TABLE person; --", "%", "x" * 100_000, "é\U0001f600", "a\x00b"])
async def test_given_any_text_when_a_list_is_narrowed_by_it_then_nothing_is_found_and_nothing_breaks(make, query, text):
    answer = await make.send(query, by=make.operator, t=text)
    assert not LEAKS.search(answer.text)
    found = answer.json()
    assert (found.get("data") and found["data"].popitem()[1] == {"totalCount": 0}) or (
        [error["extensions"]["code"] for error in found["errors"]] == ["INVALID_INPUT"]
    )


# --- what an answer tells --------------------------------------------------------------------------------------------------------


async def test_given_a_bug_when_it_strikes_then_the_client_learns_its_request_id_alone(make, monkeypatch, told):
    async def broken(*_args):
        raise RuntimeError("SELECT secret FROM person -- /srv/app.py")

    monkeypatch.setattr("models.people.reads.persons", broken)
    monkeypatch.setattr(errors.log, "error", lambda *_args, **_more: None)
    message = "Something went wrong here. The request id helps to find it."
    assert await told("{ person(ref: {number: 1}) { name } }") == refused("INTERNAL", message, 500)


async def test_given_many_mistakes_when_a_document_is_refused_then_the_first_five_are_told(make):
    answer = (await make.send("{ " + " ".join(f"nope{n}" for n in range(50)) + " }", by=make.operator)).json()
    assert len(answer["errors"]) == 5


# --- production ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def production(database, knobs, fresh):
    """The door as it is in production, and somebody with a token for it."""
    knobs(env="production", token_secret="a-secret-of-production-with-32-bytes-or-more")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(server.app()), base_url="http://saldo") as client:
        make = Make(client)
        make.operator = Asker.of(Role.OPERATOR)
        yield make


@pytest.mark.parametrize(
    "query",
    [
        "{ __schema { types { name } } }",
        '{ __type(name: "Person") { name } }',
        "{ ...F } fragment F on Query { __schema { queryType { name } } }",
    ],
)
async def test_given_production_when_the_schema_is_asked_for_then_it_is_not_told(production, query):
    answer = (await production.send(query, by=production.operator)).json()
    assert (list(answer), answer["errors"][0]["extensions"]["code"]) == (["errors"], "BAD_USER_INPUT")
    assert (await production.send(query)).status_code == 401
    assert (await production.send("{ __typename }")).status_code == 401
    assert (await production.send("{ __typename }", by=production.operator)).json()["data"] == {"__typename": "Query"}


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{ viwer { subject } }", {}),
        ("{ viewer { subjct } }", {}),
        ("{ node(idd: 1) { id } }", {}),
        ("{ viewer { subject @skp(if: true) } }", {}),
        ("query ($a: PersonReff) { __typename }", {}),
        ("mutation { runJob(input: {name: PRUNEE}) { __typename } }", {}),
        ("mutation { runJob(input: {nam: PRUNE}) { __typename } }", {}),
        ("mutation ($i: RunJobInput!) { runJob(input: $i) { __typename } }", {"i": {"nam": "PRUNE"}}),
        ("mutation ($i: RunJobInput!) { runJob(input: $i) { __typename } }", {"i": {"name": "PRUNEE"}}),
        ("{ ...Viewr } fragment Viewer on Query { __typename }", {}),
    ],
)
async def test_given_production_when_a_name_is_nearly_right_then_the_right_one_is_not_suggested(
    production, query, variables
):
    answer = await production.send(query, by=production.operator, **variables)
    assert "Did you mean" not in answer.text
    assert {error["extensions"]["code"] for error in answer.json()["errors"]} == {"BAD_USER_INPUT"}


async def test_given_production_when_it_is_asked_by_get_or_for_graphiql_then_there_is_no_such_door(production):
    headers = {"authorization": f"Bearer {production.operator.token}"}
    for method in ("GET", "HEAD", "PUT"):
        answer = await production.http.request(method, "/graphql", params={"query": "{ __typename }"}, headers=headers)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert (await production.http.get("/graphiql")).status_code == 404
    origin = {"origin": "http://localhost:3000", "access-control-request-method": "POST"}
    assert (await production.http.options("/graphql", headers=origin)).status_code == 400


async def test_given_development_when_graphiql_is_opened_then_it_is_there(http):
    assert (await http.get("/graphiql")).headers["content-type"] == "text/html; charset=utf-8"
