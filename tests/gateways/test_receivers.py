"""Merchants' servers: where messages are sent and where never, how they are signed, and what each answer means."""

from __future__ import annotations

import asyncio
import hmac
import socket
import ssl
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gateways import receivers as system
from gateways.disputing import Told
from gateways.outside import Barred
from gateways.receipts import Refused, Unsure
from gateways.receivers import HttpReceivers, PublicResolver, check_address, public, secret_of
from settings import settings
from tests.gateways.payers import refused, unsure
from tests.gateways.served import raw, serving

BODY = {"disputeId": "d-1", "status": "succeeded"}
BARRED = refused("address_not_allowed")
INNER = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.2.1", "198.18.0.1", "224.0.0.1", "224.0.1.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0",
    "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "ff0e::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::ffff:a9fe:a9fe", "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1",
    "2001:0:7f00:1::1", "5f00::1",
]  # fmt: skip
OUTER = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001::1"]


class Names(AbstractResolver):
    """Who knows addresses, and what he says now; a name he does not know is none."""

    def __init__(self, **known: list[str]) -> None:
        self.known, self.asked = {name.replace("_", "."): found for name, found in known.items()}, []

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[Any]:
        self.asked.append(host)
        if host not in self.known:
            raise OSError(None, "no such name")
        return [
            {
                "hostname": host, "host": one, "port": port, "proto": 0, "flags": socket.AI_NUMERICHOST,
                "family": socket.AF_INET6 if ":" in one else socket.AF_INET,
            }
            for one in self.known[host]
        ]  # fmt: skip

    async def close(self) -> None:
        pass


async def outcome(asked: Any) -> Any:
    try:
        return await asked
    except Refused as said:
        return refused(said.code)
    except Unsure as said:
        return unsure(said.reason)


def told(url: str, **changes: Any) -> Told:
    return Told(**{"url": url, "party": "p", "key": "d-1:told", "body": BODY} | changes)


@pytest.fixture
async def receivers() -> AsyncIterator[HttpReceivers]:
    """As in production: over https, and to public addresses alone."""
    async with system.connection(Names()) as outside:
        yield HttpReceivers(outside)


@pytest.fixture
async def anywhere(knobs) -> AsyncIterator[HttpReceivers]:
    knobs(webhooks_anywhere=True, receiver_timeout_seconds=1)
    async with system.connection() as outside:
        yield HttpReceivers(outside)


# --- addresses, as they are written


@pytest.mark.parametrize(
    "url",
    [
        "https://merchant.example", "https://merchant.example/", "https://merchant.example:8443/a/b?c=d#e", "HTTPS://Merchant.Example/",
        "https://xn--bcher-kva.example/", "https://8.8.8.8/", "https://[2606:4700::1111]:444/", "https://m.example/%20%0A",
        "https://m.example/" + "a" * 982,
    ],
)  # fmt: skip
def test_an_address_that_may_be_told(url):
    assert check_address(url) == ""


@pytest.mark.parametrize(
    "url",
    [
        "", "merchant.example", "//merchant.example", "https:merchant.example", "https://", "https:///path", "https://:443/",
        "http://merchant.example/", "ftp://merchant.example/", "file:///etc/passwd", "gopher://merchant.example/",
        "javascript:alert(1)", "https://user@merchant.example/", "https://user:pass@merchant.example/", "https://@merchant.example/",
        "https://:p@merchant.example/", "https://merchant.example:0/", "https://merchant.example:99999/", "https://merchant.example:x/",
        "https://[::1", "https://m.example/\r\nX: 1", "https://m.example/a b", " https://m.example/", "https://m.example/\0",
        "https://m\u0435rchant.example/", "https://m.example/\u00e4", "https://m.example/" + "a" * 983, "https://good.example\\@127.0.0.1/",
    ],
)  # fmt: skip
def test_an_address_that_is_none(url):
    assert check_address(url).startswith("must ")


@pytest.mark.parametrize(
    "host",
    [
        *[f"[{one}]" if ":" in one else one for one in INNER],
        "localhost", "localhost.", "LOCALHOST", "a.localhost", "router", "printer.local", "db.internal", "metadata.google.internal",
        "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.1", "127.0.0.1.", "1.2.3.4.5", "10.0.1",
        "\uff11\uff12\uff17.0.0.1",
        "127\u30020\u30020\u30021", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "[::1%25lo]",
    ],
)  # fmt: skip
def test_a_host_behind_our_walls_is_none(host):
    assert check_address(f"https://{host}/").startswith("must be")
    assert check_address(f"https://{host}:8443/x").startswith("must be")


