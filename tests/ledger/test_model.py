"""PostgreSQL and the pure model live through the same random histories and must tell the same story."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from models.kernel.refusals import Refusal
from models.ledger import plans, transfers
from models.ledger.plans import Batch, Plan, PlanAnswer, Posting
from models.ledger.transfers import By
from tests.ledger.books import floored, house, may_go_below
from tests.ledger.books import transfers as moved
from tests.ledger.model import Model, Refused

ACCOUNTS = (floored(1), floored(2), may_go_below(1), house())
legs = st.lists(
    st.tuples(st.permutations(ACCOUNTS), st.integers(0, 60)).map(lambda x: (x[0][0], x[0][1], x[1])),
    min_size=1,
    max_size=4,
)
names, batch_ids = st.sampled_from(["p", "q"]), st.integers(1, 4)
BY = By("model", "operator")


class Histories(RuleBasedStateMachine):
    """Each example is one transaction that is rolled back; every call is judged on both sides."""

    loop: asyncio.AbstractEventLoop
    db: Any

    def __init__(self) -> None:
        super().__init__()
        self.model, self.number = Model(), 0
        self.transaction = self.db.transaction()
        self.wait(self.transaction.start())

    def teardown(self) -> None:
        self.wait(self.transaction.rollback())

    def wait(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(coroutine)

    def agree(self, expected: Callable[[], Any], actual: Coroutine[Any, Any, Any]) -> None:
        try:
            there = self.wait(actual)
        except Refusal as no:
            there = no.code
        try:
            here = expected()
        except Refused as no:
            here = str(no)
        if isinstance(there, PlanAnswer):
            there = {s.name: (s.own, s.min_available, s.max_available) for s in there.accounts}
        assert here == there

    @rule(legs=legs, repeat=st.booleans())
    def post(self, legs, repeat):
        legs = [leg for leg in legs if leg[2]] or [(house(), floored(1), 100)]
        self.number += not (repeat and self.number)
        calls = [moved(leg, key=f"k{self.number}:{place}")[0] for place, leg in enumerate(legs)]

        async def call() -> None:
            await transfers.post(self.db, "test:1", BY, calls)

        self.agree(lambda: self.model.post(legs, f"k{self.number}"), call())

    @rule(name=names, batch=batch_ids, legs=legs)
    def hold(self, name, batch, legs):
        held = Batch(batch, tuple(Posting(*leg, "EUR") for leg in legs))
        self.agree(lambda: self.model.hold(name, batch, legs), plans.hold(self.db, self.plan(name), held, BY))

    @rule(name=names, batch=batch_ids)
    def hold_again(self, name, batch):
        known = self.model.plans.get(name)
        if known and batch in known.batches:
            self.hold(name, batch, list(reversed(known.batches[batch])))

    @rule(name=names, op=st.sampled_from(["commit", "rollback"]))
    def finish(self, name, op):
        self.agree(lambda: self.model.finish(name, op), plans.finish(self.db, self.plan(name), op, BY))

    @rule(name=names)
    def revert(self, name):
        self.agree(lambda: self.model.revert(name), plans.revert(self.db, self.plan(name), f"r{name}", "", BY))

    @rule(limit=st.integers(1, 5))
    def fold(self, limit):
        self.wait(self.db.fetchval("SELECT ledger_fold($1)", limit))

    @invariant()
    def every_account_stands_as_the_model_says(self):
        rows = self.wait(
            self.db.fetch(
                """SELECT a.name, a.own + coalesce(sum(d.own_delta), 0) AS own,
                          a.pending_out + coalesce(sum(d.out_delta), 0) AS out_,
                          a.pending_in + coalesce(sum(d.in_delta), 0) AS in_
                     FROM ledger_account a LEFT JOIN ledger_delta d ON d.account_id = a.id GROUP BY a.id"""
            )
        )
        known = {a.name: (b.own, b.out, b.into) for a, b in self.model.balances.items()}
        assert {r["name"]: (r["own"], r["out_"], r["in_"]) for r in rows} == known

    @invariant()
    def nothing_is_made_or_lost(self):
        assert sum(balance.own for balance in self.model.balances.values()) == 0

    @staticmethod
    def plan(name: str) -> Plan:
        return Plan(name, "house", "test.plan", "test:1")


@pytest.mark.usefixtures("database")
def test_random_histories(database_url):
    with asyncio.Runner() as runner:
        Histories.loop = runner.get_loop()
        Histories.db = runner.run(asyncpg.connect(database_url))
        try:
            run_state_machine_as_test(
                Histories,
                settings=settings(
                    max_examples=150, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
                ),
            )
        finally:
            runner.run(Histories.db.close())
