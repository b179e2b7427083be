"""What came to nothing: shown to those whose work it is, corrected and driven again, or discarded with a reason."""

from __future__ import annotations

import orjson
import pytest

from models.inbox import operations as inbox
from models.inbox.operations.letters import QUEUE
from models.kernel.sql import fetch, sql
from schema.node import global_id
from tests.inbox.telling import DISCARD, LETTERS, REDRIVE, drain, names, row, statuses, tell

NO_LETTER = {
    "__typename": "NotFound",
    "code": "NOT_FOUND",
    "message": "There is no such dead letter.",
    "retryable": False,
}
NO_REASON = {"fields": [{"path": "reason", "message": "must have 1 to 500 characters, not only blanks"}]}
NO_CALL = "is needed: the letter holds no call of ingest_event"
ANNA = {"externalId": "7", "name": "Anna"}
PERSON = '{ person(ref: {externalId: "7"}) { name } }'


@pytest.fixture
def shown(api, make):
    """The letters that the list shows."""

    async def ask(by=None, **asked):
        return [edge["node"] for edge in (await api(LETTERS, by=by or make.operator, **asked))["edges"]]

    return ask


@pytest.fixture
def redrive(api, make):
    """The answers for each letter that is driven again."""

    async def ask(*ids, **more):
        return await api(REDRIVE, by=make.operator, input=({"ids": list(ids)} if ids else {}) | more)

    return ask


@pytest.fixture
async def dead(told, shown):
    """The id of the letter of a message that died, and was processed if it were driven again."""
    told.but = {1: "poison"}
    await tell(1, key="k", do="done")
    await drain()
    told.but = {}
    return (await shown())[0]["id"]


def invalid(path, message):
    told = [{"path": path, "message": message}]
    return {
        "__typename": "InvalidInput", "code": "INVALID_INPUT", "message": f"{path}: {message}", "retryable": False,
        "fields": told,
    }  # fmt: skip


async def bury(payload, source="queue:saldo:public"):
    text = payload if isinstance(payload, str) else orjson.dumps(payload).decode()
    return global_id("DeadLetter", (await inbox.bury(source, "ingest_event", text, "a test", by=QUEUE)).id)


# --- a message's letter -------------------------------------------------------------------------------------------------


async def test_a_dead_letter_says_what_died_and_why(dead, shown):
    (letter,) = await shown()
    message = letter.pop("inboxMessage")
    assert letter == {
        "id": dead, "status": "DEAD", "source": "inbox:test.said", "name": "e1", "reason": "nobody can do this",
        "deaths": 1, "resolvedBy": None, "resolvedReason": None, "version": 0, "fixedPayload": None,
        "payload": '{"do":"done","key":"k","n":1}',
        "allowedActions": [{"name": name, "allowed": True, "why": None} for name in ("redrive", "discard")],
    }  # fmt: skip
    assert message == {
        "id": message["id"], "status": "DEAD", "eventId": "e1", "payload": {"n": 1, "key": "k", "do": "done"},
    }  # fmt: skip


async def test_a_letter_is_driven_again_as_it_is_once_what_was_missing_is_there(dead, redrive, shown, told):
    (letter,) = await redrive(dead)
    assert letter == {
        "id": dead, "status": "REDRIVEN", "source": "inbox:test.said", "name": "e1", "reason": "nobody can do this",
        "deaths": 1, "resolvedBy": "operator", "resolvedReason": None, "version": 1, "inboxMessage": {"status": "RECEIVED"},
    }  # fmt: skip
    message = await row()
    assert (message["attempts"], message["reason"], message["last_error"]) == (0, None, None)
    assert (await drain()).done == 1
    (letter,) = await shown()
    assert (letter["status"], letter["inboxMessage"]["status"], told.seen) == ("REDRIVEN", "PROCESSED", [("k", 1)] * 2)
    assert await names(f"inbox_message:{message['id']}") == ["open", "die", "redrive", "process"]


