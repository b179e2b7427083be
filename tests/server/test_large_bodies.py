"""Bodies that are large: whose are read, how many at once, and what is left of one that stops half way."""

from __future__ import annotations

import asyncio
import base64
import gc
import json

import pytest
from structlog.testing import capture_logs

from models.kernel.viewer import Role
from server.bodies import LargeBodies
from tests.make import Asker
from tests.server.test_uploads import GOOD, MERCHANT, MIB, file, form, headed, wrong
from tests.server.toy_uploads import KEEP, toy

__all__ = ["toy"]
WHO = "{ viewer { subject } }"
LARGE_SENDERS = [MERCHANT, Asker.of(Role.OPERATOR), Asker.of(Role.SERVICE)]
OTHERS = [Asker.of(Role.USER, person=1), Asker.of(Role.CHANNEL), Asker.of(Role.AUDITOR)]


def json_of(size, query=WHO):
    return json.dumps({"query": query, "extensions": {"filler": "x" * size}}).encode()


@pytest.mark.parametrize("by", LARGE_SENDERS, ids=lambda by: by.viewer.subject)
async def test_who_may_send_much_is_read(served, client, by):
    answer = await client.post("/graphql", content=json_of(MIB), headers=headed(by, content_type="application/json"))
    assert answer.json()["data"] == {"viewer": {"subject": by.viewer.subject}}
    assert served.app.state.large.held == 0


@pytest.mark.parametrize("by", [*OTHERS, None], ids=lambda by: by.viewer.subject if by else "nobody")
async def test_everybody_else_may_not(client, by):
    for media in ("application/json", "multipart/form-data; boundary=cut"):
        headers = headed(by, content_type=media, saldo_upload="1")
        answer = await client.post("/graphql", content=form(*GOOD[:2], file("a", bytes(MIB))), headers=headers)
        assert wrong(answer) == (413, "The body is larger than 131072 bytes.")


async def test_a_token_that_does_not_hold_is_no_token(client):
    forged = Asker(MERCHANT.viewer, MERCHANT.token[:-4] + "AAAA")
    read = 0

    async def endless():
        nonlocal read
        while read < 6 * MIB:
            read += 50_000
            yield b" " * 50_000
            await asyncio.sleep(0.002)

    headers = headed(forged, content_type="application/json")
    answer = await client.post("/graphql", content=endless(), headers=headers)
    assert wrong(answer) == (413, "The body is larger than 131072 bytes.")


async def test_megabytes_in_a_variable_are_read(toy, client):
    data = bytes(range(256)) * 4 * 5 * 1024
    asked = {"query": "query ($d: Base64!) { weighed(data: $d) }", "variables": {"d": base64.b64encode(data).decode()}}
    answer = await client.post("/graphql", json=asked, headers=headed(MERCHANT))
    assert answer.json()["data"] == {"weighed": 5 * MIB}


@pytest.mark.parametrize("media", ["application/json", "multipart/form-data; boundary=cut"])
@pytest.mark.parametrize("chunked", [True, False])
async def test_nobody_sends_more_than_that(served, client, media, chunked):
    body = form(*GOOD[:2], file("a", bytes(8 * MIB)))

    async def parts():
        for begin in range(0, len(body), 60_000):
            yield body[begin : begin + 60_000]

    headers = headed(MERCHANT, content_type=media, saldo_upload="1")
    answer = await client.post("/graphql", content=parts() if chunked else body, headers=headers)
    assert wrong(answer) == (413, f"The body is larger than {7 * MIB} bytes.")
    assert served.app.state.large.held == 0


async def test_a_stream_is_not_asked_for_with_a_large_body(client):
    headers = headed(MERCHANT, content_type="application/json", accept="text/event-stream")
    answer = await client.post("/graphql", content=json_of(MIB), headers=headers)
    assert wrong(answer) == (413, "The body is larger than 131072 bytes.")


async def test_what_is_large_is_neither_kept_nor_walked_nor_told_back(toy, client):
    headers = headed(MERCHANT, content_type="application/json")
    long = f'{{ told(file: "{"x" * 200_000}") }}'
    answer = await client.post("/graphql", content=json.dumps({"query": long}), headers=headers)
    assert wrong(answer) == (400, "query is too long: what is large is sent in variables.")
    assert not toy._known
    many = {"query": KEEP, "variables": {"input": {"files": [], "words": [None] * 60_000}}}
    answer = await client.post("/graphql", content=json.dumps(many), headers=headers)
    assert wrong(answer) == (400, "variables may hold up to 50000 values.")
    odd = {"query": KEEP, "variables": {"input": "x" * MIB}}
    answer = await client.post("/graphql", content=json.dumps(odd), headers=headers)
    assert (wrong(answer)[0], len(answer.content) < 2_000) == (400, True)
    odd = {"query": KEEP, "variables": {"input": {"files": [], "x" * MIB: 1}}}
    answer = await client.post("/graphql", content=json.dumps(odd), headers=headers)
    assert (wrong(answer)[0], len(answer.content) < 2_000) == (400, True)


# --- places


