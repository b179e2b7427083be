"""Every call that came in, so that a test can prove what was asked, and how often."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

import orjson

KEPT = 100_000
BODY_KEPT_BYTES = 8 * 1024


@dataclass(slots=True)
class Call:
    number: int
    at: datetime
    system: str
    operation: str
    method: str
    path: str
    body: bytes
    key: str | None
    outcome: str
    effect: bool = False

    def shown(self) -> dict[str, Any]:
        try:
            body: Any = orjson.loads(self.body) if self.body else None
        except orjson.JSONDecodeError:
            body = self.body.decode(errors="replace")
        return {
            "number": self.number,
            "at": self.at.isoformat(),
            "system": self.system,
            "operation": self.operation,
            "method": self.method,
            "path": self.path,
            "body": body,
            "idempotencyKey": self.key,
            "outcome": self.outcome,
            "effect": self.effect,
        }


class Calls:
    def __init__(self) -> None:
        self._kept: deque[Call] = deque(maxlen=KEPT)
        self._numbers = count(1)

    def add(
        self, system: str, operation: str, *, method: str, path: str, body: bytes, key: str | None, outcome: str
    ) -> Call:
        kept = body[:BODY_KEPT_BYTES]
        call = Call(next(self._numbers), datetime.now(UTC), system, operation, method, path, kept, key, outcome)
        self._kept.append(call)
        return call

    def found(self, system: str | None, operation: str | None, after: int) -> list[dict[str, Any]]:
        return [
            call.shown()
            for call in self._kept
            if call.number > after and system in (None, call.system) and operation in (None, call.operation)
        ]

    def forget(self, system: str | None) -> None:
        self._kept = deque((call for call in self._kept if system not in (None, call.system)), maxlen=KEPT)
