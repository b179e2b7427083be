"""Misbehaviour that waits for its call."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import Any

ANY = "*"


class Outcome(StrEnum):
    REFUSE = "refuse"
    """A definite no in the system's own way; nothing happened."""
    ERROR = "error"
    """HTTP 500; nothing happened."""
    RATE_LIMIT = "rate_limit"
    """HTTP 429 with Retry-After; nothing happened."""
    TIMEOUT = "timeout"
    """The connection is held, then broken without an answer; nothing happened."""
    LOST_ANSWER = "lost_answer"
    """It happened, and the connection is broken without an answer."""
    SLOW = "slow"
    """It happened, and the answer comes late."""
    MALFORMED = "malformed"
    """It happened, and the answer is none that could be understood."""


class Malformed(StrEnum):
    HTML = "html"
    TRUNCATED = "truncated"
    SHAPE = "shape"


@dataclass(slots=True)
class Script:
    number: int
    system: str
    operation: str
    match: str
    outcome: Outcome
    times: int
    seconds: float | None
    shape: Malformed | None

    def fits(self, operation: str, text: str) -> bool:
        return self.operation in (ANY, operation) and self.match in text

    def shown(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "system": self.system,
            "operation": self.operation,
            "match": self.match,
            "outcome": self.outcome,
            "times": self.times,
            "seconds": self.seconds,
            "as": self.shape,
        }


class Scripts:
    """First come, first played, among those that fit a call."""

    def __init__(self) -> None:
        self._waiting: list[Script] = []
        self._numbers = count(1)

    def add(
        self,
        system: str,
        operation: str,
        outcome: Outcome,
        *,
        match: str = "",
        times: int = 1,
        seconds: float | None = None,
        shape: Malformed | None = None,
    ) -> Script:
        script = Script(next(self._numbers), system, operation, match, outcome, times, seconds, shape)
        self._waiting.append(script)
        return script

    def take(self, system: str, operation: str, text: str) -> Script | None:
        """The script for this call, used up by one; `text` is its path, query and body."""
        for script in self._waiting:
            if script.system == system and script.fits(operation, text):
                script.times -= 1
                if not script.times:
                    self._waiting.remove(script)
                return script
        return None

    def waiting(self) -> list[dict[str, Any]]:
        return [script.shown() for script in self._waiting]

    def forget(self, system: str | None) -> None:
        self._waiting = [script for script in self._waiting if system not in (None, script.system)]
