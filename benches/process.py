"""The ledger's function from one Python process: asyncpg with one task and with sixteen, against a bare transfer.

`function` is the one statement, `post` is models.ledger.transfers.post as an operation calls it: the same statement
between BEGIN and COMMIT, over the pool that Tortoise shares.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Awaitable, Callable

import asyncpg
from tortoise import connections

from benches.ledger import SCRATCH
from benches.measure import Case, Group, Pace, Sample, hammer, measure
from benches.world import PERSONS, World
from models.kernel.money import Money
from models.kernel.sql import transaction
from models.ledger import transfers
from models.ledger.chart import adjustments
from models.ledger.transfers import By, Transfer
from models.people.postings import ADJUSTMENT, available

TASKS = 16
BARE = """
WITH given AS (UPDATE bare_account SET own = own - 1 WHERE id = $1 RETURNING id),
     taken AS (UPDATE bare_account SET own = own + 1 WHERE id = $2 RETURNING id)
INSERT INTO bare_transfer (from_id, to_id, amount) SELECT given.id, taken.id, 1 FROM given, taken"""
_keys = itertools.count(1)


def _person() -> int:
    return random.randint(1, PERSONS)


async def bare(pool: asyncpg.Pool) -> None:
    """Two updates and an insert, in one statement."""
    giver = random.randint(1, PERSONS // 2)
    await pool.execute(BARE, giver, giver + PERSONS // 2)


async def function(pool: asyncpg.Pool) -> None:
    """What an adjustment moves, by the one statement that moves it."""
    person = _person()
    answer = await pool.fetchval(
        transfers.POST,
        f"person:{person}",
        ["bench", "operator", None],
        ["house.adjustments", "person.available"],
        ["house:adjustments", f"person:{person}:available"],
        ["house", f"person:{person}"],
        ["EUR", "EUR"],
        [ADJUSTMENT],
        [f"function:{next(_keys)}"],
        [1],
        [2],
        [1],
        [""],
    )
    assert "refused" not in answer, answer


async def post() -> None:
    """The same through the house's own door to the ledger."""
    person = _person()
    moved = Transfer(ADJUSTMENT, adjustments("EUR"), available(person, "EUR"), Money(1, "EUR"), f"post:{next(_keys)}")
    async with transaction() as db:
        await transfers.post(db, f"person:{person}", By("bench", "operator"), [moved])


def _by(tasks: int, once: Callable[[], Awaitable[None]]) -> Callable[[Pace], Awaitable[Sample]]:
    return lambda pace: hammer(once, tasks, pace)


async def run(world: World, pace: Pace) -> Group:
    await connections.get("default").execute_script(SCRATCH.format(persons=PERSONS))
    pool = await world.pool(TASKS)
    ways: list[tuple[str, str, Callable[[], Awaitable[None]]]] = [
        ("bare", "a bare transfer", lambda: bare(pool)),
        ("function", "ledger_post, one statement", lambda: function(pool)),
        ("post", "transfers.post in a transaction", post),
    ]
    group = await measure(
        __doc__.splitlines()[0],
        [
            Case(f"{name}_{tasks}", f"{about}, {tasks} task{'s' * (tasks > 1)}", _by(tasks, once), name == "bare")
            for tasks in (1, TASKS)
            for name, about, once in ways
        ],
        pace,
    )
    await pool.close()
    for tasks in (1, TASKS):
        group.compare(f"function / bare transfer, {tasks}", f"function_{tasks}", f"bare_{tasks}")
        group.compare(f"post / function, {tasks}", f"post_{tasks}", f"function_{tasks}")
    group.facts = {**await world.books(pace.check_seconds)}
    return group
