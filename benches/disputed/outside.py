"""Billing and a provider's adapter: `python -m benches.disputed.outside`, a real HTTP server that does next to nothing.

Billing answers at once, the adapter after a while. It takes note of how many calls the adapter holds at the same moment, and of the
last call at each of its doors, so that others can make the very same ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

import httptools
import orjson
import uvloop

from settings import settings

TERMINAL, BILLING, ADAPTER, CONTROL = 1, "/billing/", "/adapter/", "/control/"
HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"


@dataclass(slots=True)
class Held:
    """Calls that wait for their answer: now, at most, and all in all, as seconds that calls have waited."""

    now: int = 0
    most: int = 0
    calls: int = 0
    waited: float = 0
    first: float = 0
    last: float = 0

    def change(self, by: int) -> None:
        at = monotonic()
        self.waited += self.now * (at - (self.last or at))
        self.now, self.last, self.first = self.now + by, at, self.first or at
        self.most, self.calls = max(self.most, self.now), self.calls + (by > 0)

    def told(self) -> dict[str, float]:
        """`mean`: from the first call to the last answer."""
        return {"most": self.most, "calls": self.calls, "mean": self.waited / ((self.last - self.first) or 1)}


class Outside:
    def __init__(self, port: int) -> None:
        self.url, self.seconds = f"http://127.0.0.1:{port}", 0.0
        self.held, self.asked = Held(), dict[str, tuple[str, str, str]]()

    def answer(self, method: str, path: str, body: bytes) -> Any:
        """What is said to a call; of the adapter's it is said later."""
        if path.startswith(CONTROL):
            return self._controlled(path.removeprefix(CONTROL))
        if path.startswith(ADAPTER):
            door, said = path.rpartition("/")[2], self._adapter(path.rpartition("/")[2], orjson.loads(body))
        else:
            parts = path.removeprefix(BILLING).partition("?")[0].split("/")
            door, said = f"{parts[0]} {parts[-1][:6]}", self._billing(parts)
        self.asked[door] = (method, path, body.decode())
        return said

    def _billing(self, path: list[str]) -> dict[str, Any]:
        match path:
            case ["terminals", _]:
                options = {"DISPUTE_FLOW_PROVIDERS_API_EXIST": "true"}
                return {"id": TERMINAL, "providerId": 1, "url": f"{self.url}{ADAPTER}", "options": options}
            case ["invoices", invoice, "payments", payment]:
                of = {"id": invoice, "partyId": "p", "shopId": "s", "shopName": "Shop"}
                paid = {"id": payment, "status": "failed", "amount": 10_000, "currency": "RUB", "providerTrxId": "trx"}
                more = {"createdAt": "2026-01-01T00:00:00Z", "payerEmail": "payer@example.org", "trxInfo": {"rrn": "1"}}
                return {"invoice": of, "payment": paid | more | {"route": {"providerId": 1, "terminalId": TERMINAL}}}
        return {"events": [{"id": 1, "type": "risk_score", "paymentId": "pay", "riskScore": "low"}]}

    def _adapter(self, door: str, said: dict[str, Any]) -> dict[str, Any]:
        match door:
            case "provider-payments":
                return {"success": False}
            case "status":
                return {"result": "pending", "providerDisputeId": said["providerDisputeId"]}
        return {"result": "success", "providerDisputeId": f"at-{said['disputeId']}"}

    def _controlled(self, what: str) -> Any:
        """`latency/0.1`, `begin`, `held`, `asked`."""
        name, _, value = what.partition("/")
        match name:
            case "latency":
                self.seconds = float(value)
            case "begin":
                self.held, self.asked = Held(), {}
            case "held":
                return self.held.told()
            case "asked":
                return list(self.asked.values())
        return {}


class Door(asyncio.Protocol):
    """One connection; a call after the other."""

    def __init__(self, outside: Outside, later: Callable[..., object]) -> None:
        self.outside, self.later = outside, later
        self.parser = httptools.HttpRequestParser(self)
        self.path, self.body = b"", b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        self.path, self.body = b"", b""

    def on_url(self, url: bytes) -> None:
        self.path += url

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        path = self.path.decode()
        said = orjson.dumps(self.outside.answer(self.parser.get_method().decode(), path, self.body))
        whole = HEAD.format(len(said)).encode() + said
        if not path.startswith(ADAPTER):
            self.transport.write(whole)
            return
        self.outside.held.change(1)
        self.later(self.outside.seconds, self._said, whole)

    def _said(self, whole: bytes) -> None:
        self.outside.held.change(-1)
        self.transport.write(whole)


async def serve(port: int) -> None:
    outside, loop = Outside(port), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Door(outside, loop.call_later), "127.0.0.1", port, backlog=1_024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(settings().port))
