"""Whatever another system does, a call ends in an answer, `Refused` or `Unsure`, in time, and without telling secrets."""

from __future__ import annotations

import asyncio
import gzip
import time
import traceback

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from gateways.answers import Answer
from gateways.outside import Outside
from gateways.receipts import Refused, Unsure
from tests.gateways.served import ok, raw

SECRET = "hush-hush"  # the key that the client of these tests sends


def value(answer: Answer):
    return answer.value


def ask(outside, *, read=value, **kept):
    return outside.call("asking", "POST", "there/is", read=read, json={"a": 1}, **kept)


async def unsure(outside, **kept) -> str:
    """Why nobody knows; nothing of it tells the key or the address."""
    with pytest.raises(Unsure) as caught:
        await ask(outside, **kept)
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert SECRET not in told
    assert "there/is" not in told
    assert caught.value.__context__ is None
    return caught.value.reason


def counted(outcome: str) -> float:
    labels = {"system": "played", "operation": "asking", "outcome": outcome}
    return REGISTRY.get_sample_value("saldo_outside_seconds_count", labels) or 0


async def test_an_answer_is_what_its_reader_makes_of_it(outside, server):
    server.answer = lambda _: ok({"b": [2]})
    before = counted("accepted")
    assert await ask(outside, read=lambda answer: answer.value["b"][0], key="once-1") == 2
    [call] = server.calls
    assert (call.method, call.path, call.json) == ("POST", "/base/there/is", {"a": 1})
    assert call.headers["idempotency-key"] == "once-1"
    assert call.headers["x-api-key"] == SECRET
    assert counted("accepted") == before + 1


async def test_without_a_key_none_is_sent_and_parameters_are(outside, server):
    await outside.call("asking", "GET", "list", read=value, params={"to": "a b&c", "limit": 5})
    assert server.calls[0].target == "/base/list?to=a+b%26c&limit=5"
    assert "idempotency-key" not in server.calls[0].headers


async def test_a_definite_no_is_the_readers_word(outside, server):
    def read(answer):
        raise Refused(answer.system, answer.operation, answer.text("code"))

    server.answer = lambda _: ok({"code": "NO_FUNDS"}, 422)
    before = counted("refused")
    with pytest.raises(Refused, match="played refused asking: NO_FUNDS"):
        await ask(outside, read=read, also=(422,))
    assert counted("refused") == before + 1
    assert await unsure(outside, read=read) == "status 422"  # not declared


async def test_a_declared_status_may_have_no_json(outside, server):
    server.answer = lambda _: raw(404, b"<html>no</html>")
    assert await ask(outside, also=(404,), read=lambda answer: (answer.status, answer.value)) == (404, None)
    assert await unsure(outside, also=(404,), read=lambda answer: answer.text("code")) == "malformed: no object"


@pytest.mark.parametrize("status", [100, 300, 302, 304, 400, 401, 403, 404, 409, 418, 429, 500, 502, 503, 504, 599])
async def test_other_statuses_leave_it_open(outside, server, status):
    first = [raw(status, b"", "Location: http://elsewhere/?key=1")] if status == 302 else [raw(status, b'{"no": 1}')]
    server.answer = lambda _: [*first, None]
    assert await unsure(outside) in {
        f"status {status}",
        "connection: ServerDisconnectedError",
        "connection: ClientResponseError",
    }
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"<html>", "not JSON"),
        (b'{"a": ', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'{"a": NaN}', "not JSON"),
        (b'{"a": "\\ud800"}', "not JSON"),
        (b"[" * 100_000, "not JSON"),
    ],
)
async def test_what_is_no_json_leaves_it_open(outside, server, body, reason):
    server.answer = lambda _: raw(200, body)
    assert await unsure(outside) == reason


async def test_a_connection_that_breaks_leaves_it_open(outside, server):
    for answer in (None, [raw(200, b"{}" * 50)[:-1], None], [b"HTTP/1.1 200", None], [b"nonsense\r\n\r\n", None]):
        server.answer = lambda _, answer=answer: answer
        assert (await unsure(outside)).startswith("connection: ")
    assert len(server.calls) == 4


