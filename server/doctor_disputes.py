"""What is wrong with the systems around disputes."""

from __future__ import annotations

from gateways import billing, providers, support
from gateways.receipts import Refused, Unsure
from gateways.wiring import check_disputes, check_sender
from models.disputes import reads
from models.disputes.lifecycle import Route
from server.diagnosis import Diagnosis
from settings import settings

NO_PAYMENT = "saldo-doctor"
"""The id of no invoice, and of no payment."""
START = "A process does not start so: set it rightly."
TERMINALS_MAX = 20
ATTENTION = (
    "`disputes(filter: {needsAttention: true}) { edges { node { status technicalError lastError } } }` says why."
)


async def disputes(*, database: bool) -> list[Diagnosis]:
    """By the settings of this process. `database`: it is there."""
    found = [answers := await _billing(), _support()]
    if not database:
        return found
    adapters = await _adapters() if settings().billing_system and not answers.advice else []
    return [*found, *adapters, await _attention()]


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


async def _adapters() -> list[Diagnosis]:
    """Of those providers on whom open disputes wait; each is asked plainly whether it has a door."""
    terminals = await reads.terminals_in_use(TERMINALS_MAX)
    async with billing.connection() as of_billing, providers.connection() as of_providers:
        asked = billing.HttpBilling(of_billing), providers.HttpProviders(of_providers)
        return [await _adapter(*asked, terminal) for terminal in terminals]


async def _adapter(billed: billing.HttpBilling, adapters: providers.HttpProviders, terminal: int) -> Diagnosis:
    what = f"adapter of terminal {terminal}"
    try:
        found = await billed.terminal(terminal)
        route = Route.of(found.url, found.options, settings().dispute_polling_minutes)
        missing = route.has_api and await adapters.missing(route.disputes_url)
    except (Refused, Unsure) as no:
        return Diagnosis(what, f"no answer: {no}", "Is its address in billing right, and does it run there?")
    if missing:
        advice = "Take DISPUTE_FLOW_PROVIDERS_API_EXIST from its options, or give it the door."
        return Diagnosis(what, "has no door for disputes, and billing says that it has one", advice)
    return Diagnosis(what, "answers" if route.has_api else "takes no disputes: people do")


async def _attention() -> Diagnosis:
    calling = (await reads.backlog()).attention
    return Diagnosis("disputes", f"{calling} need attention", ATTENTION if calling else "")
