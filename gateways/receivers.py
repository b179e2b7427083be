"""Merchants' own servers, which are told how their disputes ended, at addresses that merchants gave.

So that nobody has us ask what only we can reach: over https, at public addresses alone, however they are written and whatever their
name resolves to at that moment; redirects are not followed. Each message is signed with a secret of its party.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import socket
from collections.abc import Sequence
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, ip_address
from threading import Thread
from time import time
from typing import Any, TypeAlias

import orjson
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from gateways.answers import Answer
from gateways.disputing import Receivers, Told
from gateways.outside import BARRED, Barred, Outside
from gateways.receipts import Refused, Unsure
from gateways.signing import signed
from settings import settings

SYSTEM = "receivers"
SIGNATURE, DELIVERY = "Saldo-Signature", "Saldo-Delivery"
URL_MAX = 1_000
NOT_ALLOWED = "address_not_allowed"

_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
_Found: TypeAlias = tuple[int, int, int, str, tuple[Any, ...]]


def connection(inner: AbstractResolver | None = None) -> Outside:
    """The client of all of them; whoever opens it closes it. `inner` knows addresses, of which the public ones are asked."""
    known = inner or Lookups()
    resolver = known if settings().webhooks_anywhere else PublicResolver(known)
    return Outside(SYSTEM, "", timeout_seconds=settings().receiver_timeout_seconds, resolver=resolver)


def secret_of(party: str) -> str:
    """By which a party knows that a message is ours: made of the house's own secret, and of no use to any other party."""
    house = settings().webhooks_signed_with
    return hmac.new(house.encode(), f"party:{party}".encode(), sha256).hexdigest()


def check_address(url: str) -> str:
    """Why nobody is told at this address; empty: somebody may be. What its name resolves to is looked at when it is asked."""
    anywhere = settings().webhooks_anywhere
    if len(url) > URL_MAX or not all("!" <= sign <= "~" for sign in url):
        return f"must be an address of up to {URL_MAX} visible ASCII characters"
    try:
        address = URL(url, encoded=True)
        host, port = address.host, address.port
    except ValueError:
        return "must be an address"
    if address.scheme not in ({"http", "https"} if anywhere else {"https"}) or not host or not port:
        return "must be an https address"
    if "@" in address.raw_authority:
        return "must not hold a name or a password"
    return "" if anywhere or _named_publicly(host) else "must be a public address"


def _named_publicly(host: str) -> bool:
    """A number is looked at here, a name when it is asked; one of an inner network, or a number in disguise, is none."""
    try:
        return public(ip_address(host.partition("%")[0]))
    except ValueError:
        last = host.rstrip(".").rpartition(".")[2].lower()
        return "." in host and last not in {"localhost", "local", "internal"} and not last[:1].isdigit()


def public(address: IPv4Address | IPv6Address) -> bool:
    """Whether anybody may reach it. What carries an inner address in an outer one is as good as the inner one."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if address.is_site_local or (inner is not None and not public(inner)):
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


class Lookups(AbstractResolver):
    """What names mean, asked in a few threads of our own: a merchant's name server that never answers holds up nobody but
    merchants. The loop's own look-ups share their threads with those of all else that this process does.

    The threads are daemons, which those of an executor are not: nobody waits at the end for one that hangs.
    """

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(settings().receiver_lookups_at_once)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        async with asyncio.timeout(settings().receiver_timeout_seconds):
            await self._places.acquire()
            found = await self._begun(host, port, family)
        return [
            ResolveResult(
                hostname=host, host=str(address[0]), port=int(address[1]), family=kind, proto=proto, flags=_NUMERIC
            )
            for kind, _, proto, _, address in found
            if isinstance(address[0], str)
        ]

    def _begun(self, host: str, port: int, family: int) -> asyncio.Future[Sequence[_Found]]:
        """A thread holds its place until it is done, whether or not anybody still waits for it."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Sequence[_Found]] = loop.create_future()

        def ended(found: Sequence[_Found], error: Exception | None) -> None:
            self._places.release()
            if answer.done():
                return
            if error is None:
                answer.set_result(found)
            else:
                answer.set_exception(error)

        def ask() -> None:
            found: Sequence[_Found] = ()
            error: Exception | None = None
            try:
                found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
            except (OSError, ValueError) as no:
                error = no
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(ended, found, error)

        try:
            Thread(target=ask, name="lookup", daemon=True).start()
        except RuntimeError:
            self._places.release()
            raise OSError("no thread") from None
        return answer

    async def close(self) -> None:
        """There is nothing to close: what hangs is left alone."""


class PublicResolver(AbstractResolver):
    """Resolves names to public addresses alone; the connection is made to what was looked at, and to nothing else."""

    def __init__(self, inner: AbstractResolver) -> None:
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        kept = [one for one in found if public(ip_address(one["host"].partition("%")[0]))]
        if found and not kept:
            raise Barred("none of its addresses is public")
        return kept

    async def close(self) -> None:
        await self._inner.close()


class HttpReceivers(Receivers):
    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    async def post(self, message: Told) -> int:
        if check_address(message.url):
            raise Refused(SYSTEM, "notify", NOT_ALLOWED)
        body = orjson.dumps(dict(message.body))
        headers = {SIGNATURE: signed(secret_of(message.party), int(time()), body), DELIVERY: message.key}
        try:
            return await self._outside.call(
                "notify",
                "POST",
                message.url,
                body=body,
                headers=headers,
                read=_taken,
                also=range(100, 600),
                status_alone=True,
            )
        except Unsure as unsure:
            if unsure.reason != BARRED:
                raise
        raise Refused(SYSTEM, "notify", NOT_ALLOWED)


def _taken(answer: Answer) -> int:
    """Its status is its word; what else it says is nobody's business."""
    if not 200 <= answer.status < 300:
        raise Refused(answer.system, answer.operation, f"status_{answer.status}")
    return answer.status
