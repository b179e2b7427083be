"""The ledger's function inside PostgreSQL: sixteen clients of pgbench, durable commits, against a bare transfer.

The bare transfer is the least that moves money: one statement that updates two rows and inserts a third. `ledger_post`
does for it what the books need: accounts by name, locks in order, the floor, a key that is used once, entries with the
balance after, and events for those who own the accounts.

What is to be shown: one account that everybody uses at once costs no more than many do, if it is hot; also while the
folder works. `spread` does the work of `hot` over as many house accounts as there are people, so that the two differ
in nothing but in how many share one account.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tortoise import connections

from benches.measure import Case, Group, Pace, Sample, measure
from benches.pgbench import CLIENTS, pgbench
from benches.world import PERSONS, World
from models.ledger import folding
from settings import settings

SCRATCH = """
CREATE TABLE bare_account (id int PRIMARY KEY, own bigint NOT NULL) WITH (fillfactor = 70);
CREATE TABLE bare_transfer (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, from_id int NOT NULL, to_id int NOT NULL,
                            amount bigint NOT NULL, at timestamptz NOT NULL DEFAULT now());
INSERT INTO bare_account SELECT n, 1000000 FROM generate_series(1, {persons}) n;
INSERT INTO ledger_account (kind, name, owner, currency, policy, announced)
  SELECT l.kind, 'bench:house:' || n, 'house', 'EUR', l.policy, l.announced
    FROM generate_series(1, {persons}) n, ledger_line l WHERE l.kind = 'house.adjustments';
ANALYZE bare_account, ledger_account;
"""

BARE = """
{set}
WITH given AS (UPDATE bare_account SET own = own - 1 WHERE id = :a RETURNING id),
     taken AS (UPDATE bare_account SET own = own + 1 WHERE id = :b RETURNING id)
INSERT INTO bare_transfer (from_id, to_id, amount) SELECT given.id, taken.id, 1 FROM given, taken;
"""
POST = """
\\set n :n + 1
{set}
SELECT ledger_post('bench', ARRAY['bench', 'service', NULL], ARRAY['{kind}', 'person.available'],
                   ARRAY[{name}, {person} || :b || {available}], ARRAY[{owner}, {person} || :b], ARRAY['EUR', 'EUR'],
                   ARRAY['adjustment'], ARRAY[:run || '-' || :client_id || '-' || :n], ARRAY[1], ARRAY[2], ARRAY[1::bigint],
                   ARRAY['']);
"""
TWO_OF_MANY = "\\set a random(1, :persons)\n\\set b (:a + random(1, :persons - 1) - 1) % :persons + 1"
# The bare transfer locks as it goes: apart from each other, its givers and takers cannot wait in a circle.
TWO_HALVES = "\\set a random(1, :persons / 2)\n\\set b random(:persons / 2 + 1, :persons)"
ONE_AND_MANY = "\\set a 1\n\\set b random(2, :persons)"
HOUSE = "house.adjustments"
_runs = itertools.count(1)


def _text(value: str) -> str:
    """A literal without a colon, in which pgbench would see a variable."""
    return "E'" + value.replace(":", "\\072") + "'"


def _post(set_: str, kind: str, name: str, owner: str) -> str:
    return POST.format(
        set=set_, kind=kind, name=name, owner=owner, person=_text("person:"), available=_text(":available")
    )


A_PERSON = f"{_text('person:')} || :a || {_text(':available')}", f"{_text('person:')} || :a"
COLD = _post(TWO_OF_MANY, "person.available", *A_PERSON)
HOT_FLOORED = _post(ONE_AND_MANY, "person.available", *A_PERSON)
SPREAD = _post(TWO_OF_MANY, HOUSE, f"{_text('bench:house:')} || :a", "'house'")
HOT = _post(ONE_AND_MANY, HOUSE, _text("house:adjustments"), "'house'")


@asynccontextmanager
async def _folder() -> AsyncIterator[None]:
    """Folds as the worker's job does, and as often."""

    async def work() -> None:
        while True:
            await asyncio.sleep(settings().fold_every_ms / 1000)
            while await folding.fold(settings().fold_batch) == settings().fold_batch:
                pass

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class _Cases:
    """The cases over one world, and what folding did meanwhile."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.folded, self.fold_seconds, self.waiting_max = 0, 0.0, 0

    async def _run(self, script: str, pace: Pace) -> Sample:
        return await pgbench(self.world, script, pace.seconds, next(_runs))

    async def bare(self, pace: Pace) -> Sample:
        return await self._run(BARE.format(set=TWO_HALVES), pace)

    async def bare_hot(self, pace: Pace) -> Sample:
        return await self._run(BARE.format(set=ONE_AND_MANY), pace)

    async def cold(self, pace: Pace) -> Sample:
        return await self._run(COLD, pace)

    async def hot_floored(self, pace: Pace) -> Sample:
        return await self._run(HOT_FLOORED, pace)

    async def spread(self, pace: Pace) -> Sample:
        sample = await self._run(SPREAD, pace)
        await self._drain()
        return sample

    async def hot(self, pace: Pace) -> Sample:
        sample = await self._run(HOT, pace)
        await self._drain()
        return sample

    async def hot_folding(self, pace: Pace) -> Sample:
        async with _folder():
            sample = await self._run(HOT, pace)
        self.waiting_max = max(self.waiting_max, (await folding.backlog())[0])
        await self._drain()
        return sample

    async def _drain(self) -> None:
        """Fold what is left with nothing else going on: how fast that is."""
        started = time.perf_counter()
        while folded := await folding.fold(settings().fold_batch):
            self.folded += folded
        self.fold_seconds += time.perf_counter() - started


async def run(world: World, pace: Pace) -> Group:
    await connections.get("default").execute_script(SCRATCH.format(persons=PERSONS))
    cases = _Cases(world)
    group = await measure(
        __doc__.splitlines()[0],
        [
            Case("bare", "a bare transfer between two of 10,000 rows", cases.bare, floor=True),
            Case("cold", "ledger_post between two of 10,000 people (floored)", cases.cold),
            Case("spread", "ledger_post from one of 10,000 house accounts (hot) to a person", cases.spread),
            Case("hot", "ledger_post from ONE house account (hot) to one of 10,000 people", cases.hot),
            Case("hot_folding", "the same while the folder works", cases.hot_folding),
            Case("bare_hot", "a bare transfer from ONE row to one of 10,000", cases.bare_hot, floor=True),
            Case("hot_floored", "ledger_post from ONE person (floored) to one of 10,000", cases.hot_floored),
        ],
        pace,
    )
    group.compare("one hot account / cold people", "hot", "cold", 0.9)
    group.compare("one hot account / many of its kind", "hot", "spread", 0.9)
    group.compare("one hot account while folding / cold people", "hot_folding", "cold", 0.9)
    group.compare("cold people / bare transfer", "cold", "bare")
    group.compare("one floored account / bare transfer from one row", "hot_floored", "bare_hot")
    group.facts = {
        "clients": CLIENTS,
        "folded_per_second": round(cases.folded / cases.fold_seconds),
        "waiting_after_folding_run_max": cases.waiting_max,
        **await world.books(pace.check_seconds),
    }
    return group
