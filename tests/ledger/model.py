"""The ledger in plain Python: what PostgreSQL must agree with, step by step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from models.ledger.chart import Account, Policy

Leg = tuple[Account, Account, int]
Figures = tuple[int, int, int]


@dataclass
class Balance:
    own: int = 0
    out: int = 0
    into: int = 0

    @property
    def figures(self) -> Figures:
        return self.own, self.own - self.out, self.own + self.into


@dataclass
class HeldPlan:
    batches: dict[int, list[Leg]] = field(default_factory=dict)
    state: str = "HOLD"
    net: Counter[Account] = field(default_factory=Counter)
    answers: dict[object, dict[str, Figures]] = field(default_factory=dict)
    mirror: HeldPlan | None = None


class Refused(Exception):
    pass


class Model:
    """Every operation answers the figures of the accounts that it touched, or raises Refused and changes nothing."""

    def __init__(self) -> None:
        self.balances: dict[Account, Balance] = {}
        self.plans: dict[str, HeldPlan] = {}
        self.keys: set[str] = set()

    def post(self, legs: Sequence[Leg], key: str) -> None:
        if key in self.keys:
            raise Refused("ALREADY_POSTED")
        net = _net(legs)
        self._judge({account: (n, 0) for account, n in net.items()})
        self._change({account: (n, 0, 0) for account, n in net.items()})
        self.keys.add(key)

    def hold(self, name: str, batch: int, legs: Sequence[Leg]) -> dict[str, Figures]:
        plan = self.plans.get(name, HeldPlan())
        if plan.state != "HOLD":
            raise Refused("PLAN_STATE")
        if batch in plan.batches:
            if Counter(plan.batches[batch]) != Counter(legs):
                raise Refused("INVALID_POSTINGS")
            return plan.answers[batch]
        if plan.batches and batch < max(plan.batches):
            raise Refused("INVALID_POSTINGS")
        changes = {}
        for account, n in _net(legs).items():
            saved, merged = plan.net[account], plan.net[account] + n
            changes[account] = (max(-merged, 0) - max(-saved, 0), max(merged, 0) - max(saved, 0))
        self._judge({account: (0, out) for account, (out, _) in changes.items()})
        self._change({account: (0, out, into) for account, (out, into) in changes.items()})
        plan.net.update(_net(legs))
        plan.batches[batch] = list(legs)
        self.plans[name] = plan
        plan.answers[batch] = self._figures(changes)
        return plan.answers[batch]

    def finish(self, name: str, op: str) -> dict[str, Figures]:
        plan, target = self._known(name), op.upper()
        if plan.state == target:
            return plan.answers[target]
        if plan.state != "HOLD":
            raise Refused("PLAN_STATE")
        sign = 1 if op == "commit" else 0
        self._change({a: (sign * n, -max(-n, 0), -max(n, 0)) for a, n in plan.net.items()})
        plan.state, plan.answers[target] = target, self._figures(plan.net)
        return plan.answers[target]

    def revert(self, name: str) -> dict[str, Figures]:
        plan = self._known(name)
        if plan.state != "COMMIT":
            raise Refused("PLAN_STATE")
        if plan.mirror is None:
            self._judge({account: (-n, 0) for account, n in plan.net.items()})
            self._change({account: (-n, 0, 0) for account, n in plan.net.items()})
            plan.mirror = HeldPlan(state="COMMIT", answers={"REVERT": self._figures(plan.net)})
        return plan.mirror.answers["REVERT"]

    def _known(self, name: str) -> HeldPlan:
        if name not in self.plans:
            raise Refused("PLAN_NOT_FOUND")
        return self.plans[name]

    def _judge(self, changes: dict[Account, tuple[int, int]]) -> None:
        for account, (own, out) in changes.items():
            balance = self.balances.get(account, Balance())
            if account.line.policy is Policy.FLOORED and own - out < 0 and balance.own - balance.out + own - out < 0:
                raise Refused("INSUFFICIENT_FUNDS")

    def _change(self, changes: dict[Account, tuple[int, int, int]]) -> None:
        for account, (own, out, into) in changes.items():
            balance = self.balances.setdefault(account, Balance())
            balance.own, balance.out, balance.into = balance.own + own, balance.out + out, balance.into + into

    def _figures(self, accounts: object) -> dict[str, Figures]:
        return {account.name: self.balances[account].figures for account in accounts}  # type: ignore[attr-defined]


def _net(legs: Sequence[Leg]) -> Counter[Account]:
    net: Counter[Account] = Counter()
    for source, target, amount in legs:
        net[source] -= amount
        net[target] += amount
    return net
