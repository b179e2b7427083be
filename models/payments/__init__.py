"""Payments: deposits from the outside world onto people's balances, and what becomes of the coins.

A person asks to pay in; the payment tells him where: an address of its own on a chain, or a reference for the bank. What
arrives is credited, whatever was asked for: less, more, late, in several parts. Coins on a payment's wallet are swept to the
main wallet, and a payment has succeeded when all of it came and nothing worth sweeping is left on its wallet.

    payment   WAITING -> SUCCESS | ERROR
    wallet    WAITING -> RECEIVED -> TRANSFERED -> RECEIVED …
    sweep     PLANNED -> SIGNED -> BROADCAST -> CONFIRMED | FAILED | EXPIRED
    gateway   ENABLED <-> DISABLED

A deposit is named by its network, transaction and log, for ever: it is credited once. A sweep is signed, kept, and only then
sent; it is the same bytes each time, and there is no other until it can be proved that it will never be on the chain.
"""