async def test_a_letter_is_driven_again_with_a_correction_and_duplicates_are_still_known(
    dead, redrive, shown, told, nothing_written
):
    told.but = {1: "poison"}
    (letter,) = await redrive(dead, fixedPayload={"n": 2, "key": "other"})
    assert letter["status"] == "REDRIVEN"
    await drain()
    assert (told.seen[-1], await statuses(), (await row())["key"]) == (("other", 2), {"e1": "processed"}, "other")
    (letter,) = await shown()
    assert (letter["payload"], letter["fixedPayload"]) == (
        '{"do":"done","key":"k","n":1}',
        {"key": "other", "n": 2},
    )
    async with nothing_written():
        assert (await tell(1, key="k", do="done")).version == 3


@pytest.mark.parametrize(
    ("fixed", "problem"),
    [
        ({"n": "two"}, ("fixedPayload.n", "Input should be a valid integer")),
        ({}, ("fixedPayload.n", "Field required")),
        ([], ("fixedPayload", "Input should be an object")),
        ({"n": 1, "do": "\x00"}, ("fixedPayload.do", "must not hold a null character")),
        ({"n": 1, "key": "x" * 201}, ("fixedPayload", "its order key has more than 200 characters")),
        ({"n": 1, "do": "x" * 65_536}, ("fixedPayload", "may have up to 65536 bytes as JSON")),
    ],
    ids=["type", "missing", "list", "null", "key", "size"],
)
async def test_a_correction_that_cannot_be_read_is_refused(dead, api, make, nothing_written, fixed, problem):
    async with nothing_written():
        answer = (await make.send(REDRIVE, by=make.operator, input={"ids": [dead], "fixedPayload": fixed})).json()
    if "errors" in answer:  # what is no JSON that can be kept is refused before any letter is looked at
        (error,) = answer["errors"]
        assert (error["extensions"]["code"], error["message"]) == ("INVALID_INPUT", ": ".join(problem))
    else:
        assert answer["data"]["redriveDeadLetters"] == [invalid(*problem)]


async def test_driving_again_what_was_driven_again_changes_nothing(dead, make, redrive, nothing_written):
    (first,) = await redrive(dead)
    async with nothing_written():
        answer = (await make.send(REDRIVE, by=make.operator, input={"ids": [dead, dead]})).json()
    assert answer["data"]["redriveDeadLetters"] == [first, first]
    assert answer["extensions"]["replayed"] == [["redriveDeadLetters", 0], ["redriveDeadLetters", 1]]
    await drain()
    async with nothing_written():
        assert await redrive(dead) == [first | {"inboxMessage": {"status": "PROCESSED"}}]


async def test_what_dies_again_dies_with_the_same_letter(dead, redrive, shown, told):
    told.but = {1: "poison"}
    for deaths in (2, 3):
        await redrive(dead)
        await drain()
        (letter,) = await shown()
        assert (letter["id"], letter["status"], letter["deaths"], letter["resolvedBy"]) == (dead, "DEAD", deaths, None)
    await redrive(dead)
    told.but = {1: "fail"}
    await drain()
    (letter,) = await shown()
    assert (letter["status"], letter["inboxMessage"]["status"]) == ("REDRIVEN", "RECEIVED")


async def test_a_dead_message_lets_later_ones_pass_and_goes_before_them_when_it_is_driven_again(dead, redrive, told):
    await tell(2, key="k")
    await drain()
    await redrive(dead)
    await tell(3, key="k")
    await drain()
    assert told.seen == [("k", 1), ("k", 2), ("k", 1), ("k", 3)]


# --- to be discarded ----------------------------------------------------------------------------------------------------


async def test_a_letter_is_discarded_with_its_message_and_a_reason(dead, api, make, redrive, nothing_written):
    asked = {"id": dead, "reason": "sent in error", "expectedVersion": 0}
    letter = await api(DISCARD, by=make.operator, input=asked)
    assert (letter["status"], letter["resolvedBy"], letter["resolvedReason"], letter["inboxMessage"], letter["version"]) == (
        "DISCARDED", "operator", "sent in error", {"status": "DISCARDED"}, 1,
    )  # fmt: skip
    async with nothing_written():
        assert await api(DISCARD, by=make.operator, input={"id": dead, "reason": "again"}) == letter
        (no,) = await redrive(dead)
        assert no == {
            "__typename": "IllegalMove", "code": "ILLEGAL_MOVE", "retryable": False, "at": "DISCARDED", "allowed": [],
            "message": "Cannot redrive a dead_letter which is DISCARDED.",
        }  # fmt: skip
        assert (await drain()).done == 0


