"""Tron: deposits of USDT on addresses of our own, and sweeps of them to the main wallet.

Amounts are in base units: USDT's millionths, and sun, of which a TRX has a million. Only what is solid counts: a block that
is solid never changes again.
"""
