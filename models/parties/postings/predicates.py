"""Predicates of terms, in three values: true, false, and None for undetermined. [spec/payouts §6.3]

A condition whose variable is missing is undetermined. Conditions that upstream has but payouts have no variable for (contract,
identification level, shop location, payment tool, wallet) do not exist here: they could only ever be undetermined.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from models.kernel.money import Money
from models.parties.errors import ConfigurationError
from models.parties.lifecycle import ToolKind
from models.parties.postings.ranges import CashRange

CRITERIA_DEPTH = 8  # how many criteria may lie inside each other

Truth = bool | None


@dataclass(frozen=True, slots=True)
class Variables:
    """What is known of a payout when its terms are read; None is missing."""

    party: str | None = None
    shop: str | None = None
    category: int | None = None
    currency: str | None = None
    cost: Money | None = None
    payout_method: ToolKind | None = None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The variables, and the named predicates; each name is worked out once, however often it is used."""

    variables: Variables
    criteria: Mapping[str, Predicate] = field(default_factory=dict)
    _known: dict[str, Truth] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    def criterion(self, name: str, path: str) -> Truth:
        """Raises ConfigurationError for an unknown name, a circle, and more than CRITERIA_DEPTH inside each other."""
        if name not in self._known:
            self._known[name] = self._worked_out(name, path)
        return self._known[name]

    def _worked_out(self, name: str, path: str) -> Truth:
        if name not in self.criteria:
            raise ConfigurationError(path, f"there is no criterion {name}")
        if name in self._open:
            raise ConfigurationError(path, f"criteria go in a circle: {' -> '.join([*self._open, name])}")
        if len(self._open) == CRITERIA_DEPTH:
            raise ConfigurationError(path, f"more than {CRITERIA_DEPTH} criteria lie inside each other")
        self._open.append(name)
        try:
            return self.criteria[name].truth(self, f"criteria.{name}")
        finally:
            self._open.pop()


class Predicate(ABC):
    """Something that is true, false or undetermined of a payout."""

    @abstractmethod
    def truth(self, given: Circumstances, path: str) -> Truth:
        """`path` says where the predicate is written. Raises ConfigurationError for what cannot be worked out at all."""


@dataclass(frozen=True, slots=True)
class Constant(Predicate):
    value: bool

    def truth(self, given: Circumstances, path: str) -> Truth:
        return self.value


@dataclass(frozen=True, slots=True)
class AllOf(Predicate):
    """One false makes it false; of none it is true. Every member is worked out, so a mistake in any of them shows."""

    members: tuple[Predicate, ...]

    def truth(self, given: Circumstances, path: str) -> Truth:
        return _all([member.truth(given, f"{path}.all_of.{place}") for place, member in enumerate(self.members)])


@dataclass(frozen=True, slots=True)
class AnyOf(Predicate):
    """One true makes it true; of none it is false. Every member is worked out, so a mistake in any of them shows."""

    members: tuple[Predicate, ...]

    def truth(self, given: Circumstances, path: str) -> Truth:
        truths = [member.truth(given, f"{path}.any_of.{place}") for place, member in enumerate(self.members)]
        return _not(_all([_not(truth) for truth in truths]))


@dataclass(frozen=True, slots=True)
class IsNot(Predicate):
    member: Predicate

    def truth(self, given: Circumstances, path: str) -> Truth:
        return _not(self.member.truth(given, f"{path}.is_not"))


@dataclass(frozen=True, slots=True)
class Criterion(Predicate):
    """A predicate that is written elsewhere under a name."""

    name: str

    def truth(self, given: Circumstances, path: str) -> Truth:
        return given.criterion(self.name, f"{path}.criterion")


class Condition(Predicate):
    """A predicate over the variables alone."""

    def truth(self, given: Circumstances, path: str) -> Truth:
        return self.holds(given.variables)

    @abstractmethod
    def holds(self, known: Variables) -> Truth:
        """None when a variable that it needs is missing."""


@dataclass(frozen=True, slots=True)
class CategoryIs(Condition):
    category: int

    def holds(self, known: Variables) -> Truth:
        return _same(known.category, self.category)


@dataclass(frozen=True, slots=True)
class CurrencyIs(Condition):
    currency: str

    def holds(self, known: Variables) -> Truth:
        return _same(known.currency, self.currency)


@dataclass(frozen=True, slots=True)
class CostIn(Condition):
    """Another currency is not within."""

    range: CashRange

    def holds(self, known: Variables) -> Truth:
        return None if known.cost is None else known.cost in self.range


@dataclass(frozen=True, slots=True)
class CostIsMultipleOf(Condition):
    """Another currency is no multiple; `money` is above zero."""

    money: Money

    def holds(self, known: Variables) -> Truth:
        if known.cost is None:
            return None
        return known.cost.currency == self.money.currency and known.cost.minor % self.money.minor == 0


@dataclass(frozen=True, slots=True)
class PartyIs(Condition):
    """The party, and its shop when one is named. The party decides first: of another one the shop is not asked."""

    party: str
    shop: str | None = None

    def holds(self, known: Variables) -> Truth:
        party = _same(known.party, self.party)
        return _same(known.shop, self.shop) if party and self.shop is not None else party


@dataclass(frozen=True, slots=True)
class PayoutMethodIs(Condition):
    method: ToolKind

    def holds(self, known: Variables) -> Truth:
        return _same(known.payout_method, self.method)


def _same(known: object, wanted: object) -> Truth:
    return None if known is None else known == wanted


def _not(truth: Truth) -> Truth:
    return None if truth is None else not truth


def _all(truths: list[Truth]) -> Truth:
    if False in truths:
        return False
    return None if None in truths else True
