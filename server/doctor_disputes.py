"""What is wrong with the systems around disputes."""

from __future__ import annotations

from gateways import billing, support
from gateways.receipts import Refused, Unsure
from gateways.wiring import check_disputes, check_sender
from server.diagnosis import Diagnosis
from settings import settings

NO_PAYMENT = "saldo-doctor"
"""The id of no invoice, and of no payment."""
START = "A process does not start so: set it rightly."


async def disputes() -> list[Diagnosis]:
    """By the settings of this process."""
    return [await _billing(), _support()]


async def _billing() -> Diagnosis:
    """It is asked for what never was: a question changes nothing there."""
    if not settings().billing_system:
        return Diagnosis("billing", "not connected: SALDO_BILLING_URL is not set, and nothing can be disputed")
    try:
        check_disputes()
    except ValueError as wrong:
        return Diagnosis("billing", str(wrong), START)
    async with billing.connection() as outside:
        try:
            await billing.HttpBilling(outside).payment(NO_PAYMENT, NO_PAYMENT)
        except Refused:
            pass
        except Unsure as no:
            ours = "Are SALDO_BILLING_URL and SALDO_BILLING_TOKEN right?"
            return Diagnosis(
                "billing", f"no answer: {no}", ours if settings().billing_url else "Does `saldo sandbox` run?"
            )
    return Diagnosis("billing", "answers")


def _support() -> Diagnosis:
    """It is not asked: whatever is said to it has an effect."""
    if not settings().support_system:
        return Diagnosis("support", "no desk: SALDO_SUPPORT_URL is not set, or SALDO_SUPPORT_ENABLED is false")
    if not settings().support_token.get_secret_value():
        return Diagnosis("support", "connected; no token here, which is right for the API; a worker needs it")
    try:
        check_sender(support.SYSTEM)
    except ValueError as wrong:
        return Diagnosis("support", str(wrong), "A worker does not start so: set it rightly.")
    return Diagnosis("support", "connected")