async def test_nobody_there():
    async with Outside("played", "http://127.0.0.1:1") as outside:
        assert await unsure(outside) == "connection: ClientConnectorError"
    async with Outside("played", "http://nowhere.invalid") as outside:
        assert (await unsure(outside)).startswith("connection: ")


async def test_the_whole_call_has_one_deadline(outside, server, knobs):
    knobs(outside_timeout_seconds=0.3)
    drip = [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", *[0.05, b" "] * 100]
    for answer in (5, drip):
        server.answer = lambda _, answer=answer: answer
        began, before = time.monotonic(), counted("unsure")
        assert await unsure(outside, safe=True) == "timeout"
        assert time.monotonic() - began < 1
        assert counted("unsure") == before + 1


async def test_who_waits_for_a_connection_waits_no_longer_than_for_an_answer(server, knobs):
    knobs(outside_connections_max=1, outside_timeout_seconds=0.3)
    server.answer = lambda _: 5
    async with Outside("played", server.url) as outside:
        assert await asyncio.gather(unsure(outside), unsure(outside)) == ["timeout", "timeout"]


async def test_a_caller_who_goes_away_is_not_told_unsure(outside, server):
    server.answer = lambda _: 5
    task = asyncio.create_task(ask(outside))
    while not server.calls:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("packed", [False, True])
async def test_a_body_that_is_too_large_is_not_read_to_its_end(outside, server, knobs, packed):
    knobs(outside_answer_max_bytes=2_000)
    fits, over = b'"' + b"a" * 1_998 + b'"', b'"' + b"a" * 1_999 + b'"'
    headers = ["Content-Encoding: gzip"] if packed else []
    pack = gzip.compress if packed else bytes
    server.answer = lambda _: raw(200, pack(fits), *headers)
    assert await ask(outside) == "a" * 1_998
    server.answer = lambda _: raw(200, pack(over), *headers)
    assert await unsure(outside) == "too large"
    server.answer = lambda _: [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        *[b"400\r\n" + b"a" * 1024 + b"\r\n"] * 5,
        60,
    ]
    assert await unsure(outside) == "too large"


async def test_a_bomb_is_not_unpacked(outside, server):
    bomb = gzip.compress(b"a" * 300_000_000, 1)
    server.answer = lambda _: raw(200, bomb, "Content-Encoding: gzip")
    assert await unsure(outside) == "too large"


async def test_packing_that_is_none_leaves_it_open(outside, server):
    for name, body in (("gzip", b"{}"), ("br", b"{}"), ("gzip, gzip", gzip.compress(b"{}"))):
        server.answer = lambda _, name=name, body=body: raw(200, body, f"Content-Encoding: {name}")
        assert await unsure(outside) == "encoding"
    server.answer = lambda _: raw(200, gzip.compress(b'{"a": 1}')[:-12], "Content-Encoding: gzip")
    assert await unsure(outside) == "not JSON"


async def test_only_what_is_safe_is_asked_again_and_once(outside, server):
    server.answer = lambda _: None if len(server.calls) == 1 else ok({"a": 1})
    assert await ask(outside, safe=True) == {"a": 1}
    assert len(server.calls) == 2
    server.answer = lambda _: None
    for safe, calls in ((True, 2), (False, 1)):
        server.calls.clear()
        await unsure(outside, safe=safe)
        assert len(server.calls) == calls
    server.answer = lambda _: ok({}, 503)  # it answered: asking at once again would only burden it
    server.calls.clear()
    await unsure(outside, safe=True)
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    "slip", [KeyError("x"), TypeError(), ValueError(), OverflowError(), IndexError(), ZeroDivisionError()]
)
async def test_a_slip_of_the_reader_leaves_it_open(outside, slip):
    def read(_answer):
        raise slip

    assert await unsure(outside, read=read) == f"malformed: {type(slip).__name__}"


async def test_unsure_is_logged_without_secrets(outside, server):
    server.answer = lambda _: ok({"password": "body-secret"}, 500)
    with capture_logs() as lines:
        await unsure(outside, key="key-of-the-call")
    [line] = lines
    assert line == {
        "event": "no answer from outside",
        "log_level": "warning",
        "system": "played",
        "operation": "asking",
        "reason": "status 500",
    }


def test_an_answer_does_not_show_what_it_holds():
    assert "body-secret" not in repr(Answer("played", "asking", 200, {"a": "body-secret"}))


