"""Parties: merchants, their shops, what their contracts say, and where their money is to go.

A party has shops and contracts. A shop has three accounts, opened with it: settlement (what the merchant has earned; never below
zero), guarantee, and payout (what is on its way out). Its contract names a payment institution, whose system accounts take the
fees, a set of terms, and payout tools; adjustments change the terms for a time. Terms say how an amount is split into postings: a
cash flow, computed exactly, from the state as of its time.

    party, shop            ACTIVE <-> BLOCKED (and suspended, or not)
    contract               ACTIVE -> TERMINATED
    payout tool, payment institution, term set    ACTIVE

Every change of what a shop's payouts rest on raises its `revision`, under the shop's lock; every change of terms and institutions
raises that of the domain. Whoever computed with another revision computes again.
"""
