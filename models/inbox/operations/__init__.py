"""What is done with messages and dead letters."""

from models.inbox.operations.draining import Claimed, claim_messages, note_failure, process, set_aside
from models.inbox.operations.forgetting import forget_old
from models.inbox.operations.letters import bury, discard, redrive
from models.inbox.operations.receiving import ingest

__all__ = [
    "Claimed",
    "bury",
    "claim_messages",
    "discard",
    "forget_old",
    "ingest",
    "note_failure",
    "process",
    "redrive",
    "set_aside",
]
