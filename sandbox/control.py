"""What can be told to any system: scripts, and the memory of calls."""

from __future__ import annotations

from typing import Any

from pydantic import Field
from starlette.routing import Route

from sandbox.given import Given, Nothing, Wrong, get, post
from sandbox.scripts import ANY, Malformed, Outcome
from sandbox.world import World


class NewScript(Given):
    system: str
    operation: str
    outcome: Outcome
    match: str = ""
    times: int = Field(default=1, ge=1, le=1_000_000)
    seconds: float | None = Field(default=None, ge=0, le=600)
    shape: Malformed | None = Field(default=None, alias="as")


class Which(Given):
    system: str | None = None
    operation: str | None = None
    after: int = 0


class Reset(Given):
    system: str | None = None


def routes(world: World) -> list[Route]:
    def known(system: str | None) -> None:
        if system is not None and system not in world.systems:
            raise Wrong("system", f"there is no system {system}; there is {', '.join(world.systems)}")

    async def script(given: NewScript) -> dict[str, Any]:
        known(given.system)
        operations = world.systems[given.system].operations
        if not operations:
            raise Wrong("system", f"{given.system} is asked nothing: it speaks first")
        if given.operation not in {ANY, *operations}:
            told = ", ".join(sorted(operations))
            raise Wrong("operation", f"{given.system} has no operation {given.operation}; it has {told}, or * for any")
        if given.shape and given.outcome is not Outcome.MALFORMED:
            raise Wrong("as", "says how an answer is malformed; this outcome is another")
        return world.scripts.add(
            given.system,
            given.operation,
            given.outcome,
            match=given.match,
            times=given.times,
            seconds=given.seconds,
            shape=given.shape,
        ).shown()

    async def scripts(_given: Nothing) -> dict[str, Any]:
        return {"scripts": world.scripts.waiting()}

    async def calls(given: Which) -> dict[str, Any]:
        known(given.system)
        return {"calls": world.calls.found(given.system, given.operation, given.after)}

    async def reset(given: Reset) -> dict[str, Any]:
        known(given.system)
        world.reset(given.system)
        return {"reset": [given.system] if given.system else list(world.systems)}

    return [
        post("script", NewScript, script),
        get("scripts", Nothing, scripts),
        get("calls", Which, calls),
        post("reset", Reset, reset),
    ]
