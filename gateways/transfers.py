"""A bank that executes payment orders: what is paid out to an account, in Russia or elsewhere, is sent from ours."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic.alias_generators import to_camel

from gateways.orders import Order
from gateways.outside import Outside
from gateways.paying import HttpPayer, Words, amount_of, connected
from settings import settings

SYSTEM = "transfers"
KINDS = frozenset({"russian_bank_account", "international_bank_account"})


def connection() -> Outside:
    """The client of the configured bank; whoever opens it closes it."""
    return connected(SYSTEM, settings().transfers_system, settings().transfers_token)


class HttpTransfers(HttpPayer):
    words: ClassVar[Words] = Words(
        system=SYSTEM,
        sending="order",
        folder="orders",
        kinds=KINDS,
        done="executed",
        waiting="accepted",
        refused="rejected",
        why="rejection",
    )

    def _worded(self, order: Order) -> dict[str, Any]:
        account = {to_camel(name): value for name, value in order.destination.items() if value}
        return {
            "orderId": order.key,
            **amount_of(order),
            "beneficiary": {**account, "type": order.kind},
            "purpose": order.note,
        }
