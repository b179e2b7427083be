"""GraphQL over a WebSocket, message by message: a bad operation ends that operation, a bad message the socket."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import jwt
import pytest
from websockets.exceptions import InvalidStatus

from models.kernel.viewer import Role
from models.people import operations as people
from server.graphql import answering, socket
from server.graphql.schema import schema
from settings import DEVELOPMENT_SECRET
from tests.feed.conftest import placed
from tests.feed.wire import frame
from tests.make import Asker

pytestmark = pytest.mark.usefixtures("quiet_log")

WHO = "{ viewer { subject } }"
UPSERT = """mutation ($key: String) { upsertPerson(input: {externalId: "socket", name: "Anna", idempotencyKey: $key}) {
  __typename ... on Person { name version } ... on Refusal { code } } }"""
EVENTS = "subscription { events { __typename ... on Event { name version } } }"
BALANCE = """subscription ($person: PersonRef) { balanceChanged(person: $person) {
  __typename ... on BalanceEvent { version person { name } } } }"""


def bearer(token):
    return {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}


def token(seconds, **changes):
    claims = {"sub": "x", "roles": ["operator"], "iss": "saldo", "aud": "saldo", "exp": int(time.time()) + seconds}
    return jwt.encode(claims | changes, DEVELOPMENT_SECRET, "HS256")


@pytest.fixture
def nothing_executed(monkeypatch):
    def refuse():
        pytest.fail("something was executed")

    monkeypatch.setattr(answering, "schema", refuse)


# --- the handshake and the first word ---------------------------------------------------------------------------------


@pytest.mark.parametrize("protocols", [None, ["graphql-ws"], ["x", "graphql-ws"]])
async def test_a_client_of_another_protocol_is_told_so(wire, protocols):
    board = await wire(subprotocols=protocols)
    assert await board.closed() == (4406, "Subprotocol not acceptable")


async def test_ours_is_chosen_among_several_protocols(wire):
    board = await wire(subprotocols=["graphql-ws", "graphql-transport-ws"])
    assert board.socket.subprotocol == "graphql-transport-ws"


async def test_a_page_that_we_do_not_know_gets_no_socket(wire):
    for origin in ("https://evil.example", "http://localhost.evil.example", "null", ""):
        with pytest.raises(InvalidStatus) as refused:
            await wire(additional_headers={"origin": origin})
        assert refused.value.response.status_code == 403


async def test_pages_that_we_know_and_clients_without_a_page_get_one(wire, make, knobs):
    knobs(allowed_origins='["https://desk.example"]')
    for headers in ({}, {"origin": "https://desk.example"}, {"origin": "http://localhost:3000"}):
        await (await wire(make.operator, additional_headers=headers)).works()


async def test_production_knows_no_localhost(wire, knobs):
    knobs(env="production", token_secret="a-secret-of-production-with-32-bytes-or-more")
    with pytest.raises(InvalidStatus):
        await wire(additional_headers={"origin": "http://localhost:3000"})


async def test_whoever_does_not_say_who_he_is_has_to_go(wire, knobs):
    knobs(socket_init_seconds=1)
    silent, chatty = await wire(), await wire()
    await chatty.send(type="ping")
    assert await chatty.next() == {"type": "pong"}
    assert await silent.closed() == (4408, "Connection initialisation timeout")
    assert await chatty.closed() == (4408, "Connection initialisation timeout")


async def test_a_first_word_without_a_token_is_well_formed_and_refused(wire, nothing_executed):
    for payload in ({}, {"payload": None}, {"payload": {}}, {"payload": {"authorization": None}}):
        board = await wire()
        await board.send(type="connection_init", **payload)
        assert await board.closed() == (4403, "Forbidden"), payload


async def test_a_first_word_whose_payload_is_no_object_is_a_bad_message(wire):
    for payload in ([], "x", 7, True, 0, ""):
        board = await wire()
        await board.send(type="connection_init", payload=payload)
        assert await board.closed() == (4400, "The payload must be an object"), payload


async def test_whoever_brings_a_token_that_does_not_hold_reaches_nothing(wire, nothing_written, nothing_executed):
    bad = ["", "Bearer", "Bearer a.b.c", "Basic eDp4", f"Bearer {token(-60)}", f"Bearer {token(60, aud='others')}"]
    for given in (*bad, ["Bearer x"], 7, {}):
        board = await wire()
        async with nothing_written():
            await board.send(type="connection_init", payload={"authorization": given})
            await board.ask(UPSERT)
            assert await board.closed() == (4403, "Forbidden"), given


async def test_an_operation_before_the_first_word_is_refused(wire, nothing_written, nothing_executed):
    board = await wire()
    async with nothing_written():
        await board.ask(UPSERT)
        assert await board.closed() == (4401, "Unauthorized")


@pytest.mark.parametrize("late", [False, True])
async def test_the_first_word_is_said_once(wire, make, late):
    board = await wire(make.operator) if late else await wire()
    for _ in range(1 if late else 2):
        await board.send(**bearer(make.operator.token))
    assert await board.closed() == (4429, "Too many initialisation requests")


async def test_a_token_that_ends_closes_its_socket_in_the_middle_of_a_subscription(wire):
    board = await wire()
    await board.let_in(token(2))
    await board.ask(EVENTS)
    assert (await board.next())["type"] == "next"
    assert await board.closed() == (4403, "Token expired")


# --- messages that are none -------------------------------------------------------------------------------------------

NO_JSON, NO_TYPE = "Messages are JSON", "Messages are objects with a type"
NO_ID, NO_PAYLOAD = "The id must be a string", "The payload of subscribe must be an object"
QUERY = {"query": "{ __typename }"}
BAD = {
    "": NO_JSON,
    "{": NO_JSON,
    "connection_init": NO_JSON,
    '{"type":"ping"} {"type":"ping"}': NO_JSON,
    '{"type":"ping","payload":{"a":NaN}}': NO_JSON,
    '{"type":"\\ud800"}': NO_JSON,
    "\ufeff{}": NO_JSON,
    "[" * 30_000: NO_JSON,
    '{"type":' * 5_000: NO_JSON,
    "[]": NO_TYPE,
    '[{"type":"ping"}]': NO_TYPE,
    '"ping"': NO_TYPE,
    "7": NO_TYPE,
    "null": NO_TYPE,
    "true": NO_TYPE,
    "{}": NO_TYPE,
    '{"type":null}': NO_TYPE,
    '{"type":7}': NO_TYPE,
    '{"type":["ping"]}': NO_TYPE,
    '{"type":{"ping":1}}': NO_TYPE,
    '{"Type":"ping"}': NO_TYPE,
    '{"type":""}': "Unknown message type",
    '{"type":"PING"}': "Unknown message type",
    '{"type":"start","id":"a","payload":{"query":"{ __typename }"}}': "Unknown message type",
    '{"type":"connection_ack"}': "Unknown message type",
    '{"type":"next","id":"a","payload":{}}': "Unknown message type",
    '{"type":"ping","payload":[]}': "The payload must be an object",
    '{"type":"ping","payload":"x"}': "The payload must be an object",
    '{"type":"pong","payload":7}': "The payload must be an object",
    '{"type":"complete"}': NO_ID,
    '{"type":"complete","id":null}': NO_ID,
    '{"type":"complete","id":7}': NO_ID,
    b"": NO_TYPE,
    b'{"type":"ping"}': NO_TYPE,
    b"\x00\xff": NO_TYPE,
}
BAD_SUBSCRIBES = [
    ({"payload": QUERY}, NO_ID),
    ({"id": None, "payload": QUERY}, NO_ID),
    ({"id": 7, "payload": QUERY}, NO_ID),
    ({"id": True, "payload": QUERY}, NO_ID),
    ({"id": ["a"], "payload": QUERY}, NO_ID),
    ({"id": {"a": 1}, "payload": QUERY}, NO_ID),
    ({"id": "", "payload": QUERY}, NO_ID),
    ({"id": "x" * 257, "payload": QUERY}, NO_ID),
    ({"id": "a"}, NO_PAYLOAD),
    ({"id": "a", "payload": None}, NO_PAYLOAD),
    ({"id": "a", "payload": []}, NO_PAYLOAD),
    ({"id": "a", "payload": [QUERY]}, NO_PAYLOAD),
    ({"id": "a", "payload": "{ __typename }"}, NO_PAYLOAD),
    ({"id": "a", "payload": 7}, NO_PAYLOAD),
]


@pytest.mark.parametrize("let_in", [False, True])
async def test_a_message_that_is_none_ends_the_socket_with_a_reason(wire, make, let_in):
    async def ended_by(raw):
        board = await wire(make.operator if let_in else None)
        await board.send(raw)
        return await board.closed()

    assert {raw: await ended_by(raw) for raw in BAD} == {raw: (4400, reason) for raw, reason in BAD.items()}


async def test_a_subscribe_that_is_none_ends_the_socket_with_a_reason(wire, make, nothing_executed):
    for message, reason in BAD_SUBSCRIBES:
        board = await wire(make.operator)
        await board.send(type="subscribe", **message)
        assert await board.closed() == (4400, reason), message


@pytest.mark.parametrize("parts", [1, 3])
async def test_a_message_of_64_kib_is_taken_and_one_byte_more_is_not(wire, parts):
    def sized(size):
        head, tail = '{"type":"ping","payload":{"a":"', '"}}'
        whole, step = head + "x" * (size - len(head) - len(tail)) + tail, -(-size // parts)
        return whole if parts == 1 else [whole[at : at + step] for at in range(0, size, step)]

    board = await wire()
    await board.socket.send(sized(64 * 1024))
    assert (await board.next())["type"] == "pong"
    await board.socket.send(sized(64 * 1024 + 1))
    assert (await board.closed())[0] == 1009


async def test_text_that_is_no_utf_8_ends_the_socket_and_is_no_error_of_ours(wire, make):
    board = await wire(make.operator)
    await board.socket.send(b'{"type":"ping","payload":{"a":"\xff"}}', text=True)
    assert (await board.closed())[0] == 1007


# --- operations that cannot be done ------------------------------------------------------------------------------------


def nested(levels: int) -> list[Any]:
    return [nested(levels - 1)] if levels else []


IMPOSSIBLE = [
    ({}, "BAD_USER_INPUT", "query must be a document."),
    ({"query": None}, "BAD_USER_INPUT", "query must be a document."),
    ({"query": 7}, "BAD_USER_INPUT", "query must be a document."),
    ({"query": ["{ __typename }"]}, "BAD_USER_INPUT", "query must be a document."),
    ({"query": " \n"}, "BAD_USER_INPUT", "query must be a document."),
    (QUERY | {"variables": []}, "BAD_USER_INPUT", "variables must be an object."),
    (QUERY | {"variables": "{}"}, "BAD_USER_INPUT", "variables must be an object."),
    (QUERY | {"operationName": 7}, "BAD_USER_INPUT", "operationName must be a string."),
    (QUERY | {"operationName": ["A"]}, "BAD_USER_INPUT", "operationName must be a string."),
    (QUERY | {"extensions": []}, "BAD_USER_INPUT", "extensions must be an object."),
    (QUERY | {"extensions": "x"}, "BAD_USER_INPUT", "extensions must be an object."),
    (QUERY | {"variables": {"a": nested(24)}}, "BAD_USER_INPUT", "variables are nested too deeply."),
    ({"query": "{"}, "BAD_USER_INPUT", "Syntax Error: Expected Name, found <EOF>."),
    ({"query": "{ " * 900}, "BAD_USER_INPUT", "Syntax Error: Expected Name, found '{'."),
    ({"query": "{ xyzzyxyzzy }"}, "BAD_USER_INPUT", "Cannot query field 'xyzzyxyzzy' on type 'Query'."),
    ({"query": "subscription { xyzzyxyzzy }"}, "BAD_USER_INPUT", "Cannot query field 'xyzzyxyzzy' on type 'Subscription'."),
    (
        {"query": "query A { __typename } query B { __typename }"},
        "BAD_USER_INPUT",
        "Which operation? Name one of them.",
    ),
    (QUERY | {"operationName": "A"}, "BAD_USER_INPUT", "There is no operation of this name."),
    (
        {"query": "subscription { events { __typename } balanceChanged { __typename } }"},
        "BAD_USER_INPUT",
        "Anonymous Subscription must select only one top level field.",
    ),
    (
        {"query": "subscription ($n: [EventNoun!]) { events(nouns: $n) { __typename } }", "variables": {"n": "NO"}},
        "BAD_USER_INPUT",
        "Variable '$n' has invalid value: Value 'NO' does not exist in 'EventNoun' enum.",
    ),
    (
        {"query": "{ events(first: 100) { edges { node { ... on PersonEvent { person { "
                  "timeline(first: 100) { edges { node { name } } } } } } } } }"},
        "COST_EXCEEDED",
        "This would cost 30401; 5000 is the limit. Ask for less.",
    ),
    (
        {"query": "{ " + " ".join(f"a{n}: __typename" for n in range(30)) + " }"},
        "COST_EXCEEDED",
        "The document has 30 root fields; 20 are allowed.",
    ),
    (
        {"query": "subscription { events { ... on PersonEvent { person { "
                  + "timeline { edges { node { ... on PersonEvent { person { " * 3 + "name" + " } } } } }" * 3
                  + " } } } }"},
        "COST_EXCEEDED",
        "The document has 15 levels; 10 are allowed.",
    ),
]  # fmt: skip


async def test_an_operation_that_cannot_be_done_ends_alone(wire, make):
    board = await wire(make.operator)
    await board.ask(EVENTS, "other")
    assert (await board.next())["id"] == "other"
    for payload, code, message in IMPOSSIBLE:
        await board.send(type="subscribe", id="a", payload=payload)
        assert await board.error() == (code, message), payload
        await board.works("a")
    await board.ask(EVENTS, "another")
    assert (await board.next())["id"] == "another"


async def test_a_subscription_to_nothing_ends_alone(wire, make):
    board = await wire(make.operator)
    for directive in ("@skip(if: true)", "@include(if: false)", "@skip(if: $no)"):
        variables = "($no: Boolean = true)" if "$no" in directive else ""
        await board.ask(f"subscription {variables} {{ events {directive} {{ __typename }} }}")
        assert (await board.error())[0] == "BAD_USER_INPUT"
    await board.works()


async def test_a_mutation_that_is_closed_to_the_role_does_nothing(wire, make, nothing_written):
    board = await wire(make.auditor)
    async with nothing_written():
        await board.ask(f"mutation {{ a: __typename {UPSERT.partition('{')[2].replace('$key', 'null')}")
        assert await board.error() == ("FORBIDDEN", "upsertPerson is closed to your role; it is for operator, service.")
        await board.works()


async def test_a_bug_is_told_by_its_request_id_alone_and_ends_that_operation(wire, make, monkeypatch):
    async def broken(*_):
        raise RuntimeError("SELECT secret")

    board = await wire(make.operator)
    monkeypatch.setattr(socket, "answer", broken)
    monkeypatch.setattr(socket.log, "exception", lambda *_: None)
    await board.ask(WHO)
    assert await board.error() == ("INTERNAL", "Something went wrong here. The request id helps to find it.")
    monkeypatch.undo()
    await board.works("a")


# --- ids --------------------------------------------------------------------------------------------------------------


async def test_an_id_that_is_in_use_cannot_be_used_again(wire, make):
    for id in ("a", '"\\\n', "é\U0001f600"):
        board = await wire(make.operator)
        await board.ask(EVENTS, id)
        message = await board.next()
        assert (message["type"], message["id"]) == ("next", id)
        await board.ask(WHO, id)
        assert await board.closed() == (4409, f"Subscriber for {id} already exists")


async def test_a_reason_with_a_long_id_in_it_is_cut_to_what_a_close_frame_holds(wire, make):
    for id, told in (("x" * 256, "x" * 108), ("\U0001f600" * 256, "\U0001f600" * 27)):
        board = await wire(make.operator)
        for _ in range(2):
            await board.ask(EVENTS, id)
        assert await board.closed() == (4409, f"Subscriber for {told}")


async def test_an_id_can_be_used_again_after_whatever_end(wire, make):
    board = await wire(make.operator)
    for _ in range(3):
        await board.ask(EVENTS)
        assert (await board.next())["type"] == "next"
        await board.send(type="complete", id="a")
        await board.ask("{ nope }")
        assert (await board.error())[0] == "BAD_USER_INPUT"
        assert (await board.answer(WHO))["data"] == {"viewer": {"subject": "operator"}}


async def test_the_end_of_what_never_was_is_ignored(wire, make):
    board = await wire()
    await board.send(type="complete", id="never")
    await board.let_in(make.operator.token)
    for _ in range(2):
        await board.send(type="complete", id="never", payload={"ignored": True})
    await board.works()


async def test_whoever_ends_a_subscription_hears_no_more_of_it(wire, make, relay):
    board = await wire(make.operator)
    await board.ask(EVENTS)
    assert (await board.next())["type"] == "next"
    await board.send(type="complete", id="a")
    await board.works()
    await make.person("1 EUR")
    await placed()
    await asyncio.sleep(0.05)
    await board.works()


# --- pings ------------------------------------------------------------------------------------------------------------


async def test_a_ping_is_answered_at_any_time_with_what_it_brought(wire, make):
    for board in (await wire(), await wire(make.operator)):
        for payload in ({}, {"payload": None}, {"payload": {}}, {"payload": {"a": ["é", 1.5, None]}}):
            await board.send(type="ping", **payload)
            assert await board.next() == {"type": "pong", **payload}


async def test_a_ping_that_is_nested_too_deeply_to_be_echoed_is_a_bad_message(wire):
    board = await wire()
    await board.send('{"type":"ping","payload":' + '{"a":' * 300 + "1" + "}" * 301)
    assert await board.closed() == (4400, "The payload is nested too deeply")


async def test_a_pong_that_nobody_asked_for_is_ignored(wire, make):
    board = await wire()
    await board.send(type="pong")
    await board.let_in(make.operator.token)
    await board.send(type="pong", payload={"a": 1})
    await board.send(type="pong", payload=None)
    await board.works()


async def test_a_client_that_answers_no_pings_is_gone(wire, make, knobs):
    knobs(socket_ping_seconds=0.05)
    board = await wire(make.operator)
    assert [await board.next(), await board.next()] == [{"type": "ping"}] * 2
    assert await board.closed() == (1001, "No answer to pings")


async def test_a_client_that_answers_pings_stays(wire, make, knobs):
    knobs(socket_ping_seconds=0.05)
    board = await wire(make.operator)
    for _ in range(6):
        assert await board.next() == {"type": "ping"}
        await board.send(type="pong")
    knobs(socket_ping_seconds=60)
    await board.ask("{ __typename }")
    assert "next" in [(await board.next())["type"] for _ in range(2)]


# --- how many ---------------------------------------------------------------------------------------------------------


async def test_one_socket_runs_so_many_operations_at_once(wire, make, knobs):
    knobs(socket_operations_max=3)
    board = await wire(make.operator)
    for id in "abc":
        await board.ask(EVENTS, id)
        assert (await board.next())["type"] == "next"
    await board.ask(WHO, "d")
    assert await board.error("d") == ("RATE_LIMITED", "3 operations may run at once.")
    await board.send(type="complete", id="b")
    await board.works("d")


async def test_a_client_that_asks_without_end_and_never_reads_holds_no_more_than_it_may(wire, make, knobs):
    knobs(socket_operations_max=3)
    board = await wire(make.operator)
    asked = {"type": "subscribe", "payload": {"query": EVENTS}}
    board.socket.transport.pause_reading()
    board.socket.transport.write(b"".join(frame(asked | {"id": f"{n} {'x' * 200}"}) for n in range(2_000)))
    running = []
    for _ in range(40):
        await asyncio.sleep(0.01)
        running.append(sum(task.get_name() == "operation" for task in asyncio.all_tasks()))
    board.socket.transport.abort()
    assert max(running) == 3


async def test_one_viewer_has_so_many_sockets_and_gets_a_place_back(wire, make, served, knobs):
    knobs(sockets_per_viewer_max=2)
    first, _ = [await wire(make.operator) for _ in range(2)]
    third = await wire()
    await third.send(**bearer(make.operator.token))
    assert await third.closed() == (1013, "Too many sockets of yours")
    await (await wire(make.auditor)).works()
    await first.socket.close()
    await until(lambda: served.app.state.connections.open == 2)
    await (await wire(make.operator)).works()


async def test_one_process_has_so_many_sockets_and_gets_a_place_back(wire, make, served, knobs):
    knobs(sockets_max=2)
    first, _ = [await wire(make.operator), await wire()]
    assert await (await wire()).closed() == (1013, "Too many sockets")
    await first.socket.close()
    await until(lambda: served.app.state.connections.open == 1)
    await (await wire(make.auditor)).works()


async def until(holds):
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.005)


# --- queries and mutations ---------------------------------------------------------------------------------------------


async def test_a_query_answers_once_and_is_complete(wire, make):
    board = await wire(make.operator)
    assert await board.answer(WHO) == {
        "data": {"viewer": {"subject": "operator"}},
        "extensions": {"cost": {"requested": 2, "limit": 5000}},
    }


async def test_the_named_operation_is_done_with_its_variables(wire, make):
    board = await wire(make.operator)
    document = "query A { __typename } query B($no: Boolean!) { viewer { subject @skip(if: $no) roles } }"
    answer = await board.answer(document, operationName="B", variables={"no": True})
    assert answer["data"] == {"viewer": {"roles": ["OPERATOR"]}}


async def test_a_query_that_finds_half_answers_that_half_and_the_error(wire, make):
    board = await wire(make.operator)
    answer = await board.answer("{ viewer { subject } person(ref: {number: 9}) { name } }")
    assert answer["data"] == {"viewer": {"subject": "operator"}, "person": None}
    ((error,),) = [answer["errors"]]
    assert (error["path"], error["extensions"]["code"]) == (["person"], "PERSON_NOT_FOUND")


async def test_a_mutation_is_done_once_for_its_key_and_says_so(wire, make):
    board = await wire(make.operator)
    first, again = [await board.answer(UPSERT, variables={"key": "k"}) for _ in range(2)]
    assert first["data"] == again["data"] == {"upsertPerson": {"__typename": "Person", "name": "Anna", "version": 0}}
    assert first["extensions"] == {"cost": {"requested": 15, "limit": 5000}}
    assert again["extensions"] == first["extensions"] | {"replayed": [["upsertPerson"]]}


async def test_a_refusal_of_a_mutation_is_an_answer_and_nothing_is_written(wire, make, nothing_written):
    board = await wire(make.operator)
    async with nothing_written():
        answer = await board.answer(UPSERT.replace('"Anna"', '""'))
    assert answer["data"] == {"upsertPerson": {"__typename": "InvalidInput", "code": "INVALID_INPUT"}}
    assert "errors" not in answer


async def test_what_the_client_sends_beside_its_document_reaches_those_who_answer(wire, make, monkeypatch):
    seen = []
    whole = answering.answer

    async def seeing(prepared):
        seen.append(prepared.context.extensions)
        return await whole(prepared)

    monkeypatch.setattr(socket, "answer", seeing)
    board = await wire(make.operator)
    await board.answer("{ __typename }", extensions={"trace": {"id": "7"}})
    await board.answer("{ __typename }")
    assert seen == [{"trace": {"id": "7"}}, {}]


async def test_each_operation_and_each_event_sees_things_as_they_are(wire, make, relay):
    anna = await people.upsert("renamed", "Anna", by=make.operator.viewer)
    await make.adjust(anna, "10 EUR")
    board = await wire(make.user(anna))
    await board.ask(BALANCE, "watch")
    assert named(await board.next()) == "Anna"
    name = f"{{ person(ref: {{number: {anna.id}}}) {{ name }} }}"
    assert (await board.answer(name))["data"]["person"]["name"] == "Anna"
    for new in ("Bert", "Carla"):
        await people.upsert("renamed", new, by=make.operator.viewer)
        assert (await board.answer(name))["data"]["person"]["name"] == new
        await make.adjust(anna, "1 EUR")
        assert named(await board.next()) == new


def named(message):
    return message["payload"]["data"]["balanceChanged"]["person"]["name"]


# --- every role at every subscription ----------------------------------------------------------------------------------


EVERYBODY = frozenset(Role) - {Role.SYSTEM}
STAFF = {Role.OPERATOR, Role.AUDITOR}
# root field: (how it is asked, who is let in, what the others are told, what a stranger who is let in is told)
FIELDS = {
    "events": (EVENTS, STAFF, "FORBIDDEN", None),
    "dealChanged": ("subscription { dealChanged { __typename } }", EVERYBODY, None, None),
    "paymentChanged": ("subscription { paymentChanged { __typename } }", EVERYBODY, None, None),
    "balanceChanged": (BALANCE, {*STAFF, Role.USER}, "FORBIDDEN", "PERSON_NOT_FOUND"),
    "payoutChanged": ("subscription { payoutChanged { __typename } }", {*STAFF, Role.MERCHANT}, "FORBIDDEN", None),
    "disputeChanged": ("subscription { disputeChanged { __typename } }", {*STAFF, Role.MERCHANT}, "FORBIDDEN", None),
}


def test_a_new_subscription_says_in_the_table_above_for_whom_it_is():
    assert sorted(FIELDS) == sorted(schema()._schema.subscription_type.fields)


@pytest.mark.parametrize("role", sorted(EVERYBODY))
async def test_each_role_is_let_in_where_the_table_says(wire, make, relay, role):
    anna, bert = await make.person("1 EUR"), await make.person("1 EUR")
    await placed()  # so that nothing more comes than what is asked for
    board = await wire(Asker.of(role, person=anna.id) if role is Role.USER else Asker.of(role, party="p"))
    stranger = await wire(make.user(bert))
    for field, (query, roles, closed, foreign) in FIELDS.items():
        variables = {"person": {"number": anna.id}} if "$person" in query else {}
        await board.ask(query, field, variables=variables)
        if role not in roles:
            assert (await board.error(field))[0] == closed
            continue
        message = await board.next()
        assert (message["type"], message["id"], message["payload"].get("errors")) == ("next", field, None)
        if foreign and role is Role.USER:
            await stranger.ask(query, variables=variables)
            assert (await stranger.error())[0] == foreign
