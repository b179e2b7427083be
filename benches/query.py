"""A query through GraphQL over HTTP, one API process, against a bare endpoint with the same SQL and the same answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import httpx

from benches.load import load
from benches.measure import Case, Group, Pace, Sample, measure
from benches.world import Process, World
from models.kernel.viewer import Role
from server.auth import development_token

CLIENTS = 16


@dataclass(frozen=True)
class Query:
    """What is asked of both. `name` is also that of its floor (floor.py)."""

    name: str
    about: str
    document: str
    variables: dict[str, Any]
    wanted: str
    """What every answer holds."""
    numbers: Sequence[int] = (1,)
    """For whom both answers are compared, where the variables hold "@NUMBER@"."""
    at_least: float | None = None

    @property
    def body(self) -> str:
        body = json.dumps({"query": self.document, "variables": self.variables})
        return body.replace('"@NUMBER@"', "@NUMBER@")


async def _same(query: Query, api: Process, floor: Process, headers: dict[str, str]) -> int:
    """How large the answer is. Both answer the same, or there is nothing to compare."""
    size = 0
    async with httpx.AsyncClient(headers=headers | {"content-type": "application/json"}) as client:
        for number in query.numbers:
            body = query.body.replace("@NUMBER@", str(number))
            answers = [
                (await client.post(f"http://127.0.0.1:{at.port}/graphql", content=body)).content for at in (api, floor)
            ]
            if answers[0] != answers[1]:
                at = next((at for at, (a, b) in enumerate(zip(*answers, strict=False)) if a != b), len(answers[1]))
                parts = [answer[max(0, at - 60) : at + 60] for answer in answers]
                raise RuntimeError(f"the floor does not answer what the API answers:\n{parts[0]!r}\n{parts[1]!r}")
            size = len(answers[0])
    return size


async def against_floor(query: Query, about: str, world: World, pace: Pace) -> Group:
    pace = replace(pace, rounds=pace.rounds + 2 * (pace.rounds > 1))
    token = {"authorization": f"Bearer {development_token(Role.OPERATOR, subject='bench')}"}
    async with (
        world.serve("server.cli", "api") as api,
        world.serve("benches.floor", query.name) as floor,
        world.serve("benches.floor", "constant") as constant,
    ):
        size = await _same(query, api, floor, token)

        async def ask(server: Process, pace: Pace) -> Sample:
            return (await load(server, pace, query.body, query.wanted, CLIENTS, token))[0]

        group = await measure(
            about,
            [
                Case(
                    "bare", "the bare endpoint: the same SQL, the same JSON", lambda pace: ask(floor, pace), floor=True
                ),
                Case("graphql", f"{query.about} through GraphQL", lambda pace: ask(api, pace)),
            ],
            pace,
        )
        ceiling, generator_us = await load(constant, pace, query.body, '"data"', CLIENTS, token)
    group.compare(f"{query.name} over GraphQL / bare endpoint", "graphql", "bare", query.at_least)
    group.facts = {
        "generator_ceiling_per_second": round(ceiling.per_second),
        "generator_cpu_us_per_request": round(generator_us),
        "bytes_of_an_answer": size,
    }
    for case in ("bare", "graphql"):
        if used := [sample.cpu_us for sample in group.samples[case] if sample.cpu_us]:
            group.facts[f"{case}_cpu_us_per_request"] = round(median(used))
    return group
