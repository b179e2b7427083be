"""The HTTP client of one other system. Whatever happens to a call, it ends in what its reader makes of the answer,
in `Refused` where the reader says so, or in `Unsure`."""

from __future__ import annotations

import asyncio
import random
import re
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from time import monotonic
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlencode

import aiohttp
import orjson
import structlog
from aiohttp.abc import AbstractResolver
from yarl import URL

from gateways.answers import Answer
from gateways.receipts import Refused, Unsure
from models.kernel.metrics import OUTSIDE
from settings import settings

log = structlog.get_logger(__name__)
T = TypeVar("T")

HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "saldo"}
JSON = "application/json"
VISIBLE = re.compile("[!-~]*").fullmatch
KEPT_SECONDS = 4
"""An idle connection is given up before the usual five seconds after which servers do."""
_LOST = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError)
_READERS_SLIPS = (ArithmeticError, LookupError, TypeError, ValueError)


class Barred(OSError):
    """A resolver does not let us go there; the reason of the `Unsure` is then `BARRED`."""


BARRED, TIMEOUT = "barred", "timeout"


class _Odd(Exception):
    """The answer came, and is of no use; or the question cannot be asked."""


@dataclass(frozen=True, slots=True)
class _Call:
    """One call, ready to be made."""

    method: str
    address: str = field(repr=False)
    body: bytes | None = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    also: Collection[int]
    status_alone: bool

    @property
    def url(self) -> URL:
        """To the letter: what was escaped stays so, and what should have been is not asked."""
        if not VISIBLE(self.address):
            raise _Odd("address")
        return URL(self.address, encoded=True)


class Outside:
    """Open it as a context; it keeps connections. `system` is its name in metrics, logs and receipts.

    With a `url` it is the client of one system. Without one every call brings a whole address: a client of many hosts, of
    which none gets more than a quarter of the connections, so that a slow one does not hold up the others.
    """

    def __init__(
        self,
        system: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self.system, self._url, self._headers = system, url.rstrip("/"), {**HEADERS, **(headers or {})}
        self._timeout, self._resolver = timeout_seconds, resolver
        self._client: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._client = aiohttp.ClientSession(
            connector=self._connector(),
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=settings().outside_connect_seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )
        self._client._retry_connection = False  # it would ask a second time by itself: `safe` says what may be
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.close()

    def _connector(self) -> aiohttp.TCPConnector:
        most = settings().outside_connections_max
        return aiohttp.TCPConnector(
            limit=most,
            limit_per_host=0 if self._url else max(1, most // 4),
            keepalive_timeout=KEPT_SECONDS,
            resolver=self._resolver,
        )

    async def call(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        read: Callable[[Answer], T],
        json: Any = None,
        params: Mapping[str, str | int] | None = None,
        key: str | None = None,
        safe: bool = False,
        also: Collection[int] = (),
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        status_alone: bool = False,
    ) -> T:
        """Ask once, and answer what `read` makes of it; `read` raises `Refused` for a definite no.

        `path` stands behind the system's address, or is an address of its own. `key` names the call for ever
        (`Idempotency-Key`). `body` is JSON that was written already. `safe` asks once more when the connection is lost: for
        what has no effect. Statuses other than 2xx are `Unsure`, but for those in `also`, which `read` sees too, with a
        value of None where their body is no JSON. `status_alone`: no body is read, whatever it is.
        """
        started, outcome = monotonic(), "unsure"
        sent = body if json is None else orjson.dumps(json)
        told = {"Idempotency-Key": key} if key else {}
        typed = {"Content-Type": JSON} if sent is not None else {}
        whole = {**told, **typed, **(headers or {})}
        call = _Call(method, self._address(path, params), sent, whole, also, status_alone)
        try:
            result = self._understood(await self._asked(operation, call, safe), read)
            outcome = "accepted"
        except Refused:
            outcome = "refused"
            raise
        except Unsure as unsure:
            log.warning("no answer from outside", system=self.system, operation=operation, reason=unsure.logged)
            raise
        finally:
            OUTSIDE.labels(self.system, operation, outcome).observe(monotonic() - started)
        return result

    def _address(self, path: str, params: Mapping[str, str | int] | None) -> str:
        whole = path if "://" in path else f"{self._url}/{path.lstrip('/')}"
        return f"{whole}?{urlencode(params)}" if params else whole

    async def _asked(self, operation: str, call: _Call, safe: bool) -> Answer:
        """The reason is raised outside of the handlers: what they caught may hold addresses and keys."""
        if self._client is None or self._client.closed:
            raise RuntimeError(f"the client of {self.system} is closed")
        try:
            async with asyncio.timeout(self._timeout or settings().outside_timeout_seconds):
                status, value = await self._sent(self._client, call, safe)
                return Answer(self.system, operation, status, value)
        except _Odd as odd:
            reason = str(odd)
        except TimeoutError:
            reason = TIMEOUT
        except (aiohttp.ClientError, OSError, ValueError, LookupError) as error:
            barred = isinstance(getattr(error, "os_error", None), Barred)
            reason = BARRED if barred else f"connection: {type(error).__name__}"
        raise Unsure(self.system, operation, reason)

    async def _sent(self, client: aiohttp.ClientSession, call: _Call, safe: bool) -> tuple[int, Any]:
        try:
            return await _exchanged(client, call)
        except _LOST:
            if not safe:
                raise
        await asyncio.sleep(random.uniform(0.02, 0.2))  # noqa: S311  jitter
        return await _exchanged(client, call)

    def _understood(self, answer: Answer, read: Callable[[Answer], T]) -> T:
        try:
            return read(answer)
        except _READERS_SLIPS as slip:
            reason = f"malformed: {type(slip).__name__}"
        raise answer.unsure(reason)


async def _exchanged(client: aiohttp.ClientSession, call: _Call) -> tuple[int, Any]:
    async with client.request(
        call.method, call.url, data=call.body, headers=call.headers, allow_redirects=False
    ) as response:
        declared = response.status in call.also
        if not 200 <= response.status < 300 and not declared:
            raise _Odd(f"status {response.status}")
        if call.status_alone:
            return response.status, None
        return response.status, _parsed(await _body(response), lenient=declared)


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """Counted as it comes and as it is unpacked: a client that unpacks by itself would unpack whatever it is sent."""
    encoding = response.headers.get("content-encoding", "identity").lower()
    if encoding not in {"identity", "gzip"}:
        raise _Odd("encoding")
    unpacker = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    body, came, limit = bytearray(), 0, settings().outside_answer_max_bytes
    async for chunk in response.content.iter_any():
        came += len(chunk)
        try:
            body += unpacker.decompress(chunk, limit + 1 - len(body)) if unpacker else chunk
        except zlib.error:
            raise _Odd("encoding") from None
        if max(came, len(body)) > limit:
            raise _Odd("too large")
    return bytes(body)


def _parsed(body: bytes, *, lenient: bool) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        if lenient:
            return None
    raise _Odd("not JSON")
