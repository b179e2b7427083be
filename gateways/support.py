"""The support desk: people who take disputes to providers that have no door for them, and who are told how all of them stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from gateways.disputing import Created, DisputeOrder, Support
from gateways.outside import Outside
from gateways.paying import connected
from gateways.providers import ODD, created, worded
from settings import settings

SYSTEM = "support"


def connection() -> Outside:
    """The client of the configured desk; whoever opens it closes it."""
    return connected(SYSTEM, settings().support_system, settings().support_token)


class HttpSupport(Support):
    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    async def open(self, order: DisputeOrder) -> Created:
        """As a provider's adapter is told it, but for the provider's options: they hold secrets."""
        told = worded(replace(order, transaction=replace(order.transaction, options={})))
        read = partial(created, order=order)
        return await self._outside.call(
            "open", "POST", "disputes", json=told, key=order.dispute_id, read=read, also=(ODD,)
        )

    async def tell(self, key: str, card: Mapping[str, Any]) -> None:
        await self._outside.call("tell", "POST", "messages", json=dict(card), key=key, read=lambda _answer: None)
