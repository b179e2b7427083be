"""What the chain knows of every address: one state, changed by drafts, and taken back by what blocks remember."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

Key = tuple[str, ...]
Values = dict[Key, Any]

DAY_MS = 86_400_000
FREE_BANDWIDTH = 600


@dataclass(frozen=True, slots=True)
class Account:
    """An active account. What it used of energy and bandwidth comes back evenly over a day."""

    sun: int = 0
    created: int = 0
    energy_limit: int = 0
    energy_used: int = 0
    energy_at: int = 0
    bandwidth_used: int = 0
    bandwidth_at: int = 0

    def energy_used_at(self, at: int) -> int:
        return _left(self.energy_used, at - self.energy_at)

    def energy_left(self, at: int) -> int:
        return max(0, self.energy_limit - self.energy_used_at(at))

    def bandwidth_used_at(self, at: int) -> int:
        return _left(self.bandwidth_used, at - self.bandwidth_at)

    def bandwidth_left(self, at: int) -> int:
        return max(0, FREE_BANDWIDTH - self.bandwidth_used_at(at))

    def using_energy(self, energy: int, at: int) -> Account:
        return replace(self, energy_used=self.energy_used_at(at) + energy, energy_at=at)

    def using_bandwidth(self, size: int, at: int) -> Account:
        return replace(self, bandwidth_used=self.bandwidth_used_at(at) + size, bandwidth_at=at)

    def paying(self, sun: int) -> Account:
        return replace(self, sun=self.sun - sun)


def _left(used: int, passed: int) -> int:
    return used * max(0, DAY_MS - max(0, passed)) // DAY_MS


class View:
    """The state as of some block."""

    def value(self, key: Key) -> Any:
        raise NotImplementedError

    def account(self, address: str) -> Account | None:
        found: Account | None = self.value(("account", address))
        return found

    def tokens(self, contract: str, address: str) -> int:
        return int(self.value(("token", contract, address)) or 0)

    def blacklisted(self, contract: str, address: str) -> bool:
        return bool(self.value(("blacklist", contract, address)))


class State(View):
    """As of the head."""

    def __init__(self) -> None:
        self.values: Values = {}

    def value(self, key: Key) -> Any:
        return self.values.get(key)

    def apply(self, writes: Values, before: Values) -> None:
        """`before` remembers what stood there when its block began."""
        for key, value in writes.items():
            before.setdefault(key, self.values.get(key))
            self.values[key] = value

    def take_back(self, before: Values) -> None:
        self.values.update(before)


class Draft(View):
    """Changes over another view, which does not see them."""

    def __init__(self, under: View) -> None:
        self._under = under
        self.writes: Values = {}

    def value(self, key: Key) -> Any:
        return self.writes[key] if key in self.writes else self._under.value(key)

    def keep(self, address: str, account: Account) -> None:
        self.writes["account", address] = account

    def add_tokens(self, contract: str, address: str, amount: int) -> None:
        self.writes["token", contract, address] = self.tokens(contract, address) + amount

    def blacklist(self, contract: str, address: str, yes: bool) -> None:
        self.writes["blacklist", contract, address] = yes

    def take(self, other: Draft) -> None:
        """What a draft over this one came to."""
        self.writes.update(other.writes)