async def test_the_environment_names_no_proxy(server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with Outside("played", server.url) as outside:
        assert await ask(outside) == {}


async def test_a_closed_client_keeps_no_connection(server):
    async with Outside("played", server.url) as outside:
        await ask(outside)
    with pytest.raises(RuntimeError, match="closed"):
        await ask(outside)


# --- a client of many hosts


async def test_a_call_may_bring_a_whole_address(server):
    async with Outside("played", "", headers={"X-Api-Key": SECRET}) as outside:
        assert await outside.call("asking", "GET", f"{server.url}/a%2Fb?c=%20d", read=value) == {}
    [call] = server.calls
    assert (call.target, call.headers["x-api-key"]) == ("/base/a%2Fb?c=%20d", SECRET)


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:PORT/a b",
        "http://127.0.0.1:PORT/\r\nX: 1",
        "http://127.0.0.1:PORT/\u00e4",
        "http://127.0.0.1:PORT/\0",
    ],
)
async def test_an_address_that_says_more_than_one_is_not_asked(server, address):
    async with Outside("played", "") as outside:
        with pytest.raises(Unsure) as caught:
            await outside.call(
                "asking", "GET", address.replace("PORT", server.url.rpartition(":")[2].split("/")[0]), read=value
            )
    assert caught.value.reason == "address"
    assert server.calls == []


@pytest.mark.parametrize(
    "address", ["http://", "http:///x", "http://[::1/", "http://host:x/", "gopher://127.0.0.1/", "relative"]
)
async def test_an_address_that_is_none_leaves_it_open(address):
    async with Outside("played", "") as outside:
        with pytest.raises(Unsure) as caught:
            await outside.call("asking", "GET", address, read=value)
    assert caught.value.reason.startswith("connection: ")
    assert caught.value.__context__ is None


async def test_no_cookie_is_kept_and_no_redirect_followed(server):
    """By its name: the cookies of addresses are kept by few clients."""
    async with Outside("played", server.url.replace("127.0.0.1", "localhost")) as outside:
        server.answer = lambda _: raw(200, b"{}", "Set-Cookie: a=b")
        await ask(outside)
        server.answer = lambda _: raw(307, b"{}", f"Location: {server.url}/elsewhere")
        assert await unsure(outside) == "status 307"
    assert [("cookie" in call.headers, call.path) for call in server.calls] == [(False, "/base/there/is")] * 2


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_no_question_is_asked_again_by_itself(outside, server, method):
    server.answer = lambda _: None
    with pytest.raises(Unsure):
        await outside.call("asking", method, "x", read=value)
    assert len(server.calls) == 1


async def test_a_client_may_have_more_patience_or_less(server, knobs):
    knobs(outside_timeout_seconds=5)
    server.answer = lambda _: 3
    async with Outside("played", server.url, timeout_seconds=0.2) as outside:
        began = time.monotonic()
        assert await unsure(outside) == "timeout"
        assert time.monotonic() - began < 1


async def test_the_status_alone_is_known_as_soon_as_it_comes(outside, server):
    server.answer = lambda _: [b"HTTP/1.1 503 No\r\nContent-Length: 9\r\n\r\n", 60]
    read = lambda answer: (answer.status, answer.value)  # noqa: E731
    assert await ask(outside, read=read, also=(503,), status_alone=True) == (503, None)
    server.answer = lambda _: raw(200, b"<html>")
    assert await ask(outside, read=read, status_alone=True) == (200, None)


async def test_a_connection_is_used_again_and_given_up_before_its_server_does(outside, server, monkeypatch):
    for _ in range(3):
        await ask(outside)
    assert len(server.connections) == 1
    monkeypatch.setattr("gateways.outside.KEPT_SECONDS", 0.05)
    async with Outside("played", server.url) as brief:
        await ask(brief)
        await asyncio.sleep(0.2)
        await ask(brief)
    assert len(server.connections) == 3


async def test_a_hundred_at_once_do_not_wait_for_each_other(outside, server):
    server.answer = lambda _: [0.3, ok({})]
    began = time.monotonic()
    await asyncio.gather(*(ask(outside) for _ in range(100)))
    assert time.monotonic() - began < 2
    assert len(server.calls) == 100
