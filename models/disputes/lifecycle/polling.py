"""When a dispute is looked at again, and until when a provider is asked. Pure. [spec/disputes §3.4]"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Self

MULTIPLIER, INITIAL_SECONDS, CAP_SECONDS = "exponential", "default_initial_exponential_sec", "max_time_backoff_sec"
OWN = "dispute_"
"""An option with this before its name wins over the plain one, which other flows share."""
DEADLINE_MINUTES = "DISPUTE_FLOW_MAX_TIME_POLLING_MIN"
DEFAULT_MULTIPLIER, DEFAULT_INITIAL_SECONDS, DEFAULT_CAP_SECONDS = 2, 2, 300
MULTIPLIER_MAX, SECONDS_MAX, MINUTES_MAX = 10, 86_400, 30 * 24 * 60


@dataclass(frozen=True, slots=True)
class Polling:
    """How a terminal wants to be asked. An option that makes no sense is as if it were not there: it must not stop a dispute."""

    multiplier: int = DEFAULT_MULTIPLIER
    initial_seconds: int = DEFAULT_INITIAL_SECONDS
    cap_seconds: int = DEFAULT_CAP_SECONDS
    minutes: int = 600

    @classmethod
    def of(cls, options: Mapping[str, str], minutes: int) -> Self:
        """Of a terminal's options; `minutes` is the house's own deadline."""
        return cls(
            _number(options, MULTIPLIER, DEFAULT_MULTIPLIER, MULTIPLIER_MAX),
            _number(options, INITIAL_SECONDS, DEFAULT_INITIAL_SECONDS, SECONDS_MAX),
            _number(options, CAP_SECONDS, DEFAULT_CAP_SECONDS, SECONDS_MAX),
            _positive(options.get(DEADLINE_MINUTES), minutes, MINUTES_MAX),
        )

    @classmethod
    def kept(cls, stored: Mapping[str, Any]) -> Self:
        return cls(**{name: stored[name] for name in ("multiplier", "initial_seconds", "cap_seconds", "minutes")})

    def stored(self) -> dict[str, int]:
        return asdict(self)

    def interval(self, age: timedelta) -> timedelta:
        """How long to wait when so much time has passed since the beginning: the first of initial · multiplier^k that is longer
        than that, at most the cap."""
        seconds = self.initial_seconds
        if self.multiplier > 1 and age >= timedelta(seconds=1):
            while seconds <= age // timedelta(seconds=1) and seconds < self.cap_seconds:
                seconds *= self.multiplier
        return timedelta(seconds=min(seconds, self.cap_seconds))

    def next_check(self, *, since: datetime, last: datetime, now: datetime) -> datetime:
        """After what was due `last`. From now on where that is long ago: whoever was away makes up nothing."""
        return max(last, now) + self.interval(now - since)

    def deadline(self, since: datetime) -> datetime:
        return since + timedelta(minutes=self.minutes)


def _number(options: Mapping[str, str], name: str, default: int, most: int) -> int:
    return _positive(options.get(OWN + name), _positive(options.get(name), default, most), most)


def _positive(given: str | None, default: int, most: int) -> int:
    """A whole number from 1 on; anything else is the default."""
    text = (given or "").strip()
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text[:9]) <= most and len(text) <= 9 else default
