"""What can be done with payouts, one file for each life: making, ending, delivering, scheduling.

Whoever works on a payout locks its shop, then the payout, then its delivery, then its plan, then accounts.
"""

from models.payouts.operations.delivering import (
    Begun,
    Claimed,
    absent,
    begin,
    claim_queued,
    claim_unknown,
    delivered,
    give_back,
    recheck_delivery,
    refused,
    resolve_delivery,
    unsure,
)
from models.payouts.operations.ending import cancel, confirm
from models.payouts.operations.making import Asked, Slot, make
from models.payouts.operations.scheduling import Due, Planned, claim_due, conclude, put_off, set_schedule

__all__ = [
    "Asked", "Begun", "Claimed", "Due", "Planned", "Slot", "absent", "begin", "cancel", "claim_due", "claim_queued",
    "claim_unknown", "conclude", "confirm", "delivered", "give_back", "make", "put_off", "recheck_delivery",
    "refused", "resolve_delivery", "set_schedule", "unsure",
]  # fmt: skip