@given(st.text(), st.text())
def test_any_text_may_be_looked_at(text, path):
    for url in (text, f"https://{text}/{path}", f"https://m.example/{text}"):
        assert check_address(url) in {""} or check_address(url).startswith("must ")


@given(st.integers(0, 2**32 - 1))
def test_no_number_leads_to_an_inner_address(number):
    """However one writes it: what the resolver of the machine would make of it is not asked for."""
    inner = not public(ip_address(number))
    assert (check_address(f"https://{ip_address(number)}/") != "") is inner
    for written in (str(number), hex(number), oct(number).replace("o", "")):
        assert check_address(f"https://{written}/") != ""
    mapped = ip_address(b"\0" * 10 + b"\xff\xff" + number.to_bytes(4))
    assert not inner or check_address(f"https://[{mapped}]/") != ""


def test_http_and_inner_addresses_are_for_development_that_says_so(knobs):
    assert check_address("http://127.0.0.1:8002/receiver/hooks/a") != ""
    knobs(webhooks_anywhere=True)
    for url in ("http://127.0.0.1:8002/receiver/hooks/a", "http://localhost/", "https://[::1]/"):
        assert check_address(url) == ""
    for url in ("ftp://127.0.0.1/", "http://u@127.0.0.1/", "http:///x", "http://a b/"):
        assert check_address(url) != ""


# --- addresses, as they are reached


@pytest.mark.parametrize("address", INNER)
def test_an_inner_address_is_not_public(address):
    assert not public(ip_address(address.partition("%")[0]))


@pytest.mark.parametrize("address", OUTER)
def test_an_outer_address_is_public(address):
    assert public(ip_address(address))


@pytest.mark.parametrize("address", INNER)
async def test_a_name_that_means_an_inner_address_is_not_asked(address):
    async with system.connection(Names(merchant_example=[address])) as outside:
        assert await outcome(HttpReceivers(outside).post(told("https://merchant.example/hook"))) == BARRED


async def test_of_several_addresses_the_public_ones_are_asked():
    names = PublicResolver(
        Names(a_example=["10.0.0.1", "8.8.8.8", "::1", "2606:4700::1111"], b_example=["10.0.0.1"], c_example=[])
    )
    assert [one["host"] for one in await names.resolve("a.example", 443)] == ["8.8.8.8", "2606:4700::1111"]
    with pytest.raises(Barred):
        await names.resolve("b.example", 443)
    assert await names.resolve("c.example", 443) == []
    with pytest.raises(OSError, match="no such name"):
        await names.resolve("d.example", 443)


async def test_a_name_that_changes_its_meaning_leads_nowhere_else(server, monkeypatch):
    """What was looked at is what is asked: there is no second look-up, whose answer nobody checks."""
    names = Names(merchant_example=["8.8.8.8"])
    tried = []

    async def connect(addr_infos, **_more):
        tried.extend(info[4][0] for info in addr_infos)
        names.known["merchant.example"] = ["127.0.0.1"]
        raise ConnectionRefusedError

    monkeypatch.setattr("aiohttp.connector.aiohappyeyeballs.start_connection", connect)
    async with system.connection(names) as outside:
        asked = HttpReceivers(outside)
        assert await outcome(asked.post(told("https://merchant.example/"))) == unsure(
            "connection: ClientConnectorError"
        )
        outside._client.connector.clear_dns_cache()
        assert await outcome(asked.post(told("https://merchant.example/"))) == BARRED
    assert tried == ["8.8.8.8"]
    assert server.calls == []


async def test_a_name_that_nobody_knows_leaves_it_open(receivers):
    assert await outcome(receivers.post(told("https://merchant.example/"))) == unsure(
        "connection: ClientConnectorDNSError"
    )


# --- names, as they are looked up