NO_DISCARDS = [
    ({"reason": " "}, "INVALID_INPUT", NO_REASON),
    ({"reason": "x" * 501}, "INVALID_INPUT", NO_REASON),
    (
        {"reason": "\x00"},
        "INVALID_INPUT",
        {"fields": [{"path": "reason", "message": "must not hold a null character"}]},
    ),
    ({"expectedVersion": 7}, "VERSION_CONFLICT", {"expected": 7, "actual": 0}),
    ({"id": "x"}, "NOT_FOUND", {}),
    ({"id": global_id("DeadLetter", 10**9)}, "NOT_FOUND", {}),
    ({"id": global_id("InboxMessage", 1)}, "NOT_FOUND", {}),
]


async def test_a_discard_that_cannot_be_is_refused(dead, api, make, nothing_written):
    async with nothing_written():
        for change, code, facts in NO_DISCARDS:
            no = await api(DISCARD, by=make.operator, input={"id": dead, "reason": "r"} | change)
            assert (no["code"], {name: no[name] for name in facts}) == (code, facts)


async def test_what_is_being_tried_again_cannot_be_discarded(dead, api, make, redrive, nothing_written):
    await redrive(dead)
    async with nothing_written():
        no = await api(DISCARD, by=make.operator, input={"id": dead, "reason": "r"})
    assert (no["code"], no["at"], no["allowed"]) == ("ILLEGAL_MOVE", "REDRIVEN", ["die"])


# --- a queue's letter ---------------------------------------------------------------------------------------------------


CALLED = {"t": 1, "f": "ingest_event", "a": ["person.named", "crm-1", ANNA], "k": {}, "et": 1}
PLAIN = {"topic": "person.named", "eventId": "crm-1", "payload": ANNA}


@pytest.mark.parametrize("holds", ["call", "named", "plain"])
@pytest.mark.parametrize("fixed", [False, True])
async def test_a_queues_letter_becomes_a_message_when_it_can_be_read(database, api, make, redrive, holds, fixed):
    named = CALLED | {"a": [], "k": {"topic": "person.named", "event_id": "crm-1", "payload": ANNA}}
    given = {"call": CALLED, "named": named, "plain": PLAIN}[holds]
    id = await bury("no call" if fixed else given)
    (letter,) = await redrive(id, **({"fixedPayload": given} if fixed else {}))
    assert (letter["status"], letter["inboxMessage"]) == ("REDRIVEN", None)
    assert (await row("crm-1"))["sender"] == "job:queue"
    await drain()
    assert await api(PERSON, by=make.operator) == {"name": "Anna"}


UNREADABLE = [
    ("no call", None, ("fixedPayload", NO_CALL)),
    ("[1]", None, ("fixedPayload", NO_CALL)),
    ("7", None, ("fixedPayload", NO_CALL)),
    ({"f": "os.system", "a": [], "k": {}}, None, ("fixedPayload", NO_CALL)),
    ({"f": "ingest_event", "a": [1], "k": {}}, None, ("fixedPayload", NO_CALL)),
    ({"f": "ingest_event"}, None, ("fixedPayload", NO_CALL)),
    ({"topic": "person.named", "eventId": "e"}, None, ("fixedPayload", NO_CALL)),
    (PLAIN | {"topic": "unknown"}, None, ("fixedPayload.topic", "must be one of person.named, shop.credited")),
    (PLAIN | {"topic": 7}, None, ("fixedPayload.topic", "must be one of person.named, shop.credited")),
    (PLAIN | {"eventId": 7}, None, ("fixedPayload.eventId", "must have 1 to 128 characters, not only blanks")),
    (PLAIN | {"payload": {"name": "A"}}, None, ("fixedPayload.payload.externalId", "Field required")),
    (PLAIN, {"topic": "person.named"}, ("fixedPayload", "must be a call of ingest_event")),
    (PLAIN, [], ("fixedPayload", "must be a call of ingest_event")),
    (PLAIN, PLAIN | {"payload": {"name": "A"}}, ("fixedPayload.payload.externalId", "Field required")),
]


