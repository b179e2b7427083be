"""The node as one of the systems that are played."""

from __future__ import annotations

from typing import Any, ClassVar

from starlette.routing import Route

from sandbox.door import Answer, Asked, door
from sandbox.tron import controlling
from sandbox.tron.index import transfers
from sandbox.tron.network import Network
from sandbox.tron.node import BOTH, FULL, Answering, Side, answer
from sandbox.world import System, World

INDEX = "trc20"
NO = "refused by the sandbox's script"
NO_HEX = NO.encode().hex()


class Tron(System):
    name: ClassVar[str] = "tron"
    operations: ClassVar[frozenset[str]] = frozenset({*FULL, INDEX})

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.network = Network()

    def routes(self) -> list[Route]:
        full = [self._route("wallet", name, answering, solid=False) for name, answering in FULL.items()]
        solid = [self._route("walletsolidity", name, answering, solid=True) for name, answering in BOTH.items()]
        path = "/tron/v1/accounts/{address}/transactions/trc20"
        return [*full, *solid, Route(path, door(self, INDEX, self._index), methods=["GET"])]

    def _route(self, folder: str, name: str, answering: Answering, *, solid: bool) -> Route:
        def handle(asked: Asked) -> Answer:
            net = self.network
            return answer(answering, Side(net.chain, net.lies, net.solid if solid else net.head, net.solid), asked)

        return Route(f"/tron/{folder}/{name}", door(self, name, handle), methods=["GET", "POST"])

    def _index(self, asked: Asked) -> Answer:
        net = self.network
        if not net.lies.index:
            return Answer({"error": "Not Found"}, 404)
        return transfers(net.chain, asked.fields, net.head, net.solid)

    def control(self) -> list[Route]:
        return controlling.routes(self.network)

    def latency(self) -> float:
        return self.network.answer_seconds

    def refusal(self, operation: str) -> tuple[int, Any]:
        match operation:
            case "broadcasthex":
                return 200, {"result": False, "code": "CONTRACT_VALIDATE_ERROR", "message": NO}
            case "broadcasttransaction":
                return 200, {"code": "CONTRACT_VALIDATE_ERROR", "message": NO_HEX}
            case "triggerconstantcontract":
                return 200, {"result": {"code": "CONTRACT_VALIDATE_ERROR", "message": NO_HEX}}
            case "trc20":
                return 400, {"success": False, "error": NO, "statusCode": 400}
            case _:
                return 200, {"Error": f"class java.lang.IllegalArgumentException : {NO}"}

    def reset(self) -> None:
        self.network.reset()

    async def run(self) -> None:
        await self.network.run()
