"""What can be done with payments, one file for each life: offering gateways, asking and ending, checking, sweeping, scanning
the chain, and what a bank tells.

Whoever works on a payment locks the payment, then its wallet, then its sweep, then accounts.
"""

from models.payments.operations.arrivals import Arrived
from models.payments.operations.banking import TransferReceived, match, received
from models.payments.operations.checking import (
    Claimed,
    claim_due,
    credit,
    defer,
    give_back,
    note_failure,
    note_step,
    release_checked,
    settle,
)
from models.payments.operations.ending import expire, fail, recheck
from models.payments.operations.gateways import Terms, upsert_gateway
from models.payments.operations.making import Asked, Issuer, make, skip_addresses
from models.payments.operations.scanning import see, take_blocks, wake
from models.payments.operations.sweeping import (
    Done,
    broadcasted,
    confirm,
    expire_attempt,
    fail_attempt,
    plan,
    sign,
    transfered,
)

__all__ = [
    "Arrived", "Asked", "Claimed", "Done", "Issuer", "Terms", "TransferReceived", "broadcasted", "claim_due", "confirm", "credit",
    "defer", "expire", "expire_attempt", "fail", "fail_attempt", "give_back", "make", "match", "note_failure", "note_step", "plan",
    "received", "recheck", "release_checked", "see", "settle", "sign", "skip_addresses", "take_blocks", "transfered",
    "upsert_gateway", "wake",
]  # fmt: skip
