"""Refusals: the answers 'no' which a caller can foresee and act on, and the one catalogue of their codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the catalogue: a code, the refusal that carries it, its HTTP number, and what it means."""

    code: str
    refusal: type[Refusal]
    http: int
    meaning: str


CATALOGUE: dict[str, Entry] = {}


class Refusal(Exception):
    """The request was understood and declined. Nothing was written."""

    code: str
    http: ClassVar[int] = 409
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, code: str | None = None) -> None:
        if code is not None:
            if CATALOGUE[code].refusal is not type(self):
                raise TypeError(f"{code} is not a code of {type(self).__name__}")
            self.code = code
        super().__init__(message)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "code" in vars(cls):
            cls.finer(cls.code, (cls.__doc__ or "").split("\n")[0])

    @classmethod
    def finer(cls, code: str, meaning: str) -> str:
        """Enter a code that says more than the class does: same type and facts, finer code. Answers the code."""
        if code in CATALOGUE:
            raise TypeError(f"two refusals share the code {code}")
        CATALOGUE[code] = Entry(code, cls, cls.http, meaning)
        return code


class NotFound(Refusal):
    """No such thing, or none that the asker may see: the two look alike on purpose."""

    code = "NOT_FOUND"
    http = 404

    def __init__(self, noun: str, *, code: str | None = None) -> None:
        self.noun = noun
        super().__init__(f"There is no such {noun.replace('_', ' ')}.", code=code)


class NotAllowed(Refusal):
    """The asker sees the row but may not do this with it."""

    code = "FORBIDDEN"
    http = 403

    def __init__(self, action: str, *, code: str | None = None) -> None:
        self.action = action
        super().__init__(f"You may not {action.replace('_', ' ')} this.", code=code)


NOT_PARTICIPANT = NotAllowed.finer("NOT_PARTICIPANT", "The asker is no side of this that may do it.")


class IllegalMove(Refusal):
    """The lifecycle has no such move out of the present status."""

    code = "ILLEGAL_MOVE"

    def __init__(self, noun: str, move: str, status: str, allowed: Sequence[str], *, code: str | None = None) -> None:
        self.noun, self.move, self.status, self.allowed = noun, move, status, tuple(allowed)
        super().__init__(f"Cannot {move} a {noun} which is {status}.", code=code)


class InvalidAmount(Refusal):
    """The amount is zero, negative, too large, or has more decimals than its currency."""

    code = "INVALID_AMOUNT"
    http = 400

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message, code=code)


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """Where in the input something is wrong, and what."""

    path: str
    message: str


class InvalidInput(Refusal):
    """A field of the input has a value that cannot be meant."""

    code = "INVALID_INPUT"
    http = 400

    def __init__(self, *fields: FieldProblem, code: str | None = None) -> None:
        self.fields = fields
        super().__init__("; ".join(f"{field.path}: {field.message}" for field in fields), code=code)


class CurrencyNotSupported(Refusal):
    """The currency is unknown, or not one that is used here."""

    code = "CURRENCY_NOT_SUPPORTED"
    http = 400

    def __init__(self, currency: str, supported: Sequence[str]) -> None:
        self.currency, self.supported = currency, tuple(supported)
        super().__init__(f"{currency} is not used here; {', '.join(supported)} are.")


class IdempotencyKeyConflict(Refusal):
    """The idempotency key was used before with another mutation or another input."""

    code = "IDEMPOTENCY_KEY_CONFLICT"

    def __init__(
        self, message: str = "This idempotency key was used before for something else.", *, code: str | None = None
    ) -> None:
        super().__init__(message, code=code)


class VersionConflict(Refusal):
    """The row has changed since the version that the asker expected."""

    code = "VERSION_CONFLICT"

    def __init__(self, *, expected: int, actual: int | None) -> None:
        self.expected, self.actual = expected, actual
        there = "it does not exist" if actual is None else f"it is {actual}"
        super().__init__(f"Version {expected} was expected, {there}.")


class Busy(Refusal):
    """Others held what this needs for too long. Nothing was written; asking again is safe."""

    code = "BUSY"
    http = 503
    retryable = True

    def __init__(self) -> None:
        super().__init__("Others are at work here; ask again in a moment.")


class UpstreamUnavailable(Refusal):
    """Another system that this needs gave no answer. Nothing was written here; asking again is safe."""

    code = "UPSTREAM_UNAVAILABLE"
    http = 503
    retryable = True

    def __init__(self, system: str) -> None:
        self.system = system
        super().__init__(f"There is no answer from {system}; ask again in a moment.")


class CursorExpired(Refusal):
    """The cursor does not belong to this list or log, or to one that is no more: read again from the start."""

    code = "CURSOR_EXPIRED"
    http = 400

    def __init__(self) -> None:
        super().__init__("This cursor is not one of this list; read again from the start.")
