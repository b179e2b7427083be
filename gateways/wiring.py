"""The gateways of a process: made of the settings when it starts, closed when it ends.

A system without its settings is absent: there is no node to ask, and nothing is issued for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType

from gateways import bank
from gateways.orders import Payer
from gateways.tron.words import Keys, Node
from gateways.webhooks import Verify
from settings import settings

Issuer = Callable[[int], dict[str, str]]
"""Payment instructions of a number. Pure: it asks nobody."""
WEBHOOKS: Mapping[str, Verify] = MappingProxyType({bank.SYSTEM: bank.verify})
"""What checks the pushes of a system, by its name."""


@dataclass(frozen=True, slots=True)
class Gateways:
    """What a worker may ask of the outside."""

    node: Node | None = None
    keys: Keys | None = None
    wallets: Payer | None = None
    transfers: Payer | None = None

    def payer(self, kind: str) -> Payer | None:
        return self.wallets if kind == "wallet" else self.transfers


@asynccontextmanager
async def worker_gateways() -> AsyncIterator[Gateways]:
    """What a worker needs: the node, and the keys where they are set. ValueError names a setting that is wrong."""
    check_worker()
    if not settings().tron_node:
        yield Gateways()
        return
    from gateways.tron.node import HttpNode, connection  # noqa: PLC0415

    async with connection() as outside:
        yield Gateways(HttpNode(outside), _keys())


def check_api() -> None:
    """ValueError says which setting of what the API offers is missing or wrong."""
    if settings().tron_node:
        from gateways.tron.account import check_addresses  # noqa: PLC0415

        check_addresses()
        for name in ("tron_private_key", "tron_main_key"):
            if _has(name) and not settings().development:
                raise ValueError(f"SALDO_{name.upper()} is the worker's alone: take it from the API")
    if settings().bank_account and not settings().bank_beneficiary:
        raise ValueError("SALDO_BANK_ACCOUNT needs SALDO_BANK_BENEFICIARY")


def check_worker() -> None:
    """ValueError says which setting of what a worker does is missing or wrong."""
    if not settings().tron_node:
        return
    if not _has("tron_private_key") and not settings().development:
        raise ValueError("SALDO_TRON_URL needs SALDO_TRON_PRIVATE_KEY in the worker")
    if settings().tron_energy == "burn" and not _has("tron_main_key") and not settings().development:
        raise ValueError("SALDO_TRON_ENERGY=burn needs SALDO_TRON_MAIN_KEY in the worker")
    from gateways.tron.account import check_addresses  # noqa: PLC0415

    check_addresses()
    _keys()


def _keys() -> Keys | None:
    if not _has("tron_private_key"):
        return None
    from gateways.tron.keys import HotKeys  # noqa: PLC0415

    return HotKeys()


def _has(name: str) -> bool:
    return bool(getattr(settings(), name).get_secret_value())


def issuers() -> Mapping[str, Issuer]:
    """By the adapter's name: `tron` of the index of a deposit address, `bank_transfer` of a payment's number."""
    shared = settings()
    found: dict[str, Issuer] = {}
    if shared.tron_node:
        found["tron"] = _issue_address
    if shared.bank_account and shared.bank_secret.get_secret_value():
        found["bank_transfer"] = _issue_reference
    return MappingProxyType(found)


def _issue_address(index: int) -> dict[str, str]:
    from gateways.tron.account import deposit_address  # noqa: PLC0415  a second to load, and not everybody offers Tron

    return {"network": "tron", "address": deposit_address(index), "contract": settings().tron_contract}


def _issue_reference(number: int) -> dict[str, str]:
    return {
        "reference": bank.reference(number),
        "account": settings().bank_account,
        "beneficiary": settings().bank_beneficiary,
    }
