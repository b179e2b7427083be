"""The nouns that a schema is made of. A new noun adds one line to each list."""

from __future__ import annotations

from collections.abc import Mapping

from schema import (
    adjustments,
    contracts,
    deals,
    disputes,
    gateways,
    inbox,
    ledger,
    parties,
    payments,
    payouts,
    people,
    schedules,
    sweeps,
    terms,
    work,
)
from schema.events import Event

EVENTS: Mapping[str, type[Event]] = {
    "person": people.PersonEvent,
    "balance": people.BalanceEvent,
    "deal": deals.DealEvent,
    "payment": payments.PaymentEvent,
    "payment_gateway": gateways.PaymentGatewayEvent,
    "wallet": sweeps.WalletEvent,
    "sweep": sweeps.SweepEvent,
    "party": parties.PartyEvent,
    "shop": parties.ShopEvent,
    "contract": contracts.ContractEvent,
    "payout_tool": contracts.PayoutToolEvent,
    "payment_institution": terms.PaymentInstitutionEvent,
    "term_set": terms.TermSetEvent,
    "payout": payouts.PayoutEvent,
    "payout_schedule": schedules.PayoutScheduleEvent,
    "dispute": disputes.DisputeEvent,
    "adjustment": adjustments.AdjustmentEvent,
    "payment_callback": adjustments.PaymentCallbackEvent,
    "job_run": work.JobRunEvent,
    "inbox_message": inbox.InboxMessageEvent,
    "dead_letter": inbox.DeadLetterEvent,
}
"""What a client sees of the events of each noun."""

TYPES = (
    people.Person, ledger.LedgerAccount, ledger.LedgerPlan, work.JobRun, inbox.InboxMessage, inbox.DeadLetter, deals.Deal,
    payments.Payment, gateways.PaymentGateway, sweeps.Wallet, sweeps.Sweep,
    parties.Party, parties.Shop, contracts.Contract, contracts.PayoutTool, terms.PaymentInstitution, terms.TermSet,
    payouts.Payout, schedules.PayoutSchedule, disputes.Dispute, adjustments.Adjustment, adjustments.PaymentCallback,
    *EVENTS.values(),
)  # fmt: skip
"""Types that a client can reach only through an interface."""
