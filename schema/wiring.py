"""The nouns that a schema is made of. A new noun adds one line to each list."""

from __future__ import annotations

from collections.abc import Mapping

from schema import ledger, people, work
from schema.events import Event

EVENTS: Mapping[str, type[Event]] = {
    "person": people.PersonEvent,
    "balance": people.BalanceEvent,
    "job_run": work.JobRunEvent,
    "dead_letter": work.DeadLetterEvent,
}
"""What a client sees of the events of each noun."""

TYPES = (people.Person, ledger.LedgerAccount, ledger.LedgerPlan, work.JobRun, *EVENTS.values())
"""Types that a client can reach only through an interface."""
