"""Payouts created and confirmed through GraphQL over HTTP, one API process, against the bare functions that move the money.

Every payout gives a quarter to one and the same account of the house, which is hot; a folder works meanwhile. Around the
functions stand HTTP, the token, two documents, the idempotency key, the shop's lock, the terms, the payout's lock, its two
versions and their events. Then a filtered page of payouts, out of a table with 1,000 and out of one with 100,000.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Any

import asyncpg

from benches import merchants
from benches.load import load
from benches.measure import Case, Group, Pace, Sample, hammer, measure
from benches.statements import recorded, scans
from benches.world import Process, World
from models.events.requests import Request
from models.kernel.money import Money
from models.kernel.pages import Cut
from models.kernel.viewer import Role
from models.ledger import plans
from models.payouts import operations, reads
from models.payouts.lifecycle import PayoutStatus
from models.payouts.operations import Asked
from server.auth import development_token
from settings import settings

TASKS, READERS, MERCHANTS = 16, 4, 10_000
FEW, MANY, EACH = 1_000, 100_000, 100
AT_LEAST, HOT_AT_LEAST, PAGE_AT_LEAST = 0.15, 0.7, 0.66
ANSWER = "__typename ... on Payout { payoutId status sequence amount { amount } } ... on Refusal { code message }"
CREATE = f"mutation ($input: CreatePayoutInput!) {{ createPayout(input: $input) {{ {ANSWER} }} }}"
CONFIRM = f"mutation ($id: String!) {{ confirmPayout(input: {{payout: {{payoutId: $id}}}}) {{ {ANSWER} }} }}"
LIST = """query ($party: String!) { payouts(first: 50, filter: {status: CONFIRMED, partyId: $party}) { edges { node {
  id payoutId status sequence version createdAt requested { amount } amount { amount } fee { amount }
  cashFlow { source { type } destination { type } amount { amount currency } details }
  party { partyId name status } shop { shopId name currency status } } } } }"""


def _body(document: str, **variables: Any) -> str:
    return json.dumps({"query": document, "variables": variables})


ASKED = {"partyId": "m@NUMBER@", "shopId": "s", "money": {"amount": "1.00", "currency": "EUR"}}
CREATING = _body(CREATE, input=ASKED | {"payoutId": "@KEY@", "idempotencyKey": "@KEY@"})
CONFIRMING = _body(CONFIRM, id="@KEY@")
LISTING = _body(LIST, party="m@NUMBER@")
_bare = itertools.count(1)


async def plan(pool: asyncpg.Pool) -> None:
    """What a payout moves, by the two statements that hold and commit it."""
    shop, key = f"m{random.randint(1, MERCHANTS)}/s", f"house/payout_{next(_bare)}"
    by = ["bench", "operator", None]
    held = await pool.fetchval(
        plans.HOLD_NAMED,
        *(key, "house", "payout", "payout:1", by, 1),
        ["shop.settlement", "shop.payout", "system.settlement"],
        [f"shop:{shop}:settlement", f"shop:{shop}:payout", "system:house:settlement"],
        [f"shop:{shop}", f"shop:{shop}", "house"],
        ["EUR"] * 3,
        *([1, 1], [2, 3], [75, 25], ["EUR", "EUR"], ["PAYOUT-1", "PAYOUT-1"]),
    )
    done = await pool.fetchval(plans.FINISH, key, "house", "commit", by, *[None] * 6)
    if "refused" in held or "refused" in done:
        raise RuntimeError((held, done))


@asynccontextmanager
async def folder(world: World) -> AsyncIterator[None]:
    """Folds in the world's database of this moment as the worker's job does, and as often."""
    pool = await world.pool(1)

    async def work() -> None:
        while True:
            await asyncio.sleep(settings().fold_every_ms / 1000)
            while await pool.fetchval("SELECT ledger_fold($1)", settings().fold_batch) == settings().fold_batch:
                pass

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await pool.close()


async def moving(world: World, pace: Pace) -> Group:
    """The bare functions have a copy of their own: the audit knows no payouts for their plans."""
    name = world.name
    async with AsyncExitStack() as stack:
        await merchants.merchants(world, MERCHANTS)
        api = await stack.enter_async_context(world.serve("server.cli", "api", transfers_enabled="false"))
        queueing = await stack.enter_async_context(world.serve("server.cli", "api"))
        await stack.enter_async_context(folder(world))
        await world.fresh("payouts_bare")
        await merchants.merchants(world, MERCHANTS)
        await stack.enter_async_context(folder(world))
        pool = await world.pool(TASKS)
        stack.push_async_callback(pool.close)

        async def bare(pace: Pace) -> Sample:
            return await hammer(lambda: plan(pool), TASKS, pace)

        warm = replace(pace, seconds=1.0)
        for server in (api, queueing):
            await paid(server, MERCHANTS, warm)
        await bare(warm)
        group = await measure(
            (__doc__ or "").splitlines()[0],
            [
                Case("plans", "ledger_hold_named, then ledger_finish, 16 tasks, 10,000 merchants", bare, floor=True),
                Case(
                    "payouts",
                    "createPayout, then confirmPayout, 16 clients, 10,000 merchants",
                    partial(paid, api, MERCHANTS),
                ),
                Case("one", "the same, all of 1 merchant", partial(paid, api, 1), floor=True),
                Case("queued", "of 10,000, each delivery queued for a worker", partial(paid, queueing, MERCHANTS)),
            ],
            pace,
        )
    group.compare("payouts over HTTP / plans by the bare functions", "payouts", "plans", AT_LEAST)
    group.compare("payouts of 10,000 merchants / of 1", "payouts", "one", HOT_AT_LEAST)
    group.compare("payouts with their deliveries queued / without", "queued", "payouts")
    for case in ("payouts", "queued"):
        if used := [sample.cpu_us for sample in group.samples[case] if sample.cpu_us]:
            group.facts[f"{case}_api_cpu_us"] = round(median(used))
    async with recorded(world, name) as said:
        group.facts |= await _statements(said)
    group.facts |= await world.books(pace.check_seconds)
    return group


async def paid(server: Process, persons: int, pace: Pace) -> Sample:
    """Each client has a payout of a random one of so many merchants created, and confirms it."""
    wanted = '"__typename":"Payout"'
    return (await load(server, pace, CREATING, wanted, TASKS, _token(), then=CONFIRMING, persons=persons))[0]


async def _statements(said: list[Any]) -> dict[str, int]:
    """Of each mutation as the API runs it. The first one reads the merchant's terms, which the process knows from then on; a
    confirmation queues a delivery."""
    asked = Asked("m1", "s", Money(100, "EUR"))
    counts = {}
    await operations.make(replace(asked, party="m2"), by=merchants.OPERATOR)  # the connection gets to know types
    for name in ("create_first", "create"):
        said.clear()
        request = Request("createPayout", {}, name)
        made = await operations.make(replace(asked, payout_id=name), by=merchants.OPERATOR, request=request)
        counts[f"statements_of_{name}"] = len(said)
    said.clear()
    await operations.confirm(made.payout_id, by=merchants.OPERATOR)
    return counts | {"statements_of_confirm_and_queue": len(said)}


async def listing(world: World, pace: Pace) -> Group:
    apis: dict[int, Process] = {}
    facts: dict[str, float | int | bool | str] = {}
    async with AsyncExitStack() as stack:
        for count in (FEW, MANY):
            await world.fresh(f"payouts_{count}")
            await merchants.merchants(world, MERCHANTS)
            await merchants.payouts(world, count, count // EACH)
            apis[count] = await stack.enter_async_context(world.serve("server.cli", "api"))
        async with recorded(world, world.name) as said:
            said.clear()
            wanted = reads.Wanted(party="m7", status=PayoutStatus.CONFIRMED)
            await reads.listed(merchants.OPERATOR, wanted, reads.NEWEST, Cut(first=50))
            found = await scans(*said[-1])
        if any("Index Scan" not in scan for scan in found):
            raise RuntimeError(f"a page is read by {found}")
        facts["page_plan"] = " or ".join(dict.fromkeys(found))

        async def listed(count: int, pace: Pace) -> Sample:
            wanted = '"status":"CONFIRMED"'
            return (await load(apis[count], pace, LISTING, wanted, READERS, _token(), persons=count // EACH))[0]

        for count in apis:
            await listed(count, replace(pace, seconds=1.0))
        group = await measure(
            "",
            [
                Case("few", f"a page of 50 out of {FEW:,} payouts, 4 clients", partial(listed, FEW), floor=True),
                Case("many", f"a page of 50 out of {MANY:,} payouts", partial(listed, MANY)),
            ],
            pace,
        )
    group.compare(f"a page out of {MANY:,} payouts / out of {FEW:,}", "many", "few", PAGE_AT_LEAST)
    group.facts = facts
    return group


def _token() -> dict[str, str]:
    return {"authorization": f"Bearer {development_token(Role.OPERATOR, subject='bench')}"}


async def run(world: World, pace: Pace) -> Group:
    pace = replace(pace, rounds=pace.rounds + 2 * (pace.rounds > 1))
    group = await moving(world, pace)
    return group.add(await listing(world, pace))
