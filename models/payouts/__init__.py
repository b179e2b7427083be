"""Payouts: a merchant's money leaves the system, exactly once, with every fee explained.

Creating one computes its cash flow from the shop's terms and holds it: a plan, `payout_<id>`. Confirming commits the plan;
cancelling rolls it back, or, where it was confirmed and is not on its way, reverts it by a mirrored plan. A confirmed payout to a
wallet, or to a bank where one is connected, has a delivery: a worker tells the outside system, under one key for ever, and asks
what became of it where no answer came. Only a definite no makes the payout fail, and gives the money back.

    payout     UNPAID -> CONFIRMED -> CANCELLED | FAILED         UNPAID -> CANCELLED
    delivery   QUEUED -> SENDING -> DELIVERED | REFUSED | UNKNOWN        QUEUED -> WITHDRAWN
               UNKNOWN -> SENDING | DELIVERED | REFUSED
    schedule   ENABLED <-> DISABLED

`sequence` counts the statuses of a payout from 0; the export `pm-events-payout` tells each of them. A delivery is a child of its
payout: what happens to it are events of the payout.
"""