async def test_a_queues_letter_that_cannot_be_read_this_time_either_is_refused(database, redrive, nothing_written):
    ids = [await bury(text, source=f"queue:{n}") for n, (text, _, _) in enumerate(UNREADABLE)]
    async with nothing_written():
        for id, (text, fixed, problem) in zip(ids, UNREADABLE, strict=True):
            more = {} if fixed is None else {"fixedPayload": fixed}
            assert await redrive(id, **more) == [invalid(*problem)], text


async def test_a_queues_letter_finds_the_message_that_came_meanwhile(make, redrive, told, nothing_written):
    payload = {"n": 1, "key": None, "do": "done"}
    await tell(1)
    same, other = [
        await bury({"topic": "test.said", "eventId": "e1", "payload": payload | more}) for more in ({}, {"n": 2})
    ]
    (letter,) = await redrive(same)
    assert (letter["status"], len(await statuses())) == ("REDRIVEN", 1)
    async with nothing_written():
        (no,) = await redrive(other)
    assert (no["__typename"], no["code"]) == ("IdempotencyKeyConflict", "EVENT_ID_CONFLICT")
    (letter,) = await redrive(other, fixedPayload={"topic": "test.said", "eventId": "e2", "payload": payload})
    assert (letter["status"], await statuses()) == ("REDRIVEN", {"e1": "received", "e2": "received"})


async def test_the_same_text_lies_there_once_until_it_is_decided(database, api, make, nothing_written):
    id = await bury("no call")
    async with nothing_written():
        assert await bury("no call") == id
    assert await bury("no call", source="queue:saldo:inner") != id
    await api(DISCARD, by=make.operator, input={"id": id, "reason": "r"})
    assert await bury("no call") != id


# --- many at once -------------------------------------------------------------------------------------------------------


async def test_each_of_many_is_answered_by_itself(told, database, make, redrive):
    for n in (1, 2):
        await tell(n, do="poison")
    await drain()
    letters = [
        global_id("DeadLetter", row["id"]) for row in await fetch(sql("SELECT id FROM dead_letter ORDER BY name"))
    ]
    queued = await bury("no call")
    answers = await redrive(letters[0], "unknown", queued, letters[1], global_id("DeadLetter", 10**9))
    assert [answer.get("status") for answer in answers] == ["REDRIVEN", None, None, "REDRIVEN", None]
    assert (answers[1], answers[2], answers[4]) == (NO_LETTER, invalid("fixedPayload", NO_CALL), NO_LETTER)
    assert set((await statuses()).values()) == {"received"}


async def test_a_filter_drives_the_oldest_dead_ones_again(told, knobs, redrive):
    for n in range(5):
        await tell(n, do="poison")
    await drain()
    await bury("no call")
    knobs(list_input_max=2)
    asked = {"filter": {"source": "inbox:test.said"}}
    found = [[letter["name"] for letter in await redrive(**asked)] for _ in range(4)]
    names_ = [
        row["name"] for row in await fetch(sql("SELECT name FROM dead_letter WHERE message_id IS NOT NULL ORDER BY id"))
    ]
    assert found == [names_[:2], names_[2:4], names_[4:], []]


NO_CHOICES = [
    ({}, "ids: give either ids or filter"),
    ({"ids": ["x"], "filter": {}}, "ids: give either ids or filter"),
    ({"ids": ["x", "y"], "fixedPayload": {}}, "fixedPayload: stands beside exactly one id"),
    ({"ids": [], "fixedPayload": {}}, "fixedPayload: stands beside exactly one id"),
    ({"filter": {}, "fixedPayload": {}}, "fixedPayload: stands beside exactly one id"),
    ({"ids": ["x"] * 101}, "ids: may have up to 100 items"),
    ({"ids": ["x"], "idempotencyKey": ""}, "idempotencyKey: must have 1 to 128 characters"),
    (
        {"filter": {"createdFrom": "soon"}},
        'filter.createdFrom: must be a moment with its zone, like "2026-01-31T12:00:00Z"',
    ),
    ({"filter": {"source": "\x00"}}, "filter.source: must not hold a null character"),
]


