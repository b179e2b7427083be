"""The HTTP client of one other system. Whatever happens to a call, it ends in what its reader makes of the answer,
in `Refused` where the reader says so, or in `Unsure`."""

from __future__ import annotations

import asyncio
import random
import zlib
from collections.abc import Callable, Collection, Mapping
from time import monotonic
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import orjson
import structlog

from gateways.answers import Answer
from gateways.receipts import Refused, Unsure
from models.kernel.metrics import OUTSIDE
from settings import settings

log = structlog.get_logger(__name__)
T = TypeVar("T")

HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "saldo"}
KEPT_SECONDS = 4
"""An idle connection is given up before the usual five seconds after which servers do."""
_LOST = (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ConnectTimeout)
_READERS_SLIPS = (ArithmeticError, LookupError, TypeError, ValueError)


class _Odd(Exception):
    """The answer came, and is of no use."""


class Outside:
    """Open it as a context; it keeps connections. `system` is its name in metrics, logs and receipts."""

    def __init__(self, system: str, url: str, *, headers: Mapping[str, str] | None = None) -> None:
        most = settings().outside_connections_max
        self.system = system
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={**HEADERS, **(headers or {})},
            trust_env=False,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=most, max_keepalive_connections=most, keepalive_expiry=KEPT_SECONDS),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

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
    ) -> T:
        """Ask once, and answer what `read` makes of it; `read` raises `Refused` for a definite no.

        `key` names the call for ever (`Idempotency-Key`). `safe` asks once more when the connection is lost: for what
        has no effect. Statuses other than 2xx are `Unsure`, but for those in `also`, which `read` sees too, with a
        value of None where their body is no JSON.
        """
        started, outcome = monotonic(), "unsure"
        headers = {"Idempotency-Key": key} if key else {}
        request = self._client.build_request(
            method, path, json=json, params=params, headers=headers, timeout=_timeout()
        )
        try:
            result = self._understood(await self._asked(operation, request, safe, also), read)
            outcome = "accepted"
        except Refused:
            outcome = "refused"
            raise
        except Unsure as unsure:
            log.warning("no answer from outside", system=self.system, operation=operation, reason=unsure.reason)
            raise
        finally:
            OUTSIDE.labels(self.system, operation, outcome).observe(monotonic() - started)
        return result

    async def _asked(self, operation: str, request: httpx.Request, safe: bool, also: Collection[int]) -> Answer:
        """The reason is raised outside of the handlers: what they caught may hold addresses and keys."""
        try:
            async with asyncio.timeout(settings().outside_timeout_seconds):
                status, value = await self._sent(request, safe, also)
                return Answer(self.system, operation, status, value)
        except _Odd as odd:
            reason = str(odd)
        except (TimeoutError, httpx.TimeoutException):
            reason = "timeout"
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError, ValueError, LookupError) as error:
            reason = f"connection: {type(error).__name__}"
        raise Unsure(self.system, operation, reason)

    async def _sent(self, request: httpx.Request, safe: bool, also: Collection[int]) -> tuple[int, Any]:
        try:
            return await self._exchanged(request, also)
        except _LOST:
            if not safe:
                raise
        await asyncio.sleep(random.uniform(0.02, 0.2))  # noqa: S311  jitter
        return await self._exchanged(request, also)

    async def _exchanged(self, request: httpx.Request, also: Collection[int]) -> tuple[int, Any]:
        response = await self._client.send(request, stream=True)
        try:
            declared = response.status_code in also
            if not response.is_success and not declared:
                raise _Odd(f"status {response.status_code}")
            return response.status_code, _parsed(await _body(response), lenient=declared)
        finally:
            await response.aclose()

    def _understood(self, answer: Answer, read: Callable[[Answer], T]) -> T:
        try:
            return read(answer)
        except _READERS_SLIPS as slip:
            reason = f"malformed: {type(slip).__name__}"
        raise answer.unsure(reason)


def _timeout() -> httpx.Timeout:
    return httpx.Timeout(settings().outside_timeout_seconds, connect=settings().outside_connect_seconds)


async def _body(response: httpx.Response) -> bytes:
    """Counted as it comes and as it is unpacked: httpx itself would unpack whatever it is sent."""
    encoding = response.headers.get("content-encoding", "identity").lower()
    if encoding not in {"identity", "gzip"}:
        raise _Odd("encoding")
    unpacker = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    body, came, limit = bytearray(), 0, settings().outside_answer_max_bytes
    async for chunk in response.aiter_raw():
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
