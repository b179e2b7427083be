"""A wallet system: what is paid out to a merchant's wallet is deposited there, from a source that the system chooses."""

from __future__ import annotations

from typing import Any, ClassVar

from gateways.orders import Order
from gateways.outside import Outside
from gateways.paying import HttpPayer, Words, amount_of, connected
from settings import settings

SYSTEM = "wallets"
KINDS = frozenset({"wallet"})


def connection() -> Outside:
    """The client of the configured wallet system; whoever opens it closes it."""
    return connected(SYSTEM, settings().wallets_system, settings().wallets_token)


class HttpWallets(HttpPayer):
    words: ClassVar[Words] = Words(
        system=SYSTEM,
        sending="deposit",
        folder="deposits",
        kinds=KINDS,
        done="succeeded",
        waiting="pending",
        refused="failed",
        why="failure",
    )

    def _worded(self, order: Order) -> dict[str, Any]:
        return {
            "depositId": order.key,
            "walletId": order.destination["wallet_id"],
            **amount_of(order),
            "description": order.note,
        }
