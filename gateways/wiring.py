"""The gateways of a process: made of the settings when it starts, closed when it ends.

A system without its settings is absent: there is no node to ask, and nothing is issued for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType

from yarl import URL

from gateways import bank, billing, providers, receivers, support, transfers, wallets
from gateways.billing import HttpBilling
from gateways.disputing import Billing, Providers, Receivers, Storage, Support
from gateways.orders import Payer
from gateways.providers import HttpProviders
from gateways.receivers import HttpReceivers
from gateways.storage import storage
from gateways.support import HttpSupport
from gateways.transfers import HttpTransfers
from gateways.tron.words import Keys, Node
from gateways.wallets import HttpWallets
from gateways.webhooks import Verify
from settings import settings

Issuer = Callable[[int], dict[str, str]]
"""Payment instructions of a number. Pure: it asks nobody."""
WEBHOOKS: Mapping[str, Verify] = MappingProxyType({bank.SYSTEM: bank.verify, providers.SYSTEM: providers.verify})
"""What checks the pushes of a system, by its name."""
SIGNS = ("tron_private_key", "tron_main_key")
SENDS = ("wallets_token", "transfers_token", "support_token")
ASKED = (wallets.SYSTEM, transfers.SYSTEM, support.SYSTEM)
"""Systems that the worker alone asks, at an address of their own."""


@dataclass(frozen=True, slots=True)
class Gateways:
    """What a worker may ask of the outside."""

    node: Node | None = None
    keys: Keys | None = None
    wallets: Payer | None = None
    transfers: Payer | None = None
    storage: Storage | None = None
    billing: Billing | None = None
    providers: Providers | None = None
    receivers: Receivers | None = None
    support: Support | None = None

    def payer(self, kind: str) -> Payer | None:
        """Who sends money to payout tools of this kind; None: nobody does, or it is done by hand."""
        if kind in wallets.KINDS:
            return self.wallets
        return self.transfers if kind in transfers.KINDS else None


@dataclass(frozen=True, slots=True)
class ApiGateways:
    """What the API may ask of the outside before it answers."""

    storage: Storage | None = None
    billing: Billing | None = None
    providers: Providers | None = None
    receivers: Receivers | None = None


@asynccontextmanager
async def api_gateways() -> AsyncIterator[ApiGateways]:
    """What the API needs. ValueError names a setting that is wrong."""
    check_api()
    async with AsyncExitStack() as stack:
        yield ApiGateways(storage(), *await _of_disputes(stack))


@asynccontextmanager
async def worker_gateways() -> AsyncIterator[Gateways]:
    """What a worker needs: the node, the keys where they are set, and who sends money away. ValueError names a setting
    that is wrong."""
    check_worker()
    async with AsyncExitStack() as stack:
        made = Gateways(
            await _node(stack),
            _keys() if settings().tron_node else None,
            HttpWallets(await stack.enter_async_context(wallets.connection())) if _url(wallets.SYSTEM) else None,
            HttpTransfers(await stack.enter_async_context(transfers.connection())) if _url(transfers.SYSTEM) else None,
            storage(),
            *await _of_disputes(stack),
            support=HttpSupport(await stack.enter_async_context(support.connection()))
            if _url(support.SYSTEM)
            else None,
        )
        yield made


async def _of_disputes(stack: AsyncExitStack) -> tuple[Billing | None, Providers | None, Receivers | None]:
    """Billing, the adapters of providers, and merchants' servers: without billing no payment is disputed."""
    if not settings().billing_system:
        return None, None, None
    return (
        HttpBilling(await stack.enter_async_context(billing.connection())),
        HttpProviders(await stack.enter_async_context(providers.connection())),
        HttpReceivers(await stack.enter_async_context(receivers.connection())),
    )


async def _node(stack: AsyncExitStack) -> Node | None:
    if not settings().tron_node:
        return None
    from gateways.tron.node import HttpNode, connection  # noqa: PLC0415

    return HttpNode(await stack.enter_async_context(connection()))


def check_api() -> None:
    """ValueError says which setting of what the API offers is missing or wrong."""
    if settings().tron_node:
        from gateways.tron.account import check_addresses  # noqa: PLC0415

        check_addresses()
        _leave_to_the_worker(*SIGNS)
    if settings().bank_account and not settings().bank_beneficiary:
        raise ValueError("SALDO_BANK_ACCOUNT needs SALDO_BANK_BENEFICIARY")
    _leave_to_the_worker(*SENDS)
    check_disputes()


def _leave_to_the_worker(*names: str) -> None:
    for name in names:
        if _has(name) and not settings().development:
            raise ValueError(f"SALDO_{name.upper()} is the worker's alone: take it from the API")


def check_worker() -> None:
    """ValueError says which setting of what a worker does is missing or wrong."""
    _check_tron()
    for system in ASKED:
        if _url(system) and not _has(f"{system}_token") and not settings().development:
            raise ValueError(f"SALDO_{system.upper()}_URL needs SALDO_{system.upper()}_TOKEN in the worker")
        check_sender(system)
    check_disputes()


def check_sender(system: str) -> None:
    """Of a system that is asked: ValueError says what nothing could be asked with. A header takes visible
    ASCII alone, and an error that comes later would show the token."""
    try:
        reached = not _url(system) or bool(URL(_url(system)).host)
    except ValueError:
        reached = False
    if not reached:
        raise ValueError(f"SALDO_{system.upper()}_URL is no address")
    _check_sign(f"{system}_token")


def _check_sign(name: str) -> None:
    if not all("!" <= sign <= "~" for sign in getattr(settings(), name).get_secret_value()):
        raise ValueError(f"SALDO_{name.upper()} must be of visible ASCII characters, without blanks")


def check_disputes() -> None:
    """Of billing and of providers' adapters, which both processes ask: ValueError says what nothing could be asked with. The
    adapters have no address of their own in the settings: billing knows them."""
    if not settings().billing_system:
        return
    for name in ("billing_token", "providers_token"):
        if not _has(name) and not settings().development:
            raise ValueError(f"SALDO_BILLING_URL needs SALDO_{name.upper()}")
        _check_sign(name)
    check_sender(billing.SYSTEM)


def _url(system: str) -> str:
    return str(getattr(settings(), f"{system}_system"))


def _check_tron() -> None:
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
