"""People: who deals with whom, under which names other systems know them, and what stands on their balances.

A person is born ACTIVE by the first word of him from another system and stays so. His money is on one ledger account
per currency, `person:<number>:available`, which cannot go below zero. A correction is a transfer seen from his side.

    [*] --> ACTIVE
"""
