"""What the inbox refuses beside the shared refusals."""

from models.kernel.refusals import IdempotencyKeyConflict

EVENT_ID_CONFLICT = IdempotencyKeyConflict.finer(
    "EVENT_ID_CONFLICT", "An event with this id came before on this topic, and said something else."
)
