"""GraphQL over HTTP: what is asked wrongly is told so by number and media type, and nothing is done."""

from __future__ import annotations

import json

import pytest

JSON, GRAPHQL = "application/json", "application/graphql-response+json"
BOTH = pytest.mark.parametrize("media", [JSON, GRAPHQL])
TYPENAME = {"query": "{ __typename }"}
WHO = "{ viewer { subject } }"
UPSERT = 'mutation M { upsertPerson(input: {externalId: "http", name: "Http"}) { ... on Person { version } } }'
ID = "test-request-0001"


@pytest.fixture
def post(http, make):
    """Post as an operator: `await post({...})`, `await post(content=b"...")`."""

    async def send(body=None, *, content=None, by=make.operator, **headers):
        given = {"content-type": JSON, "authorization": f"Bearer {by.token}"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        sent = {name: value for name, value in given.items() if value is not None}
        return await http.post("/graphql", content=json.dumps(body) if content is None else content, headers=sent)

    return send


def bad(message, status=400, code="BAD_USER_INPUT"):
    """The whole answer to a request that was never one."""
    return {"errors": [{"message": message, "extensions": {"code": code, "status": status, "requestId": ID}}]}


# --- what GraphQL itself answers ----------------------------------------------------------------------------------------


@BOTH
async def test_given_a_good_query_when_it_is_asked_then_200_in_the_media_type_asked_for(post, media):
    answer = await post({"query": WHO}, accept=media, x_request_id=ID)
    assert (answer.status_code, answer.headers["content-type"]) == (200, f"{media}; charset=utf-8")
    assert answer.headers["x-request-id"] == ID
    assert answer.json() == {
        "data": {"viewer": {"subject": "operator"}},
        "extensions": {"cost": {"requested": 2, "limit": 5000}},
    }


@BOTH
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"query": "{"}, "Syntax Error: Expected Name, found <EOF>."),
        ({"query": "# nothing but a remark"}, "Syntax Error: Unexpected <EOF>."),
        ({"query": "{ viewer }"}, "Field 'viewer' of type 'Viewer!' must have a selection of subfields."),
        ({"query": "{ xyzzyxyzzy }"}, "Cannot query field 'xyzzyxyzzy' on type 'Query'."),
        ({"query": "query A { __typename } query B { __typename }"}, "Which operation? Name one of them."),
        ({"query": "query A { __typename } query B { __typename }", "operationName": ""}, "Which operation?"),
        ({"query": "query A { __typename }", "operationName": "a"}, "There is no operation of this name."),
        ({"query": "{ __typename }", "operationName": "A"}, "There is no operation of this name."),
        ({"query": "fragment F on Query { __typename }"}, "Fragment 'F' is never used."),
        ({"query": "subscription { events { __typename } }"}, "Subscriptions are answered on a socket or as"),
        ({"query": "query ($id: ID!) { node(id: $id) { id } }"}, "Variable '$id' has invalid value"),
        ({"query": "query ($id: ID!) { node(id: $id) { id } }", "variables": {"id": None}}, "Variable '$id'"),
        ({"query": "query ($id: ID!) { node(id: $id) { id } }", "variables": {"id": [1]}}, "Variable '$id'"),
        ({"query": "query ($id: ID!) { node(id: $id) { id } }", "variables": {"id": 1.5}}, "Variable '$id'"),
        (
            {"query": "query ($n: Int) { ledgerAccounts(first: $n) { totalCount } }", "variables": {"n": "5"}},
            "Variable",
        ),
        (
            {"query": "query ($n: Int) { ledgerAccounts(first: $n) { totalCount } }", "variables": {"n": 1e20}},
            "Variable",
        ),
    ],
)
async def test_given_a_document_that_cannot_be_run_when_it_is_asked_then_400_or_200_without_data(
    post, nothing_written, media, body, message
):
    async with nothing_written():
        answer = await post(body, accept=media)
    assert answer.status_code == (200 if media == JSON else 400)
    assert answer.headers["content-type"] == f"{media}; charset=utf-8"
    content = answer.json()
    assert list(content) == ["errors"]
    assert content["errors"][0]["message"].startswith(message.removesuffix("."))
    assert (content["errors"][0]["extensions"]["code"], content["errors"][0]["extensions"]["status"]) == (
        "BAD_USER_INPUT",
        400,
    )


@BOTH
async def test_given_one_field_of_two_that_finds_nothing_when_asked_then_200_with_what_there_is(post, media):
    asked = {"query": "{ viewer { subject } person(ref: {number: 9}) { name } }"}
    answer = await post(asked, accept=media, x_request_id=ID)
    assert answer.status_code == 200
    assert answer.json() == {
        "errors": [
            {
                "message": "There is no such person.",
                "extensions": {"code": "PERSON_NOT_FOUND", "status": 404, "requestId": ID},
                "locations": [{"line": 1, "column": 22}],
                "path": ["person"],
            }
        ],
        "data": {"viewer": {"subject": "operator"}, "person": None},
        "extensions": {"cost": {"requested": 4, "limit": 5000}},
    }


