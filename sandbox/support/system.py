"""The support desk as one of the systems that are played: it takes every dispute, once, and hears how all of them stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import orjson
from starlette.routing import Route

from sandbox.door import Answer, Asked, door
from sandbox.given import Nothing, get
from sandbox.saying import known_by, no, stranger
from sandbox.world import System, World

KNOWN_BY = "support_token"


@dataclass(slots=True)
class Kept:
    body: dict[str, Any]
    asked: int = 1


class Support(System):
    name: ClassVar[str] = "support"
    operations: ClassVar[frozenset[str]] = frozenset({"open", "tell"})

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.disputes: dict[str, Kept] = {}
        self.messages: dict[str, Kept] = {}
        self.token = known_by(KNOWN_BY)

    def routes(self) -> list[Route]:
        return [
            Route("/support/disputes", door(self, "open", self._open), methods=["POST"]),
            Route("/support/messages", door(self, "tell", self._tell), methods=["POST"]),
        ]

    def control(self) -> list[Route]:
        return [
            get("support/disputes", Nothing, self._disputes),
            get("support/messages", Nothing, self._messages),
        ]

    def refusal(self, operation: str) -> tuple[int, Any]:
        if operation == "open":
            return 200, {"result": "fail", "code": "refused_by_script"}
        return 422, {"error": {"code": "refused_by_script", "message": "refused by the sandbox's script"}}

    def reset(self) -> None:
        self.disputes, self.messages = {}, {}

    def _open(self, asked: Asked) -> Answer:
        if known := stranger(asked, self.token):
            return known
        id = asked.fields.get("disputeId")
        if not _is_object(asked) or not isinstance(id, str):
            return no(400, "invalid_request", "a disputeId is needed")
        new = self._keep(self.disputes, id, asked)
        return Answer({"result": "success", "providerDisputeId": f"desk-{id}"}, effect=new)

    def _tell(self, asked: Asked) -> Answer:
        if known := stranger(asked, self.token):
            return known
        key = asked.request.headers.get("idempotency-key", "")
        if not key or not _is_object(asked):
            return no(400, "invalid_request", "an Idempotency-Key and an object are needed")
        return Answer({}, effect=self._keep(self.messages, key, asked))

    @staticmethod
    def _keep(kept: dict[str, Kept], key: str, asked: Asked) -> bool:
        """Once for each key; whether it is new."""
        if key in kept:
            kept[key].asked += 1
            return False
        kept[key] = Kept(orjson.loads(asked.body))
        return True

    async def _disputes(self, _given: Nothing) -> dict[str, Any]:
        return {"disputes": [{**kept.body, "asked": kept.asked} for kept in self.disputes.values()]}

    async def _messages(self, _given: Nothing) -> dict[str, Any]:
        return {"messages": [{**kept.body, "key": key, "asked": kept.asked} for key, kept in self.messages.items()]}


def _is_object(asked: Asked) -> bool:
    return asked.readable and bool(asked.body.strip())