@pytest.fixture
def hanging(monkeypatch):
    """Names of `.dead` are asked for until the end of the test; how many are."""
    end, asked, known = threading.Event(), [], socket.getaddrinfo

    def getaddrinfo(host, *args, **more):
        if str(host).endswith(".dead"):
            asked.append(host)
            end.wait(20)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return known(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield asked
    end.set()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_names_that_never_answer_hold_up_nobody_elses(hanging, knobs, loop):
    """More of them than the loop has threads for names, or we have."""
    knobs(receiver_timeout_seconds=1, outside_connections_max=1_000)

    async def asked():
        async with system.connection() as outside:
            receivers = HttpReceivers(outside)
            urls = [f"https://merchant{number}.dead/" for number in range(60)]
            waiting = [asyncio.create_task(outcome(receivers.post(told(url)))) for url in urls]
            async with asyncio.timeout(5):
                while len(hanging) < settings().receiver_lookups_at_once:
                    await asyncio.sleep(0.01)
            began = time.monotonic()
            assert await asyncio.get_running_loop().getaddrinfo("localhost", 80)
            assert time.monotonic() - began < 0.8
            ended = await asyncio.gather(*waiting)
            assert {one[0] for one in ended} == {"Unsure"}
            assert (
                len(hanging) == settings().receiver_lookups_at_once
            )  # those that found no place are not asked for later
            closing = time.monotonic()
        assert closing - began < 3
        assert time.monotonic() - closing < 0.5

    with asyncio.Runner(loop_factory=pytest.importorskip(loop).new_event_loop) as runner:
        runner.run(asked())


def test_a_process_ends_though_a_name_never_answers(tmp_path):
    """As one does that is told to stop."""
    program = """
import asyncio, socket, time
from gateways import receivers
socket.getaddrinfo = lambda *_, **__: time.sleep(60)
async def ask():
    resolver = receivers.Lookups()
    try:
        await asyncio.wait_for(resolver.resolve("merchant.dead", 443), 0.2)
    except TimeoutError:
        print("timeout")
asyncio.run(ask())
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=20, check=False, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "timeout\n", "")


async def test_a_place_is_given_back_when_a_name_is_found_or_not(knobs):
    looked_up = system.Lookups()
    knobs(receiver_lookups_at_once=1)
    one = system.Lookups()
    for _ in range(3):
        found = await one.resolve("localhost", 443, socket.AF_INET)
        assert [(each["hostname"], each["host"], each["port"]) for each in found] == [("localhost", "127.0.0.1", 443)]
        for odd in ("no-such-name.invalid", "a" * 70 + ".example"):
            with pytest.raises((OSError, ValueError)):
                await one.resolve(odd, 443)
    assert [each["host"] for each in await looked_up.resolve("::1", 443, socket.AF_INET6)] == ["::1"]


async def test_what_is_looked_up_so_is_not_asked_where_it_is_inner(knobs):
    names = PublicResolver(system.Lookups())
    with pytest.raises(Barred):
        await names.resolve("localhost", 443, socket.AF_UNSPEC)
    await names.close()


async def test_an_inner_server_hears_nothing(receivers, server):
    port = server.url.rpartition(":")[2]
    for url in (
        server.url,
        f"https://127.0.0.1:{port}",
        f"https://[::ffff:127.0.0.1]:{port}",
        f"https://2130706433:{port}",
    ):
        assert await outcome(receivers.post(told(url))) == BARRED
    assert server.calls == []


async def test_a_redirect_is_an_answer_and_not_a_way(anywhere, server):
    async with serving() as inner:
        for status in (301, 302, 303, 307, 308):
            server.answer = lambda _, status=status: raw(status, b"", f"Location: {inner.url}/secret")
            assert await outcome(anywhere.post(told(server.url))) == refused(f"status_{status}")
        assert inner.calls == []


async def test_who_cannot_prove_who_he_is_hears_nothing(anywhere, tmp_path):
    async with certified(tmp_path / "pem") as (url, heard):
        assert await outcome(anywhere.post(told(url))) == unsure("connection: ClientConnectorCertificateError")
        assert heard == []


@asynccontextmanager
async def certified(pem: Path) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server with a certificate of its own making."""
    heard: list[bytes] = []

    async def serve(reader, writer):
        heard.append(await reader.read(1_000))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=_certificate(pem))
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/", heard


