"""What a dispute makes billing book, and what it came to. Pure. [spec/disputes §3.6, §3.7]

Nothing moves in the ledger here: the payment is billing's, and so are its postings. What we order of billing are adjustments of
the payment: first one of its cash flow, where the payer paid another amount, then one that makes it captured.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum

from models.kernel.money import Money


class Order(StrEnum):
    """What can be ordered of billing."""

    CASH_FLOW = "cash_flow"
    CAPTURED = "captured"


class Standing(StrEnum):
    """What a payment's status in billing means for whoever disputes it."""

    CAPTURED = "captured"
    UNSETTLED = "unsettled"
    """It may still end either way."""
    UNPAID = "unpaid"
    """It has ended, and nothing was paid."""
    RESTRICTED = "restricted"
    """It went another way, which no dispute can change."""


def standing(status: str) -> Standing:
    """Of billing's own word. `processed` is on its way like `pending`: what is no end fails nothing."""
    match status:
        case "captured":
            return Standing.CAPTURED
        case "pending" | "processed":
            return Standing.UNSETTLED
        case "failed" | "cancelled":
            return Standing.UNPAID
    return Standing.RESTRICTED


def reason(adjustment_id: object) -> str:
    """By which an adjustment of ours is found again in billing, for ever."""
    return f"providerCallbackId={adjustment_id}"


def key(adjustment_id: object, order: Order) -> str:
    return f"{adjustment_id}:{order}"


def next_order(amount: Money, changed: Money | None, made: Collection[Order]) -> Order | None:
    """What is to be ordered now, of what billing has of ours already; one at a time. None: all is made."""
    if changed is not None and changed != amount and Order.CASH_FLOW not in made:
        return Order.CASH_FLOW
    return None if Order.CAPTURED in made else Order.CAPTURED


def contradicted(changed: Money | None, made: Mapping[Order, Money | None]) -> bool:
    """Whether billing has another amount of ours than is to be there now: a job that began again was told another one before."""
    ordered = made.get(Order.CASH_FLOW)
    return ordered is not None and ordered != changed


def changed(amount: Money, *said: Money | None) -> Money | None:
    """The first amount that was said and that differs; None where it stayed the same."""
    return next((one for one in said if one is not None and one != amount), None)