# --- what is no request -------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The body is not JSON."),
        (b"{", "The body is not JSON."),
        (b"query=%7B__typename%7D", "The body is not JSON."),
        (b'{"query": "{ __typename }",}', "The body is not JSON."),
        (b'{"query": NaN}', "The body is not JSON."),
        (b'{"query": "\xff"}', "The body is not JSON."),
        (b'{"query": "\\ud800"}', "The body is not JSON."),
        (b"\xef\xbb\xbf{}", "The body is not JSON."),
        (b"[" * 3000, "The body is not JSON."),
        (b'[{"query": "{ __typename }"}]', "The body must be one JSON object; batches are not taken."),
        (b"[]", "The body must be one JSON object; batches are not taken."),
        (b"null", "The body must be one JSON object; batches are not taken."),
        (b'"{ __typename }"', "The body must be one JSON object; batches are not taken."),
        (b"{}", "query must be a document."),
        (b'{"Query": "{ __typename }"}', "query must be a document."),
        (b'{"query": null}', "query must be a document."),
        (b'{"query": 7}', "query must be a document."),
        (b'{"query": ["{ __typename }"]}', "query must be a document."),
        (b'{"query": {"a": 1}}', "query must be a document."),
        (b'{"query": " \\n "}', "query must be a document."),
        (b'{"query": "{ __typename }", "operationName": 7}', "operationName must be a string."),
        (b'{"query": "{ __typename }", "operationName": ["A"]}', "operationName must be a string."),
        (b'{"query": "{ __typename }", "variables": "{}"}', "variables must be an object."),
        (b'{"query": "{ __typename }", "variables": []}', "variables must be an object."),
        (b'{"query": "{ __typename }", "variables": 0}', "variables must be an object."),
        (b'{"query": "{ __typename }", "variables": false}', "variables must be an object."),
        (b'{"query": "{ __typename }", "extensions": "x"}', "extensions must be an object."),
        (b'{"query": "{ __typename }", "extensions": [1]}', "extensions must be an object."),
    ],
)
async def test_given_a_body_that_is_no_request_when_it_is_posted_then_400_whatever_is_accepted(
    post, nothing_written, media, content, message
):
    async with nothing_written():
        answer = await post(content=content, accept=media, x_request_id=ID)
    assert answer.status_code == 400
    assert answer.json() == bad(message)


@pytest.mark.parametrize("extra", [{"operationName": None}, {"variables": None}, {"extensions": None}, {"other": 1}])
async def test_given_nulls_and_unknown_keys_when_they_are_posted_then_they_are_passed_over(post, extra):
    answer = await post(TYPENAME | extra | {"extensions": {"a": [1]}})
    assert (answer.status_code, answer.json()["data"]) == (200, {"__typename": "Query"})


@pytest.mark.parametrize(
    "media",
    [
        "",
        "text/plain",
        "text/plain; application/json",
        "application/graphql",
        "application/jsonp",
        "application/graphql-response+json",
        "application/x-www-form-urlencoded",
        "multipart/mixed; boundary=x",
        "application/json; charset=utf-16",
        "application/json; charset=latin-1",
        "application/json, text/plain",
    ],
)
async def test_given_another_content_type_when_it_is_posted_then_415_and_nothing_happens(post, nothing_written, media):
    async with nothing_written():
        answer = await post({"query": UPSERT}, content_type=media, x_request_id=ID)
    assert answer.status_code == 415
    assert answer.json() == bad("Requests are application/json, in UTF-8; with files, multipart/form-data.", 415)


@pytest.mark.parametrize(
    "media",
    [
        JSON,
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json; a=b",
    ],
)
async def test_given_json_in_any_spelling_when_it_is_posted_then_it_is_read(post, media):
    assert (await post(TYPENAME, content_type=media)).json()["data"] == {"__typename": "Query"}


# --- what is accepted -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("text/html, */*;q=0.1", JSON),
        ("APPLICATION/JSON", JSON),
        ("application/json; charset=utf-8", JSON),
        ("text/html, application/json", JSON),
        ("application/json;q=0, application/graphql-response+json", GRAPHQL),
        (f"{GRAPHQL}; charset=utf-8, {JSON}; charset=utf-8", GRAPHQL),
        (f"{GRAPHQL}, {JSON};q=0.9", GRAPHQL),
    ],
)
async def test_given_what_a_client_accepts_when_it_asks_then_one_of_our_two_media_types(post, accept, media):
    answer = await post(TYPENAME, accept=accept)
    assert (answer.status_code, answer.headers["content-type"]) == (200, f"{media}; charset=utf-8")


@pytest.mark.parametrize(
    "accept",
    ["text/html", "image/*", "application/json; charset=utf-16", "application/json;q=0", "text/plain", ","],
)
async def test_given_nothing_that_we_have_when_it_is_accepted_alone_then_406_and_nothing_happens(
    post, nothing_written, accept
):
    async with nothing_written():
        answer = await post({"query": UPSERT}, accept=accept, x_request_id=ID)
    assert answer.status_code == 406
    assert answer.json() == bad(f"Answers are {GRAPHQL} or {JSON}, in UTF-8.", 406)


