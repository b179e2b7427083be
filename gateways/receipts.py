"""How what was asked of the outside can end, beside well."""

from __future__ import annotations


class Refused(Exception):
    """The system said no, for good: nothing happened there, and asking again will not help."""

    def __init__(self, system: str, operation: str, code: str, message: str = "") -> None:
        self.system, self.operation, self.code = system, operation, code
        super().__init__(f"{system} refused {operation}: {code} {message}".rstrip())


class Unsure(Exception):
    """No answer that could be understood. What was to be done there may have been done: inquire, or repeat it as it was."""

    def __init__(self, system: str, operation: str, reason: str) -> None:
        self.system, self.operation, self.reason = system, operation, reason
        super().__init__(f"{system} gave no answer to {operation}: {reason}")

    @property
    def logged(self) -> str:
        """What the log may hold of the reason."""
        return self.reason


class Forged(Exception):
    """A message that says it comes from a system, and does not, or is too old to tell."""

    def __init__(self, system: str, reason: str) -> None:
        self.system, self.reason = system, reason
        super().__init__(f"not from {system}: {reason}")
