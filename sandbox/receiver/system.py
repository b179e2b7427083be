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
    signature: str
    delivery: str

    def shown(self) -> dict[str, Any]:
        return {"name": self.name, "body": self.body, "signature": self.signature, "delivery": self.delivery}


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
        headers = asked.request.headers
        told = Received(
            asked.request.path_params["name"],
            asked.body.decode(errors="replace"),
            headers.get("saldo-signature", ""),
            headers.get("saldo-delivery", ""),
        )
        self.received = [*self.received[-KEPT:], told]
        return Answer({}, effect=True)

    async def _list(self, given: Which) -> dict[str, Any]:
        return {"received": [one.shown() for one in self.received if given.name in (None, one.name)]}
