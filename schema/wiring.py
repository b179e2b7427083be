"""The nouns that a schema is made of. A new noun adds one line to each list."""

from __future__ import annotations

from schema import inbox, ledger, people, work

TYPES = (people.Person, ledger.LedgerAccount, ledger.LedgerPlan, work.JobRun, inbox.InboxMessage, inbox.DeadLetter)
"""Types that a client can reach only through an interface."""
