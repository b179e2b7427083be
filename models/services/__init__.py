"""Services' own use of the ledger: accounts that a service owns, and plans over them alone.

Any account that a service does not own is to it an account that does not exist. Its plans are named by itself and
never meet those of others. Status lives in the ledger's plan:

    [*] --> HOLD, HOLD --> COMMIT, HOLD --> ROLLBACK
"""
