"""What another system answered, read with suspicion: whatever is not as it should be is `Unsure`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from gateways.receipts import Unsure

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_HEX = re.compile(r"[0-9a-f]*")
_INTEGER_MAX = 2**63 - 1
_TEXT_MAX = 4_096


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, or a part of one. Names that are missing or null are the same; with a default they may be."""

    system: str
    operation: str
    status: int
    value: Any = field(repr=False)

    def unsure(self, reason: str) -> Unsure:
        return Unsure(self.system, self.operation, reason)

    def malformed(self, what: str) -> Unsure:
        return self.unsure(f"malformed: {what}")

    @property
    def empty(self) -> bool:
        """An object of nothing: so some systems say that they do not know."""
        return bool(self.value == {})

    @property
    def error(self) -> str:
        """The code of a no, `{"error": {"code": …}}`; empty: it is no such thing."""
        error = self.value.get("error") if isinstance(self.value, dict) else None
        code = error.get("code") if isinstance(error, dict) else None
        return code if isinstance(code, str) and _CODE.fullmatch(code) else ""

    def part(self, name: str, *, optional: bool = False) -> Answer:
        """The object of that name; what is optional is empty where it is missing."""
        found = self._found(name, {} if optional else None)
        if not isinstance(found, dict):
            raise self.malformed(name)
        return self._of(found)

    def parts(self, name: str, *, optional: bool = True) -> list[Answer]:
        """The objects of the list of that name: none where it is missing and may be."""
        return self._of(self._found(name, [] if optional else None)).listed()

    def listed(self) -> list[Answer]:
        """The objects of a list."""
        if not isinstance(self.value, list) or not all(isinstance(item, dict) for item in self.value):
            raise self.malformed("list")
        return [self._of(item) for item in self.value]

    def texts(self, name: str) -> list[str]:
        """The list of texts of that name: empty where it is missing."""
        found = self._found(name, [])
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            raise self.malformed(name)
        return found

    def text(self, name: str, default: str | None = None, *, longest: int = _TEXT_MAX) -> str:
        """One that a database holds: without NUL."""
        found = self._found(name, default)
        if not isinstance(found, str) or len(found) > longest or "\0" in found:
            raise self.malformed(name)
        return found

    def name(self, name: str, longest: int) -> str:
        """A text that stands for something: not of blanks alone."""
        found = self.text(name, longest=longest)
        if not found.strip():
            raise self.malformed(name)
        return found

    def integer(self, name: str, default: int | None = None, *, most: int = _INTEGER_MAX) -> int:
        """From 0 to the largest that a database holds."""
        found = self._found(name, default)
        if type(found) is not int or not 0 <= found <= most:
            raise self.malformed(name)
        return found

    def flag(self, name: str) -> bool:
        """False where it is missing."""
        found = self._found(name, False)
        if not isinstance(found, bool):
            raise self.malformed(name)
        return found

    def hexed(self, name: str, size: int) -> str:
        """So many bytes, in lower case."""
        found = self.text(name).lower()
        if len(found) != 2 * size or not _HEX.fullmatch(found):
            raise self.malformed(name)
        return found

    def moment(self, name: str, default: int | None = None) -> datetime:
        """Given in milliseconds."""
        try:
            return _EPOCH + timedelta(milliseconds=self.integer(name, default))
        except OverflowError:
            raise self.malformed(name) from None

    def _of(self, value: Any) -> Answer:
        return Answer(self.system, self.operation, self.status, value)

    def _found(self, name: str, default: Any) -> Any:
        if not isinstance(self.value, dict):
            raise self.malformed("no object")
        found = self.value.get(name)
        return default if found is None else found
