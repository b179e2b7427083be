"""Services tell the house something: it is kept once, under its event id, or refused with every problem named."""

from __future__ import annotations

import pytest

from models.kernel.sql import fetch, sql
from models.kernel.viewer import Role
from tests.inbox.telling import INGEST, SYSTEM, drain, names, tell
from tests.make import Asker

ANNA = {"topic": "person.named", "eventId": "crm-1", "payload": {"externalId": "7", "name": "Anna"}}
NODE = """query ($id: ID!) { node(id: $id) { ... on InboxMessage {
  status payload attempts lastError nextCheckAt processedAt reason allowedActions { name allowed why } } } }"""
PERSON = '{ person(ref: {externalId: "7"}) { name version } }'


def invalid(**fields):
    told = [{"path": path.replace("__", "."), "message": message} for path, message in fields.items()]
    message = "; ".join(f"{field['path']}: {field['message']}" for field in told)
    return {
        "__typename": "InvalidInput",
        "code": "INVALID_INPUT",
        "message": message,
        "retryable": False,
        "fields": told,
    }


async def test_a_message_is_kept_at_once_and_done_by_the_next_drain(api, make):
    kept = await api(INGEST, by=make.service, input=ANNA)
    assert kept == {
        "id": kept["id"], "topic": "person.named", "eventId": "crm-1", "key": "7", "status": "RECEIVED",
        "sender": "service", "version": 0,
    }  # fmt: skip
    assert (await drain()).done == 1
    assert await api(PERSON, by=make.operator) == {"name": "Anna", "version": 0}
    seen = await api(NODE, by=make.service, id=kept["id"])
    assert (seen.pop("processedAt") is not None, seen) == (
        True,
        {
            "status": "PROCESSED", "payload": ANNA["payload"], "attempts": 1, "lastError": None, "nextCheckAt": None,
            "reason": None, "allowedActions": [
                {"name": "redrive", "allowed": False, "why": "FORBIDDEN"},
                {"name": "discard", "allowed": False, "why": "FORBIDDEN"},
            ],
        },
    )  # fmt: skip
    (message,) = await fetch(sql("SELECT id FROM inbox_message"))
    assert await names(f"inbox_message:{message['id']}") == ["open", "process"]
    assert (await drain()).done == 0


async def test_a_person_who_is_known_is_renamed_and_one_who_is_so_called_stays_as_he_is(api, make):
    for number, name in enumerate(("Anna", "Anna Petrova", "Anna Petrova")):
        payload = {"externalId": "7", "name": name, "more": ["is", "left", "alone"]}
        await api(INGEST, by=make.service, input=ANNA | {"eventId": f"crm-{number}", "payload": payload})
    assert (await drain()).done == 3
    assert await api(PERSON, by=make.operator) == {"name": "Anna Petrova", "version": 1}
    assert {row["status"] for row in await fetch(sql("SELECT status FROM inbox_message"))} == {"processed"}


async def test_no_event_carries_what_a_message_holds(api, make):
    await api(INGEST, by=make.service, input=ANNA)
    (event,) = await fetch(sql("SELECT snapshot::text AS text, audience FROM event WHERE noun = 'inbox_message'"))
    assert ("Anna" not in event["text"], event["audience"]) == (True, ["ops", "service:service"])


@pytest.mark.parametrize("status", ["received", "processed"])
async def test_the_same_content_again_is_the_message_as_it_is(api, make, nothing_written, status):
    first = await api(INGEST, by=make.service, input=ANNA)
    if status == "processed":
        await drain()
    turned = ANNA | {"payload": dict(reversed(ANNA["payload"].items()))}
    async with nothing_written():
        for again, by in ((ANNA, make.service), (turned, make.service), (ANNA, make.other_service)):
            answer = (await make.send(INGEST, by=by, input=again)).json()
            assert answer["extensions"]["replayed"] == [["ingestEvent"]]
            assert answer["data"]["ingestEvent"] == first | {
                "status": status.upper(),
                "version": int(status == "processed"),
            }


@pytest.mark.parametrize("done", [False, True])
async def test_another_content_under_the_id_is_refused(api, make, nothing_written, done):
    await api(INGEST, by=make.service, input=ANNA)
    if done:
        await drain()
    async with nothing_written():
        no = await api(INGEST, by=make.service, input=ANNA | {"payload": {"externalId": "7", "name": "Anja"}})
    assert no == {
        "__typename": "IdempotencyKeyConflict", "code": "EVENT_ID_CONFLICT",
        "message": "This event id came before with another content.", "retryable": False,
    }  # fmt: skip


