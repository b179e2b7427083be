"""A merchant's own server as one of the systems that are played: it keeps whatever it is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from starlette.routing import Route

from sandbox.door import Answer, Asked, door
from sandbox.given import Given, get
from sandbox.world import System, World

KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Received:
    name: str
    body: str
    headers: dict[str, str]

    def shown(self) -> dict[str, Any]:
        signature, delivery = (self.headers.get(name, "") for name in ("saldo-signature", "saldo-delivery"))
        told = {"name": self.name, "body": self.body, "headers": self.headers}
        return {**told, "signature": signature, "delivery": delivery}


class Which(Given):
    name: str | None = None


class Receiver(System):
    name: ClassVar[str] = "receiver"
    operations: ClassVar[frozenset[str]] = frozenset({"notify"})

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.received: list[Received] = []

    def routes(self) -> list[Route]:
        return [Route("/receiver/hooks/{name}", door(self, "notify", self._notify), methods=["POST"])]

    def control(self) -> list[Route]:
        return [get("receiver/received", Which, self._list)]

    def refusal(self, operation: str) -> tuple[int, Any]:
        return 422, {"error": f"{operation} is refused by the sandbox's script"}

    def reset(self) -> None:
        self.received = []

    def _notify(self, asked: Asked) -> Answer:
        name, body = asked.request.path_params["name"], asked.body.decode(errors="replace")
        self.received = [*self.received[-KEPT:], Received(name, body, dict(asked.request.headers))]
        return Answer({}, effect=True)

    async def _list(self, given: Which) -> dict[str, Any]:
        return {"received": [one.shown() for one in self.received if given.name in (None, one.name)]}