# --- methods --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def get(http, make):
    async def ask(method="GET", *, accept="*/*", **params):
        headers = {"authorization": f"Bearer {make.operator.token}", "accept": accept, "x-request-id": ID}
        return await http.request(method, "/graphql", params=params, headers=headers)

    return ask


async def test_given_development_when_a_query_comes_by_get_then_it_is_answered(get):
    asked = "query A($id: ID!) { nodes(ids: [$id]) { id } } mutation B { __typename }"
    answer = await get(query=asked, operationName="A", variables='{"id": "x"}', extensions="{}")
    assert (answer.status_code, answer.json()["data"]) == (200, {"nodes": [None]})


@BOTH
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "asked", [{"query": UPSERT}, {"query": "query Q { __typename } " + UPSERT, "operationName": "M"}]
)
async def test_given_a_mutation_when_it_comes_by_get_or_head_then_it_is_not_done(
    get, nothing_written, media, method, asked
):
    async with nothing_written():
        answer = await get(method, accept=media, **asked)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST, GET")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "query must be a document."),
        ({"query": ""}, "query must be a document."),
        ({"query": "{ __typename }", "variables": "{"}, "variables and extensions must be JSON."),
        ({"query": "{ __typename }", "extensions": "x"}, "variables and extensions must be JSON."),
        ({"query": "{ __typename }", "variables": "[]"}, "variables must be an object."),
        ({"query": "{ __typename }", "variables": '"{}"'}, "variables must be an object."),
    ],
)
async def test_given_wrong_parameters_when_they_come_by_get_then_400(get, params, message):
    answer = await get(**params)
    assert (answer.status_code, answer.json()) == (400, bad(message))


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_given_another_method_when_it_is_used_then_405_and_the_methods_there_are(get, nothing_written, method):
    async with nothing_written():
        answer = await get(method, query=UPSERT)
    assert answer.status_code == 405
    assert {"GET", "POST"} <= set(answer.headers["allow"].split(", "))


# --- bodies and headers ---------------------------------------------------------------------------------------------------


async def test_given_a_body_of_just_the_limit_when_it_is_posted_then_it_is_read_and_one_byte_more_is_413(
    post, knobs, nothing_written
):
    knobs(body_max_bytes=2048, upload_body_max_bytes=2048, attachment_max_bytes=1024)
    exact = json.dumps({"query": UPSERT}).encode().ljust(2048)
    async with nothing_written():
        answer = await post(content=exact + b" ", x_request_id=ID)
    assert answer.status_code == 413
    assert answer.json() == bad("The body is larger than 2048 bytes.", 413)
    assert (await post(content=exact)).json()["data"] == {"upsertPerson": {"version": 0}}


async def test_given_a_body_without_a_length_when_it_grows_too_large_then_it_is_not_read_to_its_end(post, make):
    read = 0

    async def endless():
        nonlocal read
        while read < 2_000_000:
            read += 50_000
            yield b" " * 50_000

    assert (await post(content=endless(), by=make.user(1))).status_code == 413
    assert read <= 200_000


@pytest.mark.parametrize("given", ["abcdefgh", "a.B-c_9" * 9, "0" * 64])
async def test_given_a_request_id_when_it_is_a_plain_one_then_it_is_told_back(post, given):
    answer = await post({"query": "{"}, x_request_id=given)
    assert answer.headers["x-request-id"] == answer.json()["errors"][0]["extensions"]["requestId"] == given


@pytest.mark.parametrize(
    "given", ["", "short", "0" * 65, "with space", "<script>alert(1)</script>", "a/../../b", b"\xe9" * 9]
)
async def test_given_a_request_id_when_it_could_do_harm_in_a_log_then_one_of_ours_takes_its_place(post, given):
    answer = await post({"query": "{"}, x_request_id=given)
    ours = answer.headers["x-request-id"]
    assert answer.json()["errors"][0]["extensions"]["requestId"] == ours
    assert len(ours) == 32
    assert set(ours) <= set("0123456789abcdef")


# --- other origins --------------------------------------------------------------------------------------------------------


PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}


@pytest.mark.parametrize(
    "origin", ["http://localhost:3000", "https://localhost", "http://127.0.0.1:5173", "http://[::1]:80"]
)
async def test_given_development_when_a_page_of_this_machine_asks_first_then_it_may(http, origin):
    answer = await http.options("/graphql", headers=PREFLIGHT | {"origin": origin})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, origin)
    assert {"authorization", "content-type"} <= set(answer.headers["access-control-allow-headers"].lower().split(", "))
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://localhost.evil.example", "http://evil.example/http://localhost", "null"]
)
async def test_given_a_page_of_a_stranger_when_it_asks_first_then_it_may_not(http, post, origin):
    answer = await http.options("/graphql", headers=PREFLIGHT | {"origin": origin})
    assert answer.status_code == 400
    assert "access-control-allow-origin" not in answer.headers
    assert "access-control-allow-origin" not in (await post(TYPENAME, origin=origin)).headers
