"""The business: what Saldo knows and does, without HTTP, GraphQL or arq. Every write goes through models/unit.py."""
