"""What the tests of the inbox share: a topic that does as it is told, and ways to tell it so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from jobs.inbox import drain_inbox
from jobs.running import Tools
from models.inbox import operations as inbox
from models.inbox.reads import MessageRecord
from models.inbox.topics import Ignore, Payload, Poison, Received, Topic, Wait
from models.kernel.lifecycle import AlreadyThere
from models.kernel.refusals import Busy, NotFound
from models.kernel.sql import fetch, sql
from models.kernel.viewer import Role, Viewer
from models.people.tables import Person
from models.unit import Unit
from models.wiring import TOPICS
from models.work.operations import Report

SYSTEM = Viewer.system("drain_inbox")
SHOP = Viewer("shop", frozenset({Role.SERVICE}))
REFUSED = """... on Refusal { __typename code message retryable } ... on InvalidInput { fields { path message } }"""
INGEST = f"""mutation ($input: IngestEventInput!) {{ ingestEvent(input: $input) {{
  ... on InboxMessage {{ id topic eventId key status sender version }} {REFUSED} }} }}"""
LETTER = "id status source name reason deaths resolvedBy resolvedReason version"
LETTERS = f"""query ($filter: DeadLetterFilter, $first: Int, $after: Cursor, $last: Int, $before: Cursor) {{
  deadLetters(filter: $filter, first: $first, after: $after, last: $last, before: $before) {{
    totalCount pageInfo {{ hasNextPage endCursor startCursor }} edges {{ node {{ {LETTER} payload fixedPayload
      inboxMessage {{ id status eventId payload }} allowedActions {{ name allowed why }} }} }} }} }}"""
REDRIVE = f"""mutation ($input: RedriveDeadLettersInput!) {{ redriveDeadLetters(input: $input) {{
  ... on DeadLetter {{ {LETTER} inboxMessage {{ status }} }} {REFUSED} ... on IllegalMove {{ at: status allowed }} }} }}"""
DISCARD = f"""mutation ($input: DiscardDeadLetterInput!) {{ discardDeadLetter(input: $input) {{
  ... on DeadLetter {{ {LETTER} inboxMessage {{ status }} }} {REFUSED} ... on IllegalMove {{ at: status allowed }}
  ... on VersionConflict {{ expected actual }} }} }}"""


class Said(Payload):
    """`do` is what the handler is to do with it."""

    n: int
    key: str | None = None
    do: str = "done"


@dataclass
class Told:
    """What reached the handler, in order; `but` is what it does with some of them instead of what they say."""

    seen: list[tuple[str | None, int]] = field(default_factory=list)
    but: dict[int, str] = field(default_factory=dict)

    @property
    def topic(self) -> Topic[Said]:
        return Topic("test.said", Said, key=lambda said: said.key, handle=self.handle)

    async def handle(self, work: Unit, said: Said, received: Received) -> None:
        self.seen.append((said.key, said.n))
        await work.open(Person(name=f"{received.event_id} was here"))
        await asyncio.sleep(0)
        raised = {
            "done": None,
            "wait": Wait("another has to come first"),
            "ignore": Ignore("told before"),
            "poison": Poison("nobody can do this"),
            "refuse": NotFound("shop"),
            "fail": ZeroDivisionError("out of luck"),
            "busy": Busy(),
            "there": AlreadyThere(None),
            "die": asyncio.CancelledError(),
        }[self.but.get(said.n, said.do)]
        if raised:
            raise raised


async def tell(
    n: int = 1, *, key: str | None = None, do: str = "done", by: Viewer = SHOP, **more: Any
) -> MessageRecord:
    payload = {"n": n, "key": key, "do": do, **more}
    return await inbox.ingest("test.said", f"e{n}", payload, TOPICS, by=by)


async def drain() -> Report:
    return await drain_inbox(Tools(SYSTEM))


async def claim(lease_seconds: int = 60) -> list[inbox.Claimed]:
    return await inbox.claim_messages(limit=50, lease_seconds=lease_seconds, by=SYSTEM)


async def later(seconds: int = 0) -> None:
    """Everything that is to be looked at again some time is due now; what waits has waited for so long."""
    await fetch(
        sql(
            "UPDATE inbox_message SET next_check_at = NULL, waiting_since = waiting_since - make_interval(secs => {})"
            " RETURNING 1",
            seconds,
        )
    )


async def statuses() -> dict[str, str]:
    rows = await fetch(sql("SELECT event_id, status FROM inbox_message ORDER BY id"))
    return {row["event_id"]: row["status"] for row in rows}


async def row(event_id: str = "e1") -> Any:
    return (await fetch(sql("SELECT * FROM inbox_message WHERE event_id = {}", event_id)))[0]


async def was_here() -> list[str]:
    rows = await fetch(sql("SELECT name FROM person WHERE name LIKE '% was here' ORDER BY id"))
    return [row["name"].split()[0] for row in rows]


async def names(subject: str) -> list[str]:
    rows = await fetch(sql("SELECT name FROM event WHERE subject = {} ORDER BY version", subject))
    return [row["name"] for row in rows]


async def until(there: Callable[[], Awaitable[Any]]) -> Any:
    async with asyncio.timeout(10):
        while not (found := await there()):
            await asyncio.sleep(0.02)
    return found
