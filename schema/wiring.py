"""The nouns that a schema is made of. A new noun adds one line to each list."""

from __future__ import annotations

from schema import ledger, people, work

TYPES = (people.Person, ledger.LedgerAccount, ledger.LedgerPlan, work.JobRun)
"""Types that a client can reach only through an interface."""
