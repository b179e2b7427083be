"""A Tron node over its HTTP API.

The calls are our own, and tronpy's client is not used (docs/decisions/0012): the node must answer for every field that money
hangs on, and must have no say in what we sign.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Any, TypeVar

from gateways.answers import Answer
from gateways.outside import Outside
from gateways.receipts import Unsure
from gateways.tron import reading
from gateways.tron.addresses import body_of
from gateways.tron.words import SYSTEM, Block, Contents, Means, Node, Prices, Receipt
from settings import settings

T = TypeVar("T")
PRICES_KEPT_SECONDS = 300
PAGE, PAGES_MAX = 200, 50


def connection() -> Outside:
    """The client of the configured node; whoever opens it closes it."""
    key = settings().tron_api_key.get_secret_value()
    return Outside(SYSTEM, settings().tron_node, headers={"TRON-PRO-API-KEY": key} if key else None)


class HttpNode(Node):
    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._prices: tuple[float, Prices] | None = None

    async def head(self) -> Block:
        return await self._ask("wallet/getnowblock", reading.block)

    async def solid_head(self) -> Block:
        return await self._ask("walletsolidity/getnowblock", reading.block)

    async def contents(self, block: int, *, solid: bool) -> Contents:
        side, contract = _side(solid), settings().tron_contract
        read = partial(reading.contents, number=block, contract=contract)
        found = await self._ask(f"{side}/gettransactioninfobyblocknum", read, num=block)
        if found is not None:
            return found  # a node that tells of nothing may have no such block
        return await self._ask(f"{side}/getblockbynum", partial(reading.no_transactions, number=block), num=block)

    async def token_balance(self, address: str) -> int:
        asked = _constant_call(address, "balanceOf(address)", _word(address))
        return await self._ask("walletsolidity/triggerconstantcontract", reading.one_word, **asked)

    async def transactions_to(self, address: str, since: datetime) -> list[str]:
        ids, mark = dict[str, None](), ""
        for _ in range(PAGES_MAX):
            page, following = await self._page(address, since, mark)
            ids.update(dict.fromkeys(page))
            if not following:
                return list(ids)
            mark = following
        raise Unsure(SYSTEM, "trc20", f"more than {PAGE * PAGES_MAX} transactions")

    async def receipt(self, tx_id: str, *, solid: bool = True) -> Receipt | None:
        read = partial(reading.receipt, tx_id=tx_id, contract=settings().tron_contract)
        return await self._ask(f"{_side(solid)}/gettransactioninfobyid", read, value=tx_id)

    async def means(self, address: str) -> Means:
        sun = await self._ask("wallet/getaccount", partial(reading.account, address=address), **_visible(address))
        if sun is None:
            return Means(active=False, sun=0, energy=0, bandwidth=0)
        return await self._ask("wallet/getaccountresource", partial(reading.means, sun=sun), **_visible(address))

    async def prices(self, *, fresh: bool = False) -> Prices:
        if fresh or self._prices is None or self._prices[0] < monotonic():
            found = await self._ask("wallet/getchainparameters", reading.prices)
            self._prices = monotonic() + PRICES_KEPT_SECONDS, found
        return self._prices[1]

    async def transfer_energy(self, sender: str, to: str, amount: int) -> int:
        asked = _constant_call(sender, "transfer(address,uint256)", f"{_word(to)}{amount:064x}")
        return await self._ask("wallet/triggerconstantcontract", reading.energy_used, **asked)

    async def broadcast(self, raw: str) -> None:
        """Asked once: whoever repeats it looks first for what became of it."""
        await self._outside.call(
            "broadcasthex", "POST", "wallet/broadcasthex", json={"transaction": raw}, read=reading.taken
        )

    async def _ask(self, path: str, read: Callable[[Answer], T], **asked: Any) -> T:
        """A question, which changes nothing."""
        operation, heard = path.rpartition("/")[2], partial(reading.without_error, read=read)
        return await self._outside.call(operation, "POST", path, json=asked, read=heard, safe=True)

    async def _page(self, address: str, since: datetime, mark: str) -> tuple[list[str], str]:
        """One page of the node's index, the oldest first."""
        asked: dict[str, str | int] = {
            "only_confirmed": "true",
            "only_to": "true",
            "contract_address": settings().tron_contract,
            "limit": PAGE,
            "order_by": "block_timestamp,asc",
            "min_timestamp": int(since.timestamp() * 1000),
        }
        path = f"v1/accounts/{address}/transactions/trc20"
        return await self._outside.call(
            "trc20",
            "GET",
            path,
            params=asked | ({"fingerprint": mark} if mark else {}),
            read=reading.page_of_ids,
            safe=True,
            also=(404,),
        )


def _side(solid: bool) -> str:
    return "walletsolidity" if solid else "wallet"


def _visible(address: str) -> dict[str, Any]:
    return {"address": address, "visible": True}


def _word(address: str) -> str:
    """An address as a contract is given it."""
    return body_of(address).hex().rjust(64, "0")


def _constant_call(owner: str, function: str, parameter: str) -> dict[str, Any]:
    """A call of the token's contract that is played and never sent."""
    return {
        "owner_address": owner,
        "contract_address": settings().tron_contract,
        "function_selector": function,
        "parameter": parameter,
        "visible": True,
    }
