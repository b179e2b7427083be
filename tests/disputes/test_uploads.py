"""Files of disputes as parts of a request, beside those in its text. [spec/disputes §7; docs/attachments]"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from uuid import UUID

import httpx
import pytest

from models.kernel.sql import fetch, sql
from models.kernel.viewer import Role
from settings import settings
from tests.disputes.world import CREATE, JPEG, MERCHANT, PNG
from tests.make import Asker
from tests.server.test_large_bodies import until
from tests.server.test_uploads import MIB, file, form, headed, part

ADD = """mutation ($input: AddDisputeEvidenceInput!) { addDisputeEvidence(input: $input) { __typename
  ... on Dispute { attachments { mimeType sizeBytes sha256 addedBy } } ... on Refusal { code }
  ... on InvalidInput { fields { path } } } }"""
HALF = """POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nsaldo-upload: 1\r
content-type: multipart/form-data; boundary=cut\r\ncontent-length: {length}\r\n\r\n"""


@pytest.fixture
async def client(world, served):
    """Beside what the world asks, over a real socket."""
    served.app.state.outside = world.make.http._transport.app.state.outside
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}", timeout=30) as asking:
        yield asking


def placed_at(*names):
    return part("map", {name: [f"variables.input.attachments.{n}.file"] for n, name in enumerate(names)})


def multipart(query, given, *files):
    """A request whose attachments are its files: (their name, bytes, what they are said to be)."""
    named = [{"mimeType": said, "file": None} for _, _, said in files]
    operations = {"query": query, "variables": {"input": given | {"attachments": named}}}
    parts = [file(name, data, said) for name, data, said in files]
    return form(part("operations", operations), placed_at(*(name for name, *_ in files)), *parts)


@pytest.fixture
def send(client):
    async def post(body, by=MERCHANT, **headers):
        given = {"content_type": "multipart/form-data; boundary=cut", "saldo_upload": "1"} | headers
        return await client.post("/graphql", content=body, headers=headed(by, **given))

    return post


async def told(answer):
    body = answer.json()
    assert "errors" not in body, body
    (value,) = body["data"].values()
    return value


def wrong(answer):
    (error,) = answer.json()["errors"]
    return error["extensions"]["status"], error["message"]


async def stored(world):
    return len(await world.tools.outside.storage.older(-10, 100))


WANTED = {"invoiceId": "inv", "paymentId": "pay", "idempotencyKey": "k"}
ONE = ("a", PNG, "image/png")


async def test_files_of_a_new_dispute_come_as_parts(world, send):
    await world.payment()
    answer = await told(await send(multipart(CREATE, WANTED, ONE, ("b", JPEG, "image/jpeg"))))
    assert (answer["__typename"], answer["publicStatus"]) == ("Dispute", "PENDING")
    assert [(one["mimeType"], one["sizeBytes"], one["addedBy"]) for one in answer["attachments"]] == [
        ("image/png", len(PNG), "MERCHANT"), ("image/jpeg", len(JPEG), "MERCHANT"),
    ]  # fmt: skip
    assert await stored(world) == 2
    again = await told(await send(multipart(CREATE, WANTED, ONE, ("b", JPEG, "image/jpeg"))))
    assert again == answer
    assert await stored(world) == 2


async def test_a_key_that_was_used_for_another_file_is_refused(world, send, nothing_written):
    await world.payment()
    assert (await told(await send(multipart(CREATE, WANTED, ONE))))["__typename"] == "Dispute"
    async with nothing_written():
        other = await told(await send(multipart(CREATE, WANTED, ("a", PNG + b"x", "image/png"))))
    assert (other["__typename"], await stored(world)) == ("IdempotencyKeyConflict", 1)


async def test_more_files_are_added_as_parts(world, send):
    dispute = await world.manual()
    given = {"dispute": {"disputeId": dispute}}
    large = PNG + bytes(5 * MIB - len(PNG))
    answer = await told(await send(multipart(ADD, given, ("a", large, "image/png"))))
    assert answer["attachments"][-1] == {
        "mimeType": "image/png", "sizeBytes": 5 * MIB, "sha256": hashlib.sha256(large).hexdigest(), "addedBy": "MERCHANT",
    }  # fmt: skip
    answer = await told(await send(multipart(ADD, given, ONE), by=Asker.of(Role.OPERATOR)))
    assert [one["addedBy"] for one in answer["attachments"]] == ["MERCHANT", "MERCHANT", "OPERATOR"]


@pytest.mark.parametrize(
    ("data", "said", "code"),
    [
        (PNG, "image/jpeg", "UNEXPECTED_MIME_TYPE"),
        (b"<html><script>", "image/png", "UNEXPECTED_MIME_TYPE"),
        (b"MZ\x90\x00" + bytes(60), "application/pdf", "UNEXPECTED_MIME_TYPE"),
        (PNG, "video/mp4", "UNEXPECTED_MIME_TYPE"),
        (b"", "image/png", "INVALID_INPUT"),
        (PNG + bytes(5 * MIB), "image/png", "ATTACHMENT_TOO_LARGE"),
    ],
)
async def test_a_file_that_lies_is_refused_and_nothing_is_kept(world, send, nothing_written, data, said, code):
    dispute = await world.manual()
    await world.payment("other")
    before = await stored(world)
    asked = ((CREATE, WANTED | {"invoiceId": "other"}), (ADD, {"dispute": {"disputeId": dispute}}))
    async with nothing_written():
        for query, given in asked:
            answer = await told(await send(multipart(query, given, ("a", data, said))))
            assert answer["__typename"] == "InvalidInput"
            assert answer["fields"][0]["path"].startswith("attachments.0")
            assert answer.get("code", code) == code
    assert await stored(world) == before


async def test_without_the_header_nothing_is_read(world, send, nothing_written):
    await world.payment()
    async with nothing_written():
        answer = await send(multipart(CREATE, WANTED, ONE), saldo_upload="")
    assert wrong(answer) == (400, "Files are sent with the header Saldo-Upload: 1.")
    assert await stored(world) == 0


async def test_more_than_may_be_sent_is_not_read_to_its_end(world, send, served, nothing_written):
    await world.payment()
    async with nothing_written():
        answer = await send(multipart(CREATE, WANTED, ("a", PNG + bytes(8 * MIB), "image/png")))
        assert (answer.status_code, wrong(answer)) == (413, (413, f"The body is larger than {7 * MIB} bytes."))
        for by in (Asker.of(Role.AUDITOR), Asker.of(Role.USER, person=1), None):
            answer = await send(multipart(CREATE, WANTED, ("a", PNG + bytes(MIB), "image/png")), by=by)
            assert (answer.status_code, wrong(answer)) == (413, (413, "The body is larger than 131072 bytes."))
    assert served.app.state.large.held == 0
    assert (await stored(world), await world.calls("billing", "payment")) == (0, [])


@pytest.mark.parametrize("query", [CREATE, ADD], ids=["createDispute", "addDisputeEvidence"])
@pytest.mark.parametrize("sent", [0.3, 0.9])
async def test_a_request_that_stops_half_way_leaves_nothing(world, client, served, nothing_written, query, sent):
    dispute = await world.manual()
    await world.payment("other")
    given = WANTED | {"invoiceId": "other"} if query is CREATE else {"dispute": {"disputeId": dispute}}
    body = multipart(query, given, ("a", PNG + bytes(4 * MIB), "image/png"))
    before, asked = await stored(world), len(await world.calls("billing", "payment"))
    large = served.app.state.large
    async with nothing_written():
        _, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(HALF.format(token=MERCHANT.token, length=len(body)).encode() + body[: int(len(body) * sent)])
        await writer.drain()
        await until(lambda: large.held == 1)
        writer.transport.abort()
        await until(lambda: large.held == 0)
    assert (await stored(world), len(await world.calls("billing", "payment"))) == (before, asked)
    (row,) = await fetch(sql("SELECT count(*) AS n FROM dispute_attachment"))
    assert row["n"] == 1


async def test_a_form_that_is_cut_short_is_none(world, send, nothing_written):
    await world.payment()
    async with nothing_written():
        answer = await send(multipart(CREATE, WANTED, ONE)[:-20])
    assert wrong(answer) == (400, "The body ends before its last boundary.")
    assert await stored(world) == 0


# --- files of nobody


async def orphaned(world, monkeypatch, page):
    """The first file is a dispute's; the six behind it, well apart, are nobody's, and old enough."""
    with monkeypatch.context() as patched:
        patched.setattr("resolvers.errands.disputes.uuid4", lambda: UUID(int=0))
        await world.manual()
    storage = world.tools.outside.storage
    older = type(storage).older

    async def old(self, seconds, limit, after=None):
        return await older(self, -60, limit, after)

    monkeypatch.setattr(type(storage), "older", old)
    monkeypatch.setattr("jobs.orphans.PAGE", page)
    for place in range(1, 7):
        await storage.put(f"disputes/{UUID(int=place * 2**125).hex}", b"x", "image/png")


@pytest.mark.parametrize("begin", [0, 3 * 2**125, 2**127 + 5, 2**128 - 1])
async def test_a_run_goes_once_around_from_wherever_it_begins(world, monkeypatch, begin):
    await orphaned(world, monkeypatch, page=2)
    monkeypatch.setattr("jobs.orphans.uuid4", lambda: UUID(int=begin))
    assert (await world.tick("remove_orphaned_attachments")).done == 6
    assert await world.tools.outside.storage.older(0, 100) == [f"disputes/{UUID(int=0).hex}"]


async def test_runs_that_come_to_no_end_come_to_every_file(world, monkeypatch):
    """Each ends well at half of its time, here after its first page, which is another one each time."""
    await orphaned(world, monkeypatch, page=1)
    times = itertools.count(0, settings().dispute_timeout_seconds / 2 + 1)
    monkeypatch.setattr("jobs.orphans.monotonic", lambda: next(times))
    done = [(await world.tick("remove_orphaned_attachments", due=False)).done for _ in range(200)]
    assert (max(done), sum(done)) == (1, 6)
    assert await world.tools.outside.storage.older(0, 100) == [f"disputes/{UUID(int=0).hex}"]


async def test_a_dispute_waits_for_a_storage_that_holds_nothing_at_all(world, tmp_path):
    """As where the worker's folder is not mounted: it does not fail for that."""
    dispute = await world.created()
    there = world.tools.outside.storage._folder
    away = there.rename(tmp_path / "away")
    await world.create_tick()
    assert await world.stands(dispute) == "CREATED"
    assert not there.exists()
    away.rename(there)
    await world.create_tick()
    assert await world.stands(dispute) == "PENDING"
