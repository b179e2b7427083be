"""Every place where two can meet: nothing goes wrong; and with its guard taken out something does."""

from __future__ import annotations

import asyncio
import contextvars
import random

import pytest

from models.events import requests
from models.kernel.sql import TRUE, fetch_one, sql, transaction
from models.ledger import folding
from models.unit import Unit
from tests.ledger.books import floored, house, post, state
from tests.races import scenarios
from tests.races.planted import without

pytestmark = pytest.mark.usefixtures("database")

LOCK = "PERFORM 1 FROM ledger_account WHERE id = ANY (p_ids) AND policy <> 'hot' ORDER BY id FOR NO KEY UPDATE;"
TAKEN = (
    "DELETE FROM ledger_delta WHERE id = ANY (ARRAY(SELECT id FROM ledger_delta ORDER BY id LIMIT p_limit)) RETURNING *"
)
UNORDERED = LOCK.replace("ORDER BY id", "ORDER BY random()").replace("PERFORM 1", "PERFORM pg_sleep(0.001)")
"""In any order, and slowly enough for two to meet half way."""
GUARDED_BY_SQL = [
    (scenarios.opposed_transfers, "ledger_lock", LOCK, UNORDERED),
    (scenarios.opposed_plans, "ledger_lock", LOCK, UNORDERED),
    (scenarios.one_balance_is_spent_once, "ledger_lock", LOCK, "NULL;"),
    (scenarios.hot_account_while_folded, "ledger_fold", "pg_try_advisory_xact_lock(hashtext('ledger_fold'))", "true"),
    (scenarios.hot_account_while_folded, "ledger_fold", TAKEN, "SELECT * FROM ledger_delta ORDER BY id LIMIT p_limit"),
    (scenarios.first_hold_by_twenty, "ledger_hold", "ON CONFLICT DO NOTHING", ""),
    (scenarios.twins_with_one_key, "request_take", "ON CONFLICT DO NOTHING", ""),
]
SMALLER = {  # finding a deadlock takes time, and a few are enough
    scenarios.opposed_transfers: {"workers": 16, "rounds": 3},
    scenarios.opposed_plans: {"pairs": 20},
}
by_name = {"ids": lambda value: getattr(value, "__name__", "")}


@pytest.mark.parametrize("scenario", list(dict.fromkeys(row[0] for row in GUARDED_BY_SQL)), **by_name)
async def test_nothing_goes_wrong(scenario):
    assert await scenario() == []


@pytest.mark.broken_books
@pytest.mark.parametrize(("scenario", "function", "guard", "instead"), GUARDED_BY_SQL, **by_name)
async def test_without_its_guard_something_does(scenario, function, guard, instead):
    async with without(function, guard, instead):
        assert await scenario(**SMALLER.get(scenario, {})) != []


async def _nobody_waits(*_: object) -> None:
    return None


async def _whoever_asks(work: Unit, table: type, id: int, _token: object) -> object:
    return await work.lock(table, sql("r.id = {}", id), visible_to=TRUE)


async def _only_twins_wait(work: Unit, key: str) -> None:
    if not key.startswith("inbox order"):
        await work.db.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", key)


DRAINING = "models.inbox.operations.draining"
GUARDED_BY_PYTHON = [
    (scenarios.twins_with_one_key, requests, "take", _nobody_waits),
    (scenarios.one_identity_for_ten, Unit, "alone", _nobody_waits),
    (scenarios.two_expect_one_version, "models.unit", "ROW_LOCK", ""),
    (scenarios.claims_of_four_workers, "models.work.claims", "FREE", "TRUE"),
    (scenarios.one_event_id_for_ten, Unit, "alone", _nobody_waits),
    (scenarios.two_drainers, DRAINING, "FIRST_OF_ITS_KEY", "TRUE"),
    (scenarios.two_drainers, DRAINING, "still_ours", _whoever_asks),
    (scenarios.one_letter_driven_by_five, "models.unit", "ROW_LOCK", ""),
    (scenarios.a_message_that_takes_long_to_come, Unit, "alone", _only_twins_wait),
]


@pytest.mark.parametrize("scenario", list(dict.fromkeys(row[0] for row in GUARDED_BY_PYTHON[1:])), **by_name)
async def test_nothing_goes_wrong_above_the_ledger(scenario):
    assert await scenario() == []


@pytest.mark.broken_books
@pytest.mark.parametrize(("scenario", "where", "name", "instead"), GUARDED_BY_PYTHON, **by_name)
async def test_without_its_guard_something_does_above_the_ledger(scenario, where, name, instead, monkeypatch):
    target = f"{where}.{name}" if isinstance(where, str) else None
    if target:
        monkeypatch.setattr(target, instead)
    else:
        monkeypatch.setattr(where, name, instead)
    assert await scenario() != []


async def test_a_total_read_in_two_statements_is_not_constant():
    """Why balances are read in one statement: in two of them the folder is seen half way."""
    for _ in range(40):
        await post((house(), floored(1), 1))
    rows = "SELECT coalesce(sum(own), 0) FROM ledger_account"
    queued = "SELECT coalesce(sum(own_delta), 0) FROM ledger_delta"
    async with transaction() as db:
        first = await db.fetchval(rows)
        await _fold_elsewhere()
        assert first + await db.fetchval(queued) != 0
    row = await fetch_one(sql(scenarios.TOTALS))
    assert row["total"] == 0


async def _fold_elsewhere() -> None:
    """Over another connection: a task with a context of its own does not see this one's transaction."""
    await asyncio.get_running_loop().create_task(folding.fold(1000), context=contextvars.Context())


async def test_47_a_circle_of_accounts_ends_where_it_began():
    count = 200
    await post(*((house(), floored(number), 1_000) for number in range(count)))
    rng = random.Random(47)

    async def worker() -> None:
        for _ in range(5):
            start = rng.randrange(count)
            circle = [(start + step * 7) % count for step in range(10)]
            legs = zip(circle, [*circle[1:], circle[0]], strict=True)
            await post(*((floored(a), floored(b), 10) for a, b in legs))

    assert scenarios.surprises(await scenarios.outcomes(worker() for _ in range(16))) == []
    assert {await state(floored(number)) for number in range(0, count, 11)} == {(1_000,) * 3}
