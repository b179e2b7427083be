"""A sandbox on a port of its own, and what tests say to it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import uvicorn
from tronpy.keys import PrivateKey, to_raw_address
from tronpy.proto import tron_pb2

from sandbox.app import app
from sandbox.world import World
from settings.outside import DEVELOPMENT_TRON

USDT = DEVELOPMENT_TRON["tron_contract"]
MAIN = DEVELOPMENT_TRON["tron_main_wallet"]
MAIN_KEY = PrivateKey.fromhex(DEVELOPMENT_TRON["tron_main_key"])
HOUR_MS = 3_600_000


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Played:
    """A running sandbox, asked over HTTP."""

    def __init__(self, world: World, url: str, client: httpx.AsyncClient) -> None:
        self.world, self.url, self.client = world, url, client

    async def tell(self, path: str, status: int = 200, **given: Any) -> Any:
        answer = await self.client.post(f"/control/{path}", json=given)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def ask(self, path: str, status: int = 200, **given: Any) -> Any:
        answer = await self.client.get(f"/control/{path}", params=given)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def node(self, operation: str, side: str = "wallet", **fields: Any) -> Any:
        answer = await self.client.post(f"/tron/{side}/{operation}", json=fields)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def solid(self, operation: str, **fields: Any) -> Any:
        return await self.node(operation, "walletsolidity", **fields)

    async def index(self, address: str, **query: Any) -> Any:
        return (await self.client.get(f"/tron/v1/accounts/{address}/transactions/trc20", params=query)).json()

    async def deposit(self, address: str, amount: str = "100", **given: Any) -> str:
        """In a block; its transaction."""
        made = await self.tell("tron/deposit", address=address, amount=amount, mine=True, **given)
        return str(made["txId"])

    async def balance(self, address: str, side: str = "wallet", contract: str = USDT) -> int:
        called = await self.node(
            "triggerconstantcontract",
            side,
            visible=True,
            owner_address=address,
            contract_address=contract,
            function_selector="balanceOf(address)",
            parameter=to_raw_address(address)[1:].hex().zfill(64),
        )
        return int(called["constant_result"][0], 16)

    async def send(self, signed: Any) -> Any:
        return await self.node("broadcasthex", transaction=signed.SerializeToString().hex())

    async def sent(self, signed: Any) -> Any:
        """Taken, in a block, and what became of it."""
        taken = await self.send(signed)
        assert taken["result"], taken
        await self.tell("tron/mine")
        return await self.node("gettransactioninfobyid", value=taken["txid"])

    async def pay(self, key: PrivateKey, to: str, sun: int, **raw: Any) -> Any:
        said = tron_pb2.TransferContract(owner_address=owner(key), to_address=to_raw_address(to), amount=sun)
        return await self.signed(key, "TransferContract", said, **raw)

    async def move(self, key: PrivateKey, to: str, amount: int, *, contract: str = USDT, **raw: Any) -> Any:
        said = tron_pb2.TriggerSmartContract(
            owner_address=owner(key),
            contract_address=to_raw_address(contract),
            data=bytes.fromhex("a9059cbb") + to_raw_address(to)[1:].rjust(32, b"\0") + amount.to_bytes(32, "big"),
        )
        return await self.signed(key, "TriggerSmartContract", said, **{"fee_limit": 60_000_000, **raw})

    async def signed(
        self, key: PrivateKey, kind: str, said: Any, *, signer: PrivateKey | None = None, **raw: Any
    ) -> Any:
        block = (await self.node("getnowblock"))["blockID"]
        now = int(time.time() * 1000)
        ours = {
            "ref_block_bytes": bytes.fromhex(block[12:16]),
            "ref_block_hash": bytes.fromhex(block[16:32]),
            "timestamp": now,
            "expiration": now + HOUR_MS,
        }
        body = tron_pb2.Transaction.raw(**{**ours, **raw})
        contract = body.contract.add(type=kind)
        contract.parameter.type_url = f"type.googleapis.com/protocol.{kind}"
        contract.parameter.value = said.SerializeToString()
        digest = hashlib.sha256(body.SerializeToString()).digest()
        return tron_pb2.Transaction(raw_data=body, signature=[(signer or key).sign_msg_hash(digest).to_bytes()])


def owner(key: PrivateKey) -> bytes:
    return key.public_key.to_address()


def somebody(name: str = "somebody") -> tuple[PrivateKey, str]:
    key = PrivateKey.from_passphrase(name.encode())
    return key, key.public_key.to_base58check_address()


@contextlib.asynccontextmanager
async def playing() -> AsyncIterator[Played]:
    """Blocks are mined by hand, and solid when two are on top."""
    played = app()
    server = _Server(uvicorn.Config(played, port=0, log_level="critical", timeout_graceful_shutdown=2))
    served = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=10, verify=False) as client:
            yield Played(played.state.world, url, client)
    finally:
        server.should_exit = True
        await served