class Half:
    """A request of which only the beginning is sent."""

    def __init__(self, port, by=MERCHANT, declared=6 * MIB, sent=3 * MIB):
        self.port, self.by, self.declared, self.sent = port, by, declared, sent

    async def __aenter__(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(
            f"POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {self.by.token}\r\n"
            f"content-type: application/json\r\ncontent-length: {self.declared}\r\n\r\n".encode()
        )
        self.writer.write(b'{"query": "' + b"x" * self.sent)
        await self.writer.drain()
        return self

    async def __aexit__(self, *_):
        self.writer.transport.abort()


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("sent", [10, 100_000, 3 * MIB])
async def test_a_request_that_stops_half_way_leaves_nothing(served, client, nothing_written, caplog, sent):
    large = served.app.state.large
    with capture_logs() as lines:
        async with nothing_written():
            async with Half(served.port, sent=sent):
                await until(lambda: large.held == (1 if sent > 200_000 else 0))
                await asyncio.sleep(0.05)
            await until(lambda: any(line["event"] == "gone" for line in lines))
    assert large.held == 0
    assert [line["event"] for line in lines] == ["gone"]
    assert not [record for record in caplog.records if record.exc_info or record.levelname == "ERROR"]
    gc.collect()
    assert not [1 for thing in gc.get_objects() if isinstance(thing, bytearray) and len(thing) > MIB]
    assert (await client.post("/graphql", json={"query": WHO}, headers=headed(MERCHANT))).status_code == 200


async def test_a_webhook_that_stops_half_way_leaves_nothing(served, caplog):
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"POST /webhooks/bank HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nhalf")
    await writer.drain()
    await asyncio.sleep(0.1)
    writer.transport.abort()
    await asyncio.sleep(0.1)
    assert not [record for record in caplog.records if record.exc_info or record.levelname == "ERROR"]


async def test_more_than_there_are_places_for_wait_and_are_turned_away(served, client, knobs):
    knobs(uploads_at_once=2, upload_wait_seconds=0.2)
    large = served.app.state.large = LargeBodies()
    headers = headed(MERCHANT, content_type="application/json")

    async def ask():
        return await client.post("/graphql", content=json_of(MIB), headers=headers)

    async with Half(served.port), Half(served.port):
        await until(lambda: large.held == 2)
        refused = await ask()
        assert wrong(refused) == (429, "Too many large requests are under way; ask again in a moment.")
        assert refused.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
        small = await client.post("/graphql", json={"query": WHO}, headers=headers)
        assert small.status_code == 200
        knobs(upload_wait_seconds=5)
        waiting = asyncio.create_task(ask())
        await asyncio.sleep(0.1)
        assert not waiting.done()
    assert (await waiting).status_code == 200
    assert large.held == 0


async def test_one_party_does_not_take_all_places(served, client, knobs):
    knobs(uploads_per_viewer_max=1)
    large = served.app.state.large
    async with Half(served.port):
        await until(lambda: large.held == 1)
        for by, status in (
            (MERCHANT, 429),
            (Asker.of(Role.MERCHANT, "another", party=MERCHANT.viewer.party), 429),
            (Asker.of(Role.MERCHANT, "another", party="party-2"), 200),
            (Asker.of(Role.OPERATOR), 200),
        ):
            headers = headed(by, content_type="application/json")
            assert (await client.post("/graphql", content=json_of(MIB), headers=headers)).status_code == status
    await until(lambda: large.held == 0)


async def test_who_has_no_party_has_a_share_of_his_own(served, client, knobs):
    knobs(uploads_per_viewer_max=1)
    large = served.app.state.large
    async with Half(served.port, Asker.of(Role.OPERATOR, "one")):
        await until(lambda: large.held == 1)
        for name, status in (("one", 429), ("another", 200)):
            headers = headed(Asker.of(Role.OPERATOR, name), content_type="application/json")
            assert (await client.post("/graphql", content=json_of(MIB), headers=headers)).status_code == status
    await until(lambda: large.held == 0)


async def test_one_that_waits_and_goes_away_takes_no_place(served, knobs):
    knobs(uploads_at_once=1, upload_wait_seconds=0.5)
    large = served.app.state.large = LargeBodies()
    async with Half(served.port):
        await until(lambda: large.held == 1)
        async with Half(served.port):
            await asyncio.sleep(0.1)
    await until(lambda: large.held == 0)
    async with Half(served.port):
        await until(lambda: large.held == 1)


async def test_a_large_body_that_drips_is_cut_off(served, knobs):
    knobs(upload_timeout_seconds=0.2)
    async with Half(served.port) as half:
        head = await asyncio.wait_for(half.reader.readuntil(b"\r\n"), 5)
        assert head == b"HTTP/1.1 408 Request Timeout\r\n"
    assert served.app.state.large.held == 0


async def test_sockets_keep_their_frames(served):
    """A frame has nothing to do with a body: what is large does not come this way, whoever sends it."""
    from websockets.asyncio.client import connect  # noqa: PLC0415
    from websockets.exceptions import ConnectionClosed  # noqa: PLC0415

    async with connect(served.url, subprotocols=["graphql-transport-ws"]) as socket:
        await socket.send(
            json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {MERCHANT.token}"}})
        )
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        await socket.send(json.dumps({"type": "ping", "payload": {"x": "x" * 70_000}}))
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd.code == 1009