async def test_a_choice_that_is_none_is_an_error_of_the_request(dead, make, nothing_written):
    async with nothing_written():
        for asked, message in NO_CHOICES:
            answer = (await make.send(REDRIVE, by=make.operator, input=asked)).json()
            (error,) = answer["errors"]
            assert (answer["data"], error["message"]) == ({"redriveDeadLetters": None}, message)
            assert (error["extensions"]["code"], error["extensions"]["status"]) == ("INVALID_INPUT", 400)


async def test_a_key_stands_for_each_letter(dead, make, redrive, nothing_written):
    (first,) = await redrive(dead, idempotencyKey="k")
    await drain()
    async with nothing_written():
        assert await redrive(dead, idempotencyKey="k") == [first | {"inboxMessage": {"status": "PROCESSED"}}]
        (no,) = await redrive(dead, idempotencyKey="k", fixedPayload={"n": 2})
    assert no["code"] == "IDEMPOTENCY_KEY_CONFLICT"


# --- lists --------------------------------------------------------------------------------------------------------------


async def test_letters_are_filtered_and_paged_the_newest_first(told, api, make, shown):
    for n in range(3):
        await bury(f"no call {n}")
    await tell(1, do="poison")
    await drain()
    newest = (await shown())[0]
    await api(DISCARD, by=make.operator, input={"id": newest["id"], "reason": "r"})
    everything = await api(LETTERS, by=make.auditor)
    assert (everything["totalCount"], len(everything["edges"])) == (4, 4)
    names_ = [edge["node"]["payload"] for edge in everything["edges"]]
    assert names_[1:] == ["no call 2", "no call 1", "no call 0"]
    first = await api(LETTERS, by=make.operator, first=3)
    rest = await api(LETTERS, by=make.operator, first=3, after=first["pageInfo"]["endCursor"])
    back = await api(LETTERS, by=make.operator, last=3, before=rest["pageInfo"]["startCursor"])
    assert (len(first["edges"]), len(rest["edges"]), back["edges"]) == (3, 1, first["edges"])
    for filter, count in (
        ({"source": "inbox:test.said"}, 1),
        ({"source": "queue:saldo:public"}, 3),
        ({"source": "queue:saldo:public", "status": "DISCARDED"}, 0),
        ({"status": "DEAD"}, 3),
        ({"status": "DISCARDED"}, 1),
        ({"createdFrom": "2000-01-01T00:00:00Z"}, 4),
        ({"createdTo": "2000-01-01T00:00:00Z"}, 0),
    ):
        assert (await api(LETTERS, by=make.operator, filter=filter))["totalCount"] == count, filter


async def test_letters_are_seen_by_operators_and_auditors_alone(dead, make, api, shown):
    node = "query ($id: ID!) { node(id: $id) { id ... on DeadLetter { payload allowedActions { name allowed why } } } }"
    for asker in (make.service, make.channel, make.merchant, make.user(1)):
        assert await make.error(LETTERS, by=asker) == {"code": "FORBIDDEN", "status": 403}
        assert await make.error(node, by=asker, id=dead) == {"code": "NOT_FOUND", "status": 404}
    assert (await api(node, by=make.auditor, id=dead))["allowedActions"] == [
        {"name": name, "allowed": False, "why": "FORBIDDEN"} for name in ("redrive", "discard")
    ]
    assert (await api(node, by=make.operator, id=dead))["payload"] == (await shown())[0]["payload"]
    for document in (REDRIVE, DISCARD):
        field = "ids" if document is REDRIVE else "id"
        asked = {field: [dead] if field == "ids" else dead} | ({} if field == "ids" else {"reason": "r"})
        assert await make.error(document, by=make.auditor, input=asked) == {"code": "FORBIDDEN", "status": 403}
