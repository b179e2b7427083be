"""What is wrong with the systems to which payouts are sent."""

from __future__ import annotations

from gateways import transfers, wallets
from gateways.outside import Outside
from gateways.paying import HttpPayer
from gateways.receipts import Refused, Unsure
from gateways.wiring import check_sender
from server.diagnosis import Diagnosis
from settings import settings

NO_PAYOUT = "saldo-doctor"
"""The key of no order: those of payouts begin with another word."""


async def payouts() -> list[Diagnosis]:
    """By the settings of this process: a worker's have the tokens, and the API's have not."""
    return [await _wallets(), await _transfers()]


async def _wallets() -> Diagnosis:
    if not settings().wallets_system:
        return Diagnosis("wallets", "not connected: SALDO_WALLETS_URL is not set, and payouts to wallets wait")
    if found := _here(wallets.SYSTEM):
        return found
    async with wallets.connection() as outside:
        return await _asked(outside, wallets.HttpWallets(outside), sandbox=not settings().wallets_url)


async def _transfers() -> Diagnosis:
    if not settings().transfers_system:
        return Diagnosis("transfers", "by hand: SALDO_TRANSFERS_URL is not set, or SALDO_TRANSFERS_ENABLED is false")
    if found := _here(transfers.SYSTEM):
        return found
    async with transfers.connection() as outside:
        return await _asked(outside, transfers.HttpTransfers(outside), sandbox=not settings().transfers_url)


def _here(system: str) -> Diagnosis | None:
    """What keeps this process from asking it."""
    if not getattr(settings(), f"{system}_token").get_secret_value():
        return Diagnosis(system, "connected; no token here, which is right for the API; a worker needs it")
    try:
        check_sender(system)
    except ValueError as wrong:
        return Diagnosis(system, str(wrong), "A worker does not start so: set it rightly.")
    return None


async def _asked(outside: Outside, payer: HttpPayer, *, sandbox: bool) -> Diagnosis:
    """It is asked for what never was: a question changes nothing there."""
    system = outside.system
    try:
        await payer.find(NO_PAYOUT)
    except (Refused, Unsure) as no:
        needed = f"SALDO_{system.upper()}_URL and SALDO_{system.upper()}_TOKEN"
        return Diagnosis(system, f"no answer: {no}", "Does `saldo sandbox` run?" if sandbox else f"Are {needed} right?")
    return Diagnosis(system, "answers")
