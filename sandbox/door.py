"""The door of every system that is played: what comes in is recorded, and answered well or as a script says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from sandbox.given import json
from sandbox.scripts import Malformed, Outcome, Script
from sandbox.world import System, World

RAW_SEND = "sandbox.send"
WELL = "ok"
KEY_HEADERS = ("idempotency-key", "x-idempotency-key", "x-request-id")
TIMEOUT_SECONDS, SLOW_SECONDS, RETRY_SECONDS = 30.0, 2.0, 1.0
HTML = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Asked:
    """One call. `fields` is its query, and its body where that is a JSON object; `readable` is false where it is none."""

    path: str
    body: bytes
    fields: dict[str, Any]
    readable: bool
    request: Request = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    body: Any
    status: int = 200
    effect: bool = False
    """Whether anything changed in the system."""


Handler = Callable[[Asked], Answer]
Endpoint = Callable[[Request], Any]


def door(system: System, operation: str, handler: Handler) -> Endpoint:
    """The endpoint of one operation."""

    async def endpoint(request: Request) -> Response:
        world, asked = system.world, await _asked(request)
        script = world.scripts.take(system.name, operation, asked.path + asked.body.decode(errors="replace"))
        call = world.calls.add(
            system.name,
            operation,
            method=request.method,
            path=asked.path,
            body=asked.body,
            key=next((request.headers[name] for name in KEY_HEADERS if name in request.headers), None),
            outcome=script.outcome if script else WELL,
        )

        def happen() -> Answer:
            answer = handler(asked)
            call.effect = answer.effect
            return answer

        if system.latency():
            await hold(request, world, system.latency())
        return await _play(script, request, system, operation, happen) if script else _told(happen())

    return endpoint


async def _asked(request: Request) -> Asked:
    body = await request.body()
    fields: dict[str, Any] = {**request.query_params, **request.path_params}
    readable = True
    if body.strip():
        try:
            given = orjson.loads(body)
            readable = isinstance(given, dict)
            fields |= given if readable else {}
        except orjson.JSONDecodeError:
            readable = False
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return Asked(path, body, fields, readable, request)


async def _play(
    script: Script, request: Request, system: System, operation: str, happen: Callable[[], Answer]
) -> Response:
    seconds = script.seconds
    match script.outcome:
        case Outcome.REFUSE:
            status, body = system.refusal(operation)
            return json(body, status)
        case Outcome.ERROR:
            return Response("Internal Server Error", 500, media_type="text/plain")
        case Outcome.RATE_LIMIT:
            wait = RETRY_SECONDS if seconds is None else seconds
            return Response("Too Many Requests", 429, {"Retry-After": f"{wait:g}"}, media_type="text/plain")
        case Outcome.TIMEOUT:
            await hold(request, system.world, TIMEOUT_SECONDS if seconds is None else seconds)
            return await broken_off(request)
        case Outcome.LOST_ANSWER:
            happen()
            return await broken_off(request)
        case Outcome.SLOW:
            answer = happen()
            await hold(request, system.world, SLOW_SECONDS if seconds is None else seconds)
            return _told(answer)
        case Outcome.MALFORMED:
            return _malformed(happen(), script)


def _told(answer: Answer) -> Response:
    return json(answer.body, answer.status)


def _malformed(answer: Answer, script: Script) -> Response:
    """As the script says; else in turns, one kind after the other."""
    kinds = list(Malformed)
    match script.shape or kinds[(script.number + script.times) % len(kinds)]:
        case Malformed.HTML:
            return HTMLResponse(HTML)
        case Malformed.TRUNCATED:
            whole = orjson.dumps(answer.body)
            return Response(whole[: max(1, len(whole) // 2)], media_type="application/json")
        case Malformed.SHAPE:
            return json(["this", 15, None, {"not": "the answer"}])


async def hold(request: Request, world: World, seconds: float) -> None:
    """Let the caller wait, unless he goes away or the sandbox ends."""
    ends = [asyncio.create_task(_gone(request)), asyncio.create_task(world.stopping.wait())]
    await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in ends:
        task.cancel()
    await asyncio.gather(*ends, return_exceptions=True)


async def broken_off(request: Request) -> Response:
    """Break the caller's connection without an answer. What is returned goes nowhere."""
    cycle = getattr(request.scope[RAW_SEND], "__self__", None)
    if (transport := getattr(cycle, "transport", None)) is None:
        raise RuntimeError("only a server with connections of its own can break one")
    transport.abort()
    await _gone(request)
    return Response()


async def _gone(request: Request) -> bool:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return True
