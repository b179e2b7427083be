"""Selectors: a value, or decisions that lead to one. [spec/payouts §6.3]"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from models.parties.errors import ConfigurationError
from models.parties.postings.predicates import Circumstances, Predicate

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Value(Generic[T]):
    value: T


@dataclass(frozen=True, slots=True)
class Decision(Generic[T]):
    """If `condition`, then what `then` leads to."""

    condition: Predicate
    then: Selector[T]


@dataclass(frozen=True, slots=True)
class Decisions(Generic[T]):
    """The first decision that is left must be certainly true: one that is undetermined blocks those after it."""

    decisions: tuple[Decision[T], ...]


Selector = Value[T] | Decisions[T]


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """What a selector leads to, and where that is written: "payouts.fees.decisions.0.then.value"."""

    value: T
    path: str


@dataclass(frozen=True, slots=True)
class _Blocked:
    """Where a decision stands that is undetermined."""

    path: str


def reduced(selector: Selector[T], given: Circumstances, path: str) -> Found[T]:
    """What the selector leads to. Raises ConfigurationError when that is nothing, or undetermined.

    Decisions that are false, and those that lead to nothing, are dropped.
    """
    match _reduced(selector, given, path):
        case Found() as found:
            return found
        case _Blocked(where):
            raise ConfigurationError(where, "cannot be reduced: undetermined by what is known of the payout")
        case None:
            raise ConfigurationError(path, "cannot be reduced: no decision is true")


def _reduced(selector: Selector[T], given: Circumstances, path: str) -> Found[T] | _Blocked | None:
    """None when every decision is dropped."""
    if isinstance(selector, Value):
        return Found(selector.value, f"{path}.value")
    for place, decision in enumerate(selector.decisions):
        here = f"{path}.decisions.{place}"
        truth = decision.condition.truth(given, f"{here}.if")
        outcome = None if truth is False else _reduced(decision.then, given, f"{here}.then")
        if outcome is not None:
            return outcome if truth else _Blocked(f"{here}.if")
    return None
