"""What a doctor says of one thing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was looked at. `advice` is empty where nothing is wrong."""

    what: str
    found: str
    advice: str = ""
