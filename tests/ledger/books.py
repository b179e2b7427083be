"""The ledger as a noun uses it: chart accounts and plans, each call in a unit of its own."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

from models.kernel.money import Money
from models.kernel.refusals import IllegalMove, InvalidAmount, InvalidInput, NotFound
from models.kernel.sql import fetch_one, sql
from models.kernel.viewer import Role, Viewer
from models.ledger import folding
from models.ledger.chart import Account, Line, Policy, Side, adjustments
from models.ledger.errors import AlreadyPosted, InsufficientFunds, InvalidPostings
from models.ledger.plans import Batch, Plan, PlanAnswer, Posting
from models.ledger.transfers import Transfer
from models.people.tables import Person
from models.unit import Unit, step

BY = Viewer("test", frozenset({Role.OPERATOR}))
SERVICE = Viewer("rides", frozenset({Role.SERVICE}))
EVERY = (AlreadyPosted, IllegalMove, InsufficientFunds, InvalidAmount, InvalidInput, InvalidPostings, NotFound)
keys = itertools.count(1)

Leg = tuple[Account, Account, int]


FLOORED = Line(
    "test.floored", "test:{}", Side.LIABILITY, Policy.FLOORED, "A floored account of a test.", announced=True
)
OPEN = Line("test.open", "test:open:{}", Side.LIABILITY, Policy.OPEN, "An open account of a test.")
TEST_LINES = (FLOORED, OPEN)


def floored(number: int, currency: str = "EUR") -> Account:
    """A floored account that announces its changes."""
    return FLOORED.account(number, currency, owner=f"person:{number}")


def may_go_below(number: int, currency: str = "EUR") -> Account:
    """An open account."""
    return OPEN.account(number, currency, owner="test")


def house(currency: str = "EUR") -> Account:
    """A hot account."""
    return adjustments(currency)


@step(refuses=EVERY)
async def _post(work: Unit, transfers: Sequence[Transfer], *, by: Viewer) -> int:
    return await work.post(Person(id=0), transfers)


@step(refuses=EVERY)
async def _hold(work: Unit, plan: Plan, batch: Batch, *, by: Viewer) -> PlanAnswer:
    return await work.hold(plan, batch)


@step(refuses=EVERY)
async def _finish(work: Unit, plan: Plan, op: Literal["commit", "rollback"], *, by: Viewer) -> PlanAnswer:
    return await work.finish(plan, op)


@step(refuses=EVERY)
async def _revert(work: Unit, plan: Plan, revert_id: str, *, by: Viewer) -> PlanAnswer:
    return await work.revert(plan, revert_id, "Revert")


def transfers(*legs: Leg, key: str | None = None) -> list[Transfer]:
    return [
        Transfer("test", source, target, Money(amount, source.currency), key or f"test:{next(keys)}")
        for source, target, amount in legs
    ]


async def post(*legs: Leg, key: str | None = None) -> int:
    return await _post(transfers(*legs, key=key), by=BY)


def plan(name: str) -> Plan:
    return Plan(name, "house", "test.plan", "test:1")


async def hold(name: str, batch_id: int, *legs: Leg) -> PlanAnswer:
    postings = tuple(Posting(source, target, amount, source.currency) for source, target, amount in legs)
    return await _hold(plan(name), Batch(batch_id, postings), by=BY)


async def commit(name: str) -> PlanAnswer:
    return await _finish(plan(name), "commit", by=BY)


async def rollback(name: str) -> PlanAnswer:
    return await _finish(plan(name), "rollback", by=BY)


async def revert(name: str, revert_id: str) -> PlanAnswer:
    return await _revert(plan(name), revert_id, by=BY)


async def state(account: Account) -> tuple[int, int, int]:
    """(own, min available, max available), exact now."""
    row = await fetch_one(
        sql(
            """SELECT (x->>'own')::bigint AS own, (x->>'own')::bigint - (x->>'pending_out')::bigint AS low,
                      (x->>'own')::bigint + (x->>'pending_in')::bigint AS high
                 FROM ledger_account a, jsonb_array_elements(ledger_states(ARRAY[a.id])) x
                WHERE a.name = {} AND a.currency = {}""",
            account.name,
            account.currency,
        )
    )
    return (row["own"], row["low"], row["high"]) if row else (0, 0, 0)


async def fold_all() -> None:
    while await folding.fold(100):
        pass
