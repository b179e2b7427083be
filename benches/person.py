"""One person with balances through GraphQL over HTTP, one API process, against a bare endpoint with the same SQL.

The bare endpoint (floor.py) is Starlette, asyncpg and orjson under the same server: it reads the same rows by the same
two statements and answers the same JSON to the letter, which is compared before anything is measured. The ceiling of
the load generator against a socket that always answers the same shows that it is not what is measured.
"""

from __future__ import annotations

import json
from dataclasses import replace
from statistics import median

import httpx

from benches.load import load
from benches.measure import Case, Group, Pace, Sample, measure
from benches.world import PERSONS, Process, World
from models.kernel.viewer import Role
from server.auth import development_token

CLIENTS = 16
AT_LEAST = 0.18
DOCUMENT = """query ($number: Int!) { person(ref: {number: $number}) {
  number name version balances { currency available { amount } held { amount } } } }"""
BODY = json.dumps({"query": DOCUMENT, "variables": {"number": "@NUMBER@"}}).replace('"@NUMBER@"', "@NUMBER@")
WANTED = '"available":{"amount":"10000.00"}'


async def _same(api: Process, floor: Process, headers: dict[str, str]) -> None:
    """Both answer the same, or there is nothing to compare."""
    async with httpx.AsyncClient(headers=headers | {"content-type": "application/json"}) as client:
        for number in (1, PERSONS // 2, PERSONS):
            body = BODY.replace("@NUMBER@", str(number))
            answers = [
                (await client.post(f"http://127.0.0.1:{at.port}/graphql", content=body)).content for at in (api, floor)
            ]
            if answers[0] != answers[1]:
                raise RuntimeError(f"the floor does not answer what the API answers:\n{answers[0]!r}\n{answers[1]!r}")


async def run(world: World, pace: Pace) -> Group:
    pace = replace(pace, rounds=pace.rounds + 2 * (pace.rounds > 1))
    token = {"authorization": f"Bearer {development_token(Role.OPERATOR, subject='bench')}"}
    async with (
        world.serve("server.cli", "api") as api,
        world.serve("benches.floor", "person") as floor,
        world.serve("benches.floor", "constant") as constant,
    ):
        await _same(api, floor, token)

        async def ask(server: Process, pace: Pace, wanted: str = WANTED) -> Sample:
            return (await load(server, pace, BODY, wanted, CLIENTS, token))[0]

        group = await measure(
            __doc__.splitlines()[0],
            [
                Case("bare", "the bare endpoint: two reads, the same JSON", lambda pace: ask(floor, pace), floor=True),
                Case("graphql", "person with balances through GraphQL", lambda pace: ask(api, pace)),
            ],
            pace,
        )
        ceiling, generator_us = await load(constant, pace, BODY, '"data"', CLIENTS, token)
    group.compare("person over GraphQL / bare endpoint", "graphql", "bare", AT_LEAST)
    group.facts = {
        "generator_ceiling_per_second": round(ceiling.per_second),
        "generator_cpu_us_per_request": round(generator_us),
    }
    for case in ("bare", "graphql"):
        if used := [sample.cpu_us for sample in group.samples[case] if sample.cpu_us]:
            group.facts[f"{case}_cpu_us_per_request"] = round(median(used))
    return group
