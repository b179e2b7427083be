from enum import StrEnum

from models.kernel.lifecycle import Lifecycle, Move
from models.kernel.viewer import OPERATOR, SYSTEM


class InboxMessageStatus(StrEnum):
    RECEIVED = "received"
    WAITING = "waiting"
    PROCESSED = "processed"
    IGNORED = "ignored"
    DEAD = "dead"
    DISCARDED = "discarded"


S = InboxMessageStatus
MESSAGES = Lifecycle(
    "inbox_message",
    start=S.RECEIVED,
    moves={
        "process": Move({S.RECEIVED, S.WAITING}, S.PROCESSED, who={SYSTEM}),
        "ignore": Move({S.RECEIVED, S.WAITING}, S.IGNORED, who={SYSTEM}),
        "wait": Move({S.RECEIVED}, S.WAITING, who={SYSTEM}),
        "die": Move({S.RECEIVED, S.WAITING}, S.DEAD, who={SYSTEM}),
        "redrive": Move({S.DEAD}, S.RECEIVED, who={OPERATOR}),
        "discard": Move({S.DEAD}, S.DISCARDED, who={OPERATOR}),
    },
)


class DeadLetterStatus(StrEnum):
    DEAD = "dead"
    REDRIVEN = "redriven"
    DISCARDED = "discarded"


L = DeadLetterStatus
LETTERS = Lifecycle(
    "dead_letter",
    start=L.DEAD,
    moves={
        "redrive": Move({L.DEAD}, L.REDRIVEN, who={OPERATOR}),
        "discard": Move({L.DEAD}, L.DISCARDED, who={OPERATOR}),
        "die": Move({L.REDRIVEN}, L.DEAD, who={SYSTEM}),
    },
)
