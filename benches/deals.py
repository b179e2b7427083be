"""confirmDeal through GraphQL over HTTP, one API process, against the bare ledger function from one Python process.

Each confirmation holds 0.01 of one of 10,000 customers in the escrow of a deal of its own, which is born with it, on both
sides; around the function stand HTTP, the token, the document, the deal's lock, his new version and its event. Then a
filtered page of deals, out of a table with 1,000 deals and out of one with 100,000.
"""

from __future__ import annotations

import itertools
import json

import asyncpg

from benches.load import load
from benches.measure import Case, Group, Pace, Sample, hammer, measure
from benches.world import DEAL_PERFORMER, PERSONS, World
from models.kernel.viewer import Role
from models.ledger import transfers
from server.auth import development_token

TASKS, FEW, MANY, BLOCK = 16, 1_000, 100_000, 12_000
AT_LEAST, PAGE_AT_LEAST = 0.15, 0.66
CONFIRM = "mutation ($n: Int!) { confirmDeal(input: {deal: {number: $n}}) { ... on Deal { status } ... on Refusal { code } } }"
LIST = """query { deals(first: 50, filter: {status: CREATED, currency: EUR}) {
  edges { node { id number title status version createdAt hasOpenDispute overdue price { amount } customer { number } } } } }"""
_bare = itertools.count(10_000_000)


async def function(pool: asyncpg.Pool) -> None:
    """What a confirmation moves, by the one statement that moves it."""
    deal = next(_bare)
    customer = deal % (PERSONS - 1) + 2
    answer = await pool.fetchval(
        transfers.POST,
        f"deal:{deal}",
        ["bench", "user", None],
        ["person.available", "deal.escrow"],
        [f"person:{customer}:available", f"deal:{deal}:escrow"],
        [f"person:{customer}", f"person:{customer}"],
        ["EUR", "EUR"],
        ["deal.hold"],
        [f"hold:deal:{deal}"],
        [1],
        [2],
        [1],
        [""],
    )
    if "refused" in answer:
        raise RuntimeError(answer)


async def run(world: World, pace: Pace) -> Group:
    await world.deals(1, FEW)
    operator = {"authorization": f"Bearer {development_token(Role.OPERATOR, subject='bench')}"}
    performer = {"authorization": f"Bearer {development_token(Role.USER, subject='p', person=DEAL_PERFORMER)}"}
    pool, blocks = await world.pool(TASKS), itertools.count(FEW + 1, BLOCK)
    body = json.dumps({"query": CONFIRM, "variables": {"n": "@NEXT@"}}).replace('"@NEXT@"', "@NEXT@")
    async with world.serve("server.cli", "api") as api:

        async def bare(pace: Pace) -> Sample:
            return await hammer(lambda: function(pool), TASKS, pace)

        async def listed(pace: Pace) -> Sample:
            return (await load(api, pace, json.dumps({"query": LIST}), '"status":"CREATED"', TASKS, operator))[0]

        async def confirm(pace: Pace) -> Sample:
            return (await load(api, pace, body, "CONFIRM_PERFORMER", TASKS, performer, first=next(blocks)))[0]

        few = await measure("", [Case("few", f"a page out of {FEW:,} deals", listed, floor=True)], pace)
        await world.deals(FEW + 1, MANY)
        group = await measure(
            __doc__.splitlines()[0],
            [
                Case("function", "ledger_post, one statement, 16 tasks", bare, floor=True),
                Case("confirm", "confirmDeal over HTTP, 16 keep-alive clients", confirm),
                Case("many", f"a page out of {MANY:,} deals", listed),
            ],
            pace,
        )
    await pool.close()
    group = group.add(few)
    group.compare("confirmDeal over HTTP / the bare function", "confirm", "function", AT_LEAST)
    group.compare(f"a page out of {MANY:,} deals / out of {FEW:,}", "many", "few", PAGE_AT_LEAST)
    return group