def _certificate(pem: Path) -> ssl.SSLContext:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
    signed = made.add_extension(
        x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
    ).sign(key, SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem.write_bytes(signed.public_bytes(Encoding.PEM) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


# --- what is said


async def test_a_message_is_signed_with_the_partys_secret(anywhere, server):
    assert await anywhere.post(told(f"{server.url}/hook?a=%20b")) == 200
    [call] = server.calls
    assert (call.method, call.target, call.json) == ("POST", "/base/hook?a=%20b", BODY)
    assert (call.headers["content-type"], call.headers["saldo-delivery"]) == ("application/json", "d-1:told")
    at, mac = (part.partition("=")[2] for part in call.headers["saldo-signature"].split(","))
    assert abs(time.time() - int(at)) < 5
    assert mac == hmac.new(secret_of("p").encode(), f"{at}.".encode() + call.body, "sha256").hexdigest()
    assert "authorization" not in call.headers


async def test_the_same_message_again_is_known_by_its_key(anywhere, server):
    for _ in range(2):
        await anywhere.post(told(server.url))
    assert {call.headers["saldo-delivery"] for call in server.calls} == {"d-1:told"}
    assert len({call.body for call in server.calls}) == 1


def test_each_party_has_a_secret_of_its_own(knobs):
    knobs(webhook_secret="w" * 32)
    assert secret_of("p") == hmac.new(b"w" * 32, b"party:p", "sha256").hexdigest()
    assert secret_of("p") != secret_of("q")
    before = secret_of("p")
    knobs(webhook_secret="x" * 32)
    assert secret_of("p") != before


# --- what is answered


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_well(anywhere, server, status):
    server.answer = lambda _: raw(status, b"" if status == 204 else b"thanks")
    assert await anywhere.post(told(server.url)) == status


@pytest.mark.parametrize("status", [300, 304, 400, 401, 404, 410, 429, 500, 502, 503, 599])
async def test_any_other_status_is_a_no(anywhere, server, status):
    server.answer = lambda _: raw(status, b"")
    assert await outcome(anywhere.post(told(server.url))) == refused(f"status_{status}")


async def test_what_else_it_answers_is_not_read(anywhere, server):
    """Neither a body that never ends nor one that cannot be unpacked undoes that the message was taken."""
    endless = [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        *[b"10000\r\n" + b"a" * 0x10000 + b"\r\n"] * 200,
        60,
    ]
    late = [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", 60]
    for said in (
        endless,
        late,
        raw(200, b"nonsense", "Content-Encoding: br"),
        raw(200, b"\xff" * 1_000, "Content-Encoding: gzip"),
    ):
        server.answer = lambda _, said=said: said
        began = time.monotonic()
        assert await anywhere.post(told(server.url)) == 200
        assert time.monotonic() - began < 0.9


async def test_what_is_no_answer_leaves_it_open_and_is_not_tried_at_once_again(anywhere, server):
    for said, reason in (
        (None, "connection: ServerDisconnectedError"),
        ([b"nonsense\r\n\r\n", None], "connection: ClientResponseError"),
        (5, "timeout"),
    ):
        server.calls.clear()
        server.answer = lambda _, said=said: said
        assert await outcome(anywhere.post(told(server.url))) == unsure(reason)
        assert len(server.calls) == 1
    assert await outcome(anywhere.post(told("http://127.0.0.1:1/"))) == unsure("connection: ClientConnectorError")


async def test_cookies_are_not_kept(anywhere, server):
    server.answer = lambda _: raw(200, b"", "Set-Cookie: a=b")
    for _ in range(2):
        await anywhere.post(told(server.url.replace("127.0.0.1", "localhost")))
    assert "cookie" not in server.calls[1].headers


async def test_nothing_is_told_of_addresses_and_secrets(anywhere, server, knobs):
    knobs(webhook_secret="hush-hush" * 4)
    message = told(f"{server.url}/hidden-path?token=hidden-token")
    assert "hidden" not in repr(message)
    for said in (raw(500, b""), None):
        server.answer = lambda _, said=said: said
        with capture_logs() as lines, pytest.raises((Refused, Unsure)) as caught:
            await anywhere.post(message)
        told_of = "".join(traceback.format_exception(caught.value.with_traceback(None))) + repr(lines)
        assert not [secret for secret in ("hidden", "hush", secret_of("p")) if secret in told_of]


async def test_a_silent_server_leaves_connections_to_the_others(knobs, server):
    knobs(webhooks_anywhere=True, outside_connections_max=8, receiver_timeout_seconds=1)
    async with serving() as silent, system.connection() as outside:
        silent.answer = lambda _: 5
        asked = HttpReceivers(outside)
        waiting = [asyncio.create_task(outcome(asked.post(told(silent.url)))) for _ in range(20)]
        while len(silent.calls) < 2:
            await asyncio.sleep(0.01)
        assert await asked.post(told(server.url)) == 200
        assert await asyncio.gather(*waiting) == [unsure("timeout")] * 20
