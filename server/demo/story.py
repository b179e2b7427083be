"""What a story is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

OPERATOR, SERVICE = "operator", "service"
"""Who may act beside the people of the cast."""

Answer = Mapping[str, Any]
Known = Mapping[str, Any]
"""What was answered so far: the people by their names, and what steps keep by the names they give it."""


class Unplayable(Exception):
    """The story cannot go on. Says what happened instead, and what to do where that is known."""


class NotTold(Unplayable):
    """What had to come by push did not come in time."""


@dataclass(frozen=True, slots=True)
class Step:
    """Somebody does something. Without a query the house does it by itself, and all there is to do is to wait.

    The query is sent with `given` and a fresh `$key`; its answer must hold all that `comes` says. In place of a query `outside`
    tells the sandbox to play something of the world outside, and `looks` asks it for what came there. `pushed` is the event that
    has to arrive at whoever watches before the story goes on; `inside` knows one of which the dashboard alone is told.
    """

    who: str
    does: str
    query: str = ""
    given: Callable[[Known], Mapping[str, Any]] = lambda _known: {}
    comes: Answer = field(default_factory=dict)
    tells: Callable[[Answer], str] = lambda _answer: ""
    keep: str = ""
    pushed: str = ""
    outside: str = ""
    looks: str = ""
    inside: Callable[[Answer, Known], bool] | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """How events of one type are shown: what more to ask of them, what they are about, and what there is to say."""

    fields: str
    about: Callable[[Answer], str]
    says: Callable[[Answer], str] = lambda _event: ""


@dataclass(frozen=True, slots=True)
class Story:
    """`watcher`, one of the cast or of the merchants, watches the subscriptions `watches` meanwhile; an operator watches all."""

    name: str
    about: str
    cast: tuple[str, ...]
    watcher: str
    watches: Mapping[str, str]
    """The fields of the subscriptions, and which type of event each of them tells."""
    steps: tuple[Step, ...]
    merchants: tuple[str, ...] = ()
    """Of the cast, too: parties with a shop."""

    @property
    def needs_sandbox(self) -> bool:
        return any(step.outside or step.looks for step in self.steps)
