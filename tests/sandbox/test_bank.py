"""The bank tells, signs, repeats, and can be made to lie."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from contextlib import asynccontextmanager

import orjson
import pytest

from settings.outside import DEVELOPMENT_BANK_SECRET


class Ear:
    """Whoever listens: what he was told, and the statuses he answers next."""

    def __init__(self, url):
        self.url, self.heard, self.answers = url, [], []


@asynccontextmanager
async def listening():
    async def hear(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        body = await reader.readexactly(int(headers["content-length"]))
        ear.heard.append((headers, body))
        status = ear.answers.pop(0) if ear.answers else 204
        writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(hear, "127.0.0.1", 0)
    ear = Ear(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/webhooks/bank")
    async with server:
        yield ear


@pytest.fixture
async def ear():
    async with listening() as ear:
        yield ear


async def transfer(box, ear, **more):
    return await box.tell(
        "bank/transfer", reference="R-1", amount="100.00", currency="EUR", url=ear.url, backOffSeconds=0.01, **more
    )


def valid(headers, body, age=0):
    at, mac = (part.split("=", 1)[1] for part in headers["bank-signature"].split(","))
    wanted = hmac.new(DEVELOPMENT_BANK_SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert abs(time.time() - age - int(at)) < 5
    return mac == wanted


async def test_a_transfer_is_told_and_signed(box, ear):
    made = await transfer(box, ear, senderName="Anna", id="B-1")
    assert made == {"id": "B-1", "status": 204, "outcomes": [204]}
    ((headers, body),) = ear.heard
    assert valid(headers, body)
    told = orjson.loads(body)
    assert told.pop("bookedAt").endswith("+00:00")
    assert told == {
        "id": "B-1", "type": "transfer.received", "reference": "R-1", "amount": "100.00", "currency": "EUR",
        "senderName": "Anna",
    }  # fmt: skip
    (shown,) = (await box.ask("bank/transfers"))["transfers"]
    assert (shown["id"], shown["outcomes"], shown["accepted"]) == ("B-1", [204], True)


async def test_it_is_told_again_until_it_is_accepted(box, ear):
    ear.answers = [500, 503]
    assert (await transfer(box, ear))["status"] == 500
    while len(ear.heard) < 3:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    assert len(ear.heard) == 3
    assert len({body for _, body in ear.heard}) == 1
    (shown,) = (await box.ask("bank/transfers"))["transfers"]
    assert shown["outcomes"] == [500, 503, 204]


async def test_nobody_there_is_no_status_and_the_tries_are_bounded(box, ear):
    ear.url = "http://127.0.0.1:1/"
    made = await transfer(box, ear, retries=2)
    assert (made["status"], made["outcomes"][0].startswith("ConnectError")) == (None, True)
    while len((await box.ask("bank/transfers"))["transfers"][0]["outcomes"]) < 3:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    assert len((await box.ask("bank/transfers"))["transfers"][0]["outcomes"]) == 3


async def test_the_same_several_times_and_in_another_order(box, ear):
    assert (await transfer(box, ear, times=3))["outcomes"] == [204] * 3
    for id in ("A", "B"):
        assert (await transfer(box, ear, id=id, deliver=False))["status"] is None
    assert len(ear.heard) == 3
    made = await box.tell("bank/deliver", ids=["B", "A", "B"])
    assert made["delivered"] == [{"id": id, "status": 204} for id in ("B", "A", "B")]
    assert [orjson.loads(body)["id"] for _, body in ear.heard[3:]] == ["B", "A", "B"]


async def test_signatures_that_are_forged_missing_or_old(box, ear):
    ear.answers = [401] * 3
    for more in ({"signature": "forged"}, {"signature": "missing"}, {"at": 4_000}):
        assert (await transfer(box, ear, **more))["status"] == 401
    forged, missing, old = ear.heard
    assert not valid(*forged)
    assert "bank-signature" not in missing[0]
    assert valid(*old, age=4_000)
    await asyncio.sleep(0.05)
    assert len(ear.heard) == 3


async def test_a_reset_ends_what_is_being_told(box, ear):
    ear.answers = [500] * 100
    await transfer(box, ear)
    await box.tell("reset")
    await asyncio.sleep(0.1)
    heard = len(ear.heard)
    await asyncio.sleep(0.1)
    assert (len(ear.heard), (await box.ask("bank/transfers"))["transfers"]) == (heard, [])
