"""A bank that executes our payment orders, to accounts in Russia and elsewhere."""
