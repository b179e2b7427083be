"""adjustBalance through GraphQL over HTTP, one API process, against the bare ledger function from one Python process.

Around the function stand HTTP, the token, the document, the idempotency key, the person's lock, his new version and
its event. Both sides give to one of 10,000 people out of the one hot house account, sixteen at a time.
"""

from __future__ import annotations

import json
from dataclasses import replace
from statistics import median

from benches.load import load
from benches.measure import Case, Group, Pace, Sample, hammer, measure
from benches.process import TASKS, function
from benches.world import World
from models.kernel.viewer import Role
from server.auth import development_token

DOCUMENT = """mutation ($input: AdjustBalanceInput!) { adjustBalance(input: $input) {
  __typename ... on Person { number version } ... on Refusal { code } } }"""
BODY = json.dumps(
    {
        "query": DOCUMENT,
        "variables": {
            "input": {
                "person": {"number": "@NUMBER@"},
                "money": {"amount": "0.01", "currency": "EUR"},
                "reason": "a bench",
                "idempotencyKey": "@KEY@",
            }
        },
    }
).replace('"@NUMBER@"', "@NUMBER@")


async def run(world: World, pace: Pace) -> Group:
    pace = replace(pace, rounds=pace.rounds + 2 * (pace.rounds > 1))
    pool = await world.pool(TASKS)
    token = {"authorization": f"Bearer {development_token(Role.OPERATOR, subject='bench')}"}
    async with world.serve("server.cli", "api") as api:

        async def bare(pace: Pace) -> Sample:
            return await hammer(lambda: function(pool), TASKS, pace)

        async def adjust(pace: Pace) -> Sample:
            return (await load(api, pace, BODY, '"__typename":"Person"', TASKS, token))[0]

        group = await measure(
            __doc__.splitlines()[0],
            [
                Case("function", "ledger_post, one statement, 16 tasks", bare, floor=True),
                Case("adjust", "adjustBalance over HTTP, 16 keep-alive clients", adjust),
            ],
            pace,
        )
    await pool.close()
    group.compare("adjustBalance over HTTP / the bare function", "adjust", "function")
    group.facts = {**await world.books(pace.check_seconds)}
    used = [sample.cpu_us for sample in group.samples["adjust"] if sample.cpu_us]
    if used:
        group.facts["api_cpu_us_per_mutation"] = round(median(used))
    return group
