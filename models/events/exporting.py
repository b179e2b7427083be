"""What other systems are told of the log: streams of their own, in words of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from models.events.log import EventRecord


@dataclass(frozen=True, slots=True)
class Entry:
    """One message: what it is about, which orders it, and what it says."""

    key: str
    value: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Export:
    """A Redis stream of this name, with an entry for each event of `nouns` that `entry` makes one of."""

    name: str
    nouns: frozenset[str]
    entry: Callable[[EventRecord], Entry | None]
