"""What other systems push to us, once its signature was found good."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """Of one system: the same `event_id` is the same message. `payload` is JSON, in the sender's words."""

    system: str
    event_id: str
    kind: str
    payload: dict[str, Any]


class Unreadable(Exception):
    """It comes from the system, and cannot be understood: keep it for a human, and do not ask for it again.

    `event_id` is the sender's where that much could be read, else made of the body: the same body has the same."""

    def __init__(self, system: str, event_id: str, reason: str) -> None:
        self.system, self.event_id, self.reason = system, event_id, reason
        super().__init__(f"{system} sent what cannot be read: {reason}")


Verify = Callable[[Mapping[str, str], bytes, datetime], Message]
"""Of headers, the raw body and this moment. Raises `Forged` before it reads the body, or `Unreadable`."""
