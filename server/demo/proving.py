"""The end of each story: the books are proved, by the job that does so every hour."""

from __future__ import annotations

import asyncio

from server.demo.stage import Stage
from server.demo.story import OPERATOR, Answer, NotTold, Unplayable
from server.demo.watching import NO_WORKER

RUN = """mutation ($key: String!) { runJob(input: {name: AUDIT_BOOKS, idempotencyKey: $key}) {
  __typename ... on JobRun { id } ... on Refusal { code message } } }"""
FOLLOW = "query ($id: ID!) { jobRun(id: $id) { status done failures error } }"
ENDS, LOOK_SECONDS = ("DONE", "FAILED"), 0.2


async def prove(stage: Stage) -> str:
    """What the audit found, when it found nothing wrong. Raises Unplayable for a difference, or for no end in time."""
    token = stage.tokens[OPERATOR]
    stage.teller.acts(OPERATOR, "has the books proved")
    asked = await stage.api.ask(token, RUN, {"key": f"{stage.run}:audit"})
    if asked["__typename"] != "JobRun":
        raise Unplayable(f"The audit was refused, {asked['code']}: {asked['message']}")
    try:
        async with asyncio.timeout(stage.patience_seconds):
            run = await _ended(stage, asked["id"])
    except TimeoutError:
        raise NotTold(f"The audit has not ended within {stage.patience_seconds:g} s. {NO_WORKER}") from None
    await stage.dashboard.until(
        lambda item: item.get("to") in ENDS and item.get("run", {}).get("id") == asked["id"], "of the audit's end"
    )
    if run["status"] == "FAILED":
        raise Unplayable(f"The audit failed: {run['error']}")
    if run["failures"]:
        raise Unplayable(f"The books differ in {run['failures']} places: read `saldo audit`.")
    return f"the books of {run['done']} accounts are clean"


async def _ended(stage: Stage, id: str) -> Answer:
    while True:
        run: Answer = await stage.api.ask(stage.tokens[OPERATOR], FOLLOW, {"id": id})
        if run["status"] in ENDS:
            return run
        await asyncio.sleep(LOOK_SECONDS)
