"""The nouns that a schema is made of. A new noun adds one line to each list."""

from __future__ import annotations

from collections.abc import Mapping

from schema import deals, gateways, inbox, ledger, payments, people, sweeps, work
from schema.events import Event

EVENTS: Mapping[str, type[Event]] = {
    "person": people.PersonEvent,
    "balance": people.BalanceEvent,
    "deal": deals.DealEvent,
    "payment": payments.PaymentEvent,
    "payment_gateway": gateways.PaymentGatewayEvent,
    "wallet": sweeps.WalletEvent,
    "sweep": sweeps.SweepEvent,
    "job_run": work.JobRunEvent,
    "inbox_message": inbox.InboxMessageEvent,
    "dead_letter": inbox.DeadLetterEvent,
}
"""What a client sees of the events of each noun."""

TYPES = (
    people.Person, ledger.LedgerAccount, ledger.LedgerPlan, work.JobRun, inbox.InboxMessage, inbox.DeadLetter, deals.Deal,
    payments.Payment, gateways.PaymentGateway, sweeps.Wallet, sweeps.Sweep,
    *EVENTS.values(),
)  # fmt: skip
"""Types that a client can reach only through an interface."""