async def test_one_id_on_two_topics_is_two_messages(api, make, told):
    await tell(1)
    assert (await api(INGEST, by=make.service, input=ANNA | {"eventId": "e1"}))["status"] == "RECEIVED"
    assert (await drain()).done == 2


async def test_a_key_stands_for_one_message(api, make, nothing_written):
    first = await api(INGEST, by=make.service, input=ANNA | {"idempotencyKey": "k"})
    async with nothing_written():
        assert await api(INGEST, by=make.service, input=ANNA | {"idempotencyKey": "k"}) == first
        no = await api(INGEST, by=make.service, input=ANNA | {"eventId": "crm-2", "idempotencyKey": "k"})
    assert no["code"] == "IDEMPOTENCY_KEY_CONFLICT"


NO_TOPIC = invalid(topic="must be one of person.named, shop.credited")
NO_ID = invalid(eventId="must have 1 to 128 characters, not only blanks")
NO_STRING, MISSING = "Input should be a valid string", "Field required"
NULL = "must not hold a null character"
WRONG = [
    ({"topic": "person.renamed"}, NO_TOPIC),
    ({"topic": ""}, NO_TOPIC),
    ({"topic": "x" * 10_000}, NO_TOPIC),
    ({"eventId": ""}, NO_ID),
    ({"eventId": " \t"}, NO_ID),
    ({"eventId": "x" * 129}, NO_ID),
    ({"topic": "person.named\x00"}, invalid(topic=NULL)),
    ({"eventId": "\x00"}, invalid(eventId=NULL)),
    ({"payload": {}}, invalid(payload__externalId=MISSING, payload__name=MISSING)),
    ({"payload": {"externalId": 7, "name": None}}, invalid(payload__externalId=NO_STRING, payload__name=NO_STRING)),
    (
        {"payload": {"externalId": "", "name": " "}},
        invalid(
            payload__externalId="String should have at least 1 character",
            payload__name="String should match pattern '\\S'",
        ),
    ),
    (
        {"payload": {"externalId": "7", "name": "x" * 65}},
        invalid(payload__name="String should have at most 64 characters"),
    ),
    ({"payload": {"externalId": "7\x00", "name": "A"}}, invalid(payload__externalId=NULL)),
    (
        {"payload": {"externalId": "7", "name": "A", "more": [{"deep": "\x00"}]}},
        invalid(payload__more__0__deep=NULL),
    ),
    (
        {"payload": {"externalId": "7", "name": "A", "\x00": 1}},
        invalid(payload="must not have a null character in a name"),
    ),
    (
        {"payload": {"externalId": "7", "name": "A", "more": "x" * 65_536}},
        invalid(payload="may have up to 65536 bytes as JSON"),
    ),
    *(
        ({"payload": payload}, invalid(payload="Input should be an object"))
        for payload in ([], "Anna", 7, 1.5, True, [["externalId", "7"]])
    ),
    ({"idempotencyKey": " "}, invalid(idempotencyKey="must have 1 to 128 characters")),
]


async def test_what_cannot_be_meant_is_refused_with_every_problem(api, make, nothing_written):
    async with nothing_written():
        for change, answer in WRONG:
            assert await api(INGEST, by=make.service, input=ANNA | change) == answer, str(change)[:200]


@pytest.mark.parametrize("key", ["", ', idempotencyKey: "k"'])
async def test_a_number_without_end_in_a_document_is_refused(api, make, nothing_written, key):
    document = f"""mutation {{ ingestEvent(input: {{topic: "person.named", eventId: "e", payload: {{n: {"9" * 40}}}{key}}}) {{
      ... on InvalidInput {{ fields {{ path message }} }} }} }}"""
    async with nothing_written():
        answer = await api(document, by=make.service)
    assert answer["fields"] == [{"path": "payload", "message": "must be JSON, with whole numbers of up to 64 bits"}]


async def test_a_message_is_seen_by_staff_and_by_who_sent_it(api, make):
    id = (await api(INGEST, by=make.service, input=ANNA))["id"]
    person = await make.person()
    for asker in (make.operator, make.auditor, make.service):
        assert (await api(NODE, by=asker, id=id))["status"] == "RECEIVED"
    for asker in (make.other_service, make.user(person), make.channel, make.merchant):
        assert await make.error(NODE, by=asker, id=id) == {"code": "NOT_FOUND", "status": 404}
    impostor = Asker.of(Role.CHANNEL, "service")
    assert await make.error(NODE, by=impostor, id=id) == {"code": "NOT_FOUND", "status": 404}


async def test_what_the_queue_brought_is_no_services_own(api, make, told):
    await tell(1, by=SYSTEM)
    (message,) = await fetch(sql("SELECT sender FROM inbox_message"))
    assert message["sender"] == "job:drain_inbox"
