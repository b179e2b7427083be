"""GraphQL over server-sent events: one operation for each connection, and the cursor of each item as its id."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager

import httpx
import orjson
import pytest

from tests.feed.test_following import EVENTS
from tests.feed.test_resume import note
from tests.feed.test_socket import UPSERT, WHO, token, until

pytestmark = pytest.mark.usefixtures("quiet_log")

STREAM = "text/event-stream"
FACTS = """subscription { events { __typename ... on Event { facts } ... on Heartbeat { cursor }
  ... on Lagged { cursor missed } } }"""


class Stream:
    """An answer that goes on."""

    def __init__(self, answer):
        self.status, self.headers = answer.status_code, answer.headers
        self._lines = answer.aiter_lines()

    async def next(self):
        """The next message, as the lines that it has: event, data, and id where there is one."""
        message = {}
        async with asyncio.timeout(5):
            async for line in self._lines:
                if line and not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    assert name not in message
                    message[name.removesuffix(":")] = value
                elif message:
                    return message
        return None

    async def item(self):
        """The one field of the next item; its id is the cursor that stands beside its data."""
        message = await self.next()
        content = orjson.loads(message["data"])
        assert list(message) == ["id", "event", "data"]
        assert (message["event"], message["id"]) == ("next", content["extensions"]["cursor"])
        (value,) = content["data"].values()
        return value

    async def answer(self):
        """Of an operation that answers once: its content; `complete` stands behind it, then nothing."""
        message = await self.next()
        assert (list(message), message["event"]) == (["event", "data"], "next")
        assert (await self.next(), await self.next()) == ({"event": "complete", "data": ""}, None)
        return orjson.loads(message["data"])

    async def error(self):
        content = await self.answer()
        assert list(content) == ["errors"]
        return content["errors"][0]["extensions"]["code"]


@pytest.fixture
async def stream(served, make):
    """Ask for a stream: `async with stream(QUERY, last_event_id=cursor, after=cursor) as given`."""

    @asynccontextmanager
    async def ask(query, *, by=make.operator, accept=STREAM, last_event_id=None, name=None, **variables):
        headers = {"accept": accept, "authorization": f"Bearer {getattr(by, 'token', by)}"}
        if last_event_id is not None:
            headers["last-event-id"] = last_event_id
        body = {"query": query, "variables": variables, "operationName": name}
        async with (
            httpx.AsyncClient(timeout=5, trust_env=False) as client,
            client.stream("POST", served.http, json=body, headers=headers) as answer,
        ):
            yield Stream(answer)

    return ask


# --- what a stream is -------------------------------------------------------------------------------------------------


async def test_whoever_likes_streams_best_is_given_one(stream):
    for accept in (STREAM, f"{STREAM};q=0.9, application/json;q=0.1", f"application/json;q=0.5, {STREAM.upper()}"):
        async with stream(WHO, accept=accept) as given:
            assert (given.status, given.headers["content-type"]) == (200, f"{STREAM}; charset=utf-8")
            assert (given.headers["cache-control"], given.headers["x-accel-buffering"]) == ("no-store", "no")
            assert given.headers["x-request-id"]
            assert await given.answer() == {
                "data": {"viewer": {"subject": "operator"}},
                "extensions": {"cost": {"requested": 2, "limit": 5000}},
            }


async def test_whoever_likes_json_better_is_given_that(served, make):
    headers = {"accept": f"{STREAM};q=0.5, application/json", "authorization": f"Bearer {make.operator.token}"}
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(served.http, json={"query": WHO}, headers=headers)
        assert answer.json()["data"] == {"viewer": {"subject": "operator"}}


async def test_a_subscription_brings_its_items_each_with_its_cursor_as_id(stream, make, relay):
    async with stream(EVENTS) as given:
        assert (await given.item())["__typename"] == "Heartbeat"
        await make.person("1 EUR")
        told = [await given.item() for _ in range(3)]
        assert [item["name"] for item in told] == ["open", "change", "adjust"]


async def test_mutations_are_answered_once_and_their_refusals_write_nothing(stream, nothing_written):
    for expected in ({}, {"replayed": [["upsertPerson"]]}):
        async with stream(UPSERT, key="k") as given:
            answer = await given.answer()
            assert answer["data"]["upsertPerson"]["name"] == "Anna"
            assert answer["extensions"] == {"cost": {"requested": 15, "limit": 5000}, **expected}
    async with nothing_written(), stream(UPSERT.replace('"Anna"', '""')) as given:
        assert (await given.answer())["data"]["upsertPerson"]["code"] == "INVALID_INPUT"


# --- what cannot be done ----------------------------------------------------------------------------------------------


async def test_a_document_that_is_not_valid_is_told_on_a_stream_that_is_accepted(stream):
    for query in ("{", "{ xyzzyxyzzy }", "query A { __typename } query B { __typename }", "subscription { nope }",
                  "subscription ($n: [EventNoun!]!) { events(nouns: $n) { __typename } }"):  # fmt: skip
        async with stream(query) as given:
            assert given.status == 200
            assert await given.error() == "BAD_USER_INPUT"
    async with stream("{ " + " ".join(f"a{n}: __typename" for n in range(30)) + " }") as given:
        assert await given.error() == "COST_EXCEEDED"


async def test_whoever_may_not_watch_is_told_so_on_the_stream(stream, make):
    async with stream(EVENTS, by=make.merchant) as given:
        assert await given.error() == "FORBIDDEN"


async def test_without_a_token_that_holds_there_is_no_stream(stream, nothing_written):
    async with nothing_written():
        for bearer in ("x", "a.b.c", token(-60)):
            for query in (EVENTS, UPSERT, "{", "{ nope }"):
                async with stream(query, by=bearer) as given:
                    assert (given.status, given.headers["www-authenticate"]) == (401, "Bearer")
                    assert given.headers["content-type"] == "application/json; charset=utf-8"


async def test_a_stream_is_asked_for_by_post(served, make):
    headers = {"accept": STREAM, "authorization": f"Bearer {make.operator.token}"}
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(served.http, params={"query": WHO}, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (405, "BAD_USER_INPUT")
    assert "POST" in answer.headers["allow"]


async def test_a_body_that_is_none_is_an_answer_like_any_other(served, make):
    headers = {"accept": STREAM, "authorization": f"Bearer {make.operator.token}", "content-type": "application/json"}
    async with httpx.AsyncClient(trust_env=False) as client:
        for body in (b"", b"{", b"[]", b"{}", b'{"query": 7}', b'{"query": "{ __typename }", "variables": []}'):
            answer = await client.post(served.http, content=body, headers=headers)
            assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json; charset=utf-8")


# --- going on ---------------------------------------------------------------------------------------------------------


@pytest.fixture
async def three(make, relay, stream):
    """The cursors of a heartbeat and of three events behind it."""
    async with stream(EVENTS, names=["upsert", "open", "change", "adjust"]) as given:
        first = await given.item()
        await make.person("1 EUR")
        return [first["cursor"], *[(await given.item())["cursor"] for _ in range(3)]]


async def test_a_stream_goes_on_behind_the_last_event_id(stream, three, make):
    async with stream(EVENTS, last_event_id=three[1]) as given:
        assert [(await given.item())["cursor"] for _ in range(2)] == three[2:]
        await make.person()
        assert (await given.item())["name"] == "open"


async def test_of_two_cursors_the_later_one_counts(stream, three):
    for header, argument in ((1, 2), (2, 1), (2, 2)):
        async with stream(EVENTS, last_event_id=three[header], after=three[argument]) as given:
            assert (await given.item())["cursor"] == three[3]


async def test_an_empty_last_event_id_is_none(stream, three):
    async with stream(EVENTS, last_event_id="", after=three[2]) as given:
        assert (await given.item())["cursor"] == three[3]


async def test_a_last_event_id_that_is_no_cursor_is_expired(stream, three):
    for wrong in ("x", "7", "A" * 32, b"\xe9" * 32, "A" * 5_000):
        for after in (None, three[1]):
            async with stream(EVENTS, last_event_id=wrong, after=after) as given:
                assert given.status == 200
                assert await given.error() == "CURSOR_EXPIRED"


async def test_what_has_no_cursors_is_answered_whatever_was_seen_last(stream):
    async with stream(WHO, last_event_id="x") as given:
        assert (await given.answer())["data"] == {"viewer": {"subject": "operator"}}


# --- ends -------------------------------------------------------------------------------------------------------------


def left(served):
    """What a stream has taken: a place, and one in a cohort."""
    return served.app.state.connections.open, len(served.app.state.feed.cohorts._known)


async def test_a_client_that_goes_away_gives_its_place_back(stream, served):
    async with stream(EVENTS) as given:
        await given.item()
        await until(lambda: left(served) == (1, 1))
    await until(lambda: left(served) == (0, 0))
    assert not served.app.state.connections._of


async def test_the_end_of_the_token_ends_the_stream_without_a_complete(stream, served):
    async with stream(EVENTS, by=token(2)) as given:
        assert (await given.item())["__typename"] == "Heartbeat"
        assert await given.next() is None
    await until(lambda: left(served) == (0, 0))


async def test_the_end_of_the_process_ends_the_stream_without_a_complete(stream, served):
    async with stream(EVENTS) as given:
        await given.item()
        served.app.state.feed.stopping.set()
        assert await given.next() is None
    await until(lambda: left(served) == (0, 0))


async def test_too_many_streams_are_refused_and_a_place_is_given_back(stream, served, make, knobs):
    for limits in ({"sockets_per_viewer_max": 1}, {"sockets_per_viewer_max": 50, "sockets_max": 1}):
        knobs(**limits)
        async with stream(EVENTS) as first:
            await first.item()
            async with stream(WHO) as second:
                assert (second.status, second.headers["content-type"]) == (429, "application/json; charset=utf-8")
        await until(lambda: left(served) == (0, 0))
        async with stream(WHO) as third:
            assert (await third.answer())["data"]
        await until(lambda: left(served) == (0, 0))


class Stuck:
    """A client that hears only when it is told to."""

    def __init__(self, port, bearer):
        self.socket = socket.socket()
        self.socket.connect(("127.0.0.1", port))
        self.socket.setblocking(False)
        body = orjson.dumps({"query": FACTS})
        head = f"POST /graphql HTTP/1.1\r\nhost: x\r\naccept: {STREAM}\r\nauthorization: Bearer {bearer}\r\n"
        self.socket.send(f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)

    async def hears(self, until):
        heard = bytearray()
        async with asyncio.timeout(10):
            while until not in heard[-2_000:]:
                part = await asyncio.get_running_loop().sock_recv(self.socket, 2**16)
                assert part
                heard += part
        return bytes(heard)


@pytest.fixture
async def stuck(served):
    open_ones = []

    def connected(bearer):
        open_ones.append(Stuck(served.port, bearer))
        return open_ones[-1]

    yield connected
    for client in open_ones:
        client.socket.close()


async def test_a_slow_reader_is_told_at_its_end_that_it_lags(stuck, served, make, relay, knobs):
    knobs(feed_queue_max=8)
    client = stuck(make.operator.token)
    await until(lambda: left(served) == (1, 1))
    for number in range(200):
        await note(number, size=40_000)
    cohorts = served.app.state.feed.cohorts._known
    await until(lambda: any(member.missed for cohort in cohorts.values() for member in cohort.members))
    heard = await client.hears(b"event: complete")
    assert heard.count(b'"__typename":"Lagged"') == 1
    assert heard.index(b"Lagged") > heard.rindex(b"DeadLetterEvent")
    assert 8 < heard.count(b"DeadLetterEvent") < 200
    await until(lambda: left(served) == (0, 0))


async def test_a_reader_that_reads_nothing_more_is_cut_off(stuck, served, make, relay, knobs):
    knobs(feed_queue_max=8, socket_ping_seconds=0.1)
    stuck(make.operator.token)
    await until(lambda: left(served) == (1, 1))
    for number in range(100):
        await note(number, size=80_000)
    await until(lambda: left(served) == (0, 0))


async def test_the_end_of_the_token_ends_the_stream_of_whoever_reads_nothing(stuck, served, relay):
    stuck(token(2))
    await until(lambda: left(served) == (1, 1))
    for number in range(150):
        await note(number, size=40_000)
    await until(lambda: left(served) == (0, 0))
