"""The double-entry ledger through which every noun moves money, and nothing else does.

A transfer takes from one account and gives to another, so an unbalanced posting cannot be said. A plan moves in two
phases: hold, then commit or rollback of all that was held. Each operation is one call of a SQL function
(models/migrations/sql), which judges the whole, then writes the whole, or answers a refusal and has written nothing.
"""
