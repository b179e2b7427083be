"""A wallet system or a bank, in memory: what it was asked, what it has done, and how it answers next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from gateways.orders import Order, Receipt
from gateways.receipts import Refused, Unsure
from gateways.wiring import Gateways
from jobs.running import Tools
from models.kernel.viewer import Viewer

OK, REFUSE, LOSE, DROP = "ok", "refuse", "lose", "drop"
"""Done and said so; a definite no; done and no answer; not done and no answer."""


@dataclass
class Paying:
    """Answers `send` by what is left of `sends`, `find` by what is left of `finds`, then well."""

    sends: list[str] = field(default_factory=list)
    finds: list[str] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    done: dict[str, Order] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    before: Callable[[str, str], Awaitable[None]] | None = None

    async def send(self, order: Order) -> Receipt:
        await self._heard("send", order.key)
        how = self.sends.pop(0) if self.sends else OK
        if how == REFUSE:
            self.refused.add(order.key)
            raise Refused("paying", "send", "wallet_not_found")
        if how == DROP:
            raise Unsure("paying", "send", "timeout")
        self.done.setdefault(order.key, order)
        if how == LOSE:
            raise Unsure("paying", "send", "timeout")
        return Receipt(f"ref-{order.key}")

    async def find(self, order_key: str) -> Receipt | None:
        await self._heard("find", order_key)
        how = self.finds.pop(0) if self.finds else OK
        if how != OK:
            raise Unsure("paying", "find", "timeout")
        if order_key in self.refused:
            raise Refused("paying", "find", "wallet_not_found")
        return Receipt(f"ref-{order_key}") if order_key in self.done else None

    async def _heard(self, what: str, key: str) -> None:
        self.asked.append((what, key))
        if self.before is not None:
            await self.before(what, key)


def tools(paying: Paying) -> Tools:
    """What a worker uses whose wallets and bank are this one."""
    return Tools(Viewer.system("test"), outside=Gateways(wallets=paying, transfers=paying))
