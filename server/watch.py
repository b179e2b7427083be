"""A subscriber that comes again by itself: what `saldo watch` is, and an example of how little a client has to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

PROTOCOL = Subprotocol("graphql-transport-ws")
PAUSE_SECONDS, PAUSE_MAX_SECONDS = 0.2, 5.0
FATAL = (4400, 4403, 4406)
PASSING = ("UPSTREAM_UNAVAILABLE", "BUSY", "RATE_LIMITED", "INTERNAL")

EVENTS = """subscription ($after: Cursor, $nouns: [EventNoun!]) { events(after: $after, nouns: $nouns) {
  __typename
  ... on Event { name version occurredAt actor actorSubject from to facts }
  ... on Lagged { missed } } }"""


class Declined(Exception):
    """The server will not serve this subscription: coming again would change nothing."""


async def follow(url: str, token: str, query: str, variables: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """The items of a subscription with an `$after`, through cuts and restarts: each once, in order. Raises Declined."""
    variables, pause = dict(variables), PAUSE_SECONDS
    while True:
        try:
            async with connect(url, subprotocols=[PROTOCOL]) as socket:
                await _say(socket, type="connection_init", payload={"authorization": f"Bearer {token}"})
                await socket.recv()  # connection_ack, or the end
                await _say(socket, type="subscribe", id="1", payload={"query": query, "variables": variables})
                async for payload in _payloads(socket):
                    variables["after"], pause = payload["extensions"]["cursor"], PAUSE_SECONDS
                    (item,) = payload["data"].values()
                    yield item
        except ConnectionClosed as closed:
            if closed.rcvd and closed.rcvd.code in FATAL:
                raise Declined(closed.rcvd.reason) from None
        except (OSError, WebSocketException):
            pass
        await asyncio.sleep(pause)
        pause = min(PAUSE_MAX_SECONDS, 2 * pause)


async def _payloads(socket: ClientConnection) -> AsyncIterator[dict[str, Any]]:
    async for text in socket:
        match message := orjson.loads(text):
            case {"type": "ping"}:
                await _say(socket, type="pong")
            case {"type": "next"}:
                yield message["payload"]
            case {"type": "error", "payload": [{"message": reason, "extensions": {"code": code}}, *_]} if (
                code not in PASSING
            ):
                raise Declined(reason)
            case {
                "type": "complete" | "error"
            }:  # we lagged, or something is out of reach: once more, from the last cursor
                return


async def _say(socket: ClientConnection, **message: Any) -> None:
    await socket.send(orjson.dumps(message).decode())
