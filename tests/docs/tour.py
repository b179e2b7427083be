"""The tour as a test reads it: what is sent as whom, what is answered, and what somebody is told meanwhile."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = Path("docs/tour.md").read_text()
SENT = re.compile(
    r"As\s`(?P<who>\w+)`(?P<until>,\suntil\s[\w\s]+)?(?:,\swith\s+`(?P<given>\{[^`]*\})`)?:\n\n"
    r"```graphql\n(?P<document>.*?)```\n```json\n(?P<answer>.*?)```"
    r"|`(?P<told>\w+)` is told:\n\n```json\n(?P<item>.*?)```"
    r"|```bash\ncurl -s localhost:8002/control/(?P<path>\S+) -d '(?P<body>[^']*)'\n```\n```json\n(?P<played>.*?)```",
    re.DOTALL,
)
TOKEN = re.compile(
    r"^(?P<name>[A-Z]+)=\$\(.*token --role (?P<role>\w+)(?: --person (?P<person>\d+))?(?: --party (?P<party>[\w-]+))?\)$",
    re.MULTILINE,
)
RENAMED = {"number", "id", "cursor", "address", "uri", "txId", "reference", "disputeId", "createdAt"}


@dataclass(frozen=True, slots=True)
class Asked:
    who: str
    document: str
    given: dict[str, Any]
    answer: Any
    until: bool


@dataclass(frozen=True, slots=True)
class Told:
    who: str
    item: Any


@dataclass(frozen=True, slots=True)
class Played:
    """What the sandbox is told to play, and what it answers."""

    path: str
    given: dict[str, Any]
    answer: Any


def steps() -> Iterator[Asked | Told | Played]:
    for found in SENT.finditer(PAGE):
        if found["told"]:
            yield Told(found["told"], json.loads(found["item"]))
        elif found["path"]:
            yield Played(found["path"], json.loads(found["body"]), json.loads(found["played"]))
        else:
            given = json.loads(found["given"] or "{}")
            yield Asked(found["who"], found["document"], given, json.loads(found["answer"]), bool(found["until"]))


class Names:
    """The page's numbers and ids, and what stands for them here: one for one, from the first time on."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}

    def here(self, value: Any) -> Any:
        return self._known.get(value, value) if isinstance(value, Hashable) else value

    def same(self, shown: Any, got: Any) -> bool:
        """Whether an answer is what the page shows, but for numbers, ids and the like; if it is not, nothing was learned."""
        before = dict(self._known)
        if self._same(shown, got):
            return True
        self._known = before
        return False

    def _same(self, shown: Any, got: Any, key: str = "") -> bool:
        if key in RENAMED and shown is not None:
            return type(shown) is type(got) and bool(self._known.setdefault(shown, got) == got)
        if isinstance(shown, dict) and isinstance(got, dict):
            return shown.keys() == got.keys() and all(self._same(shown[name], got[name], name) for name in shown)
        if isinstance(shown, list) and isinstance(got, list):
            return len(shown) == len(got) and all(map(self._same, shown, got))
        return bool(shown == got)
