"""Situations in which two can meet. Each answers what went wrong: an empty list when nothing did."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Iterable
from itertools import pairwise
from typing import Any

from models.events.requests import Request
from models.inbox import operations as inbox
from models.inbox.operations.receiving import received
from models.inbox.topics import Payload, Poison, Received, Topic, arrival
from models.kernel.metrics import UNITS
from models.kernel.refusals import InvalidInput, Refusal, VersionConflict
from models.kernel.sql import fetch, fetch_one, sql
from models.kernel.viewer import Role, Viewer
from models.ledger import folding
from models.ledger.errors import InsufficientFunds
from models.people import operations as people
from models.unit import Unit, step
from models.wiring import JOBS
from models.work import operations as work
from tests.ledger.books import BY, commit, floored, hold, house, post, state
from tests.make import money

TOTALS = """SELECT coalesce(sum(own), 0)::bigint AS total FROM (
              SELECT own FROM ledger_account WHERE name LIKE 'test:%'
              UNION ALL SELECT a.own + d.own FROM (SELECT id, own FROM ledger_account WHERE name = 'house:adjustments') a,
                LATERAL (SELECT coalesce(sum(own_delta), 0) AS own FROM ledger_delta WHERE account_id = a.id) d) x"""


async def outcomes(calls: Iterable[Awaitable[Any]]) -> list[Any]:
    return await asyncio.gather(*calls, return_exceptions=True)


def surprises(found: Iterable[Any], expected: type[BaseException] | tuple[type[BaseException], ...] = ()) -> list[str]:
    return [repr(one) for one in found if isinstance(one, BaseException) and not isinstance(one, expected)]


def clashes() -> float:
    """How many units have been run again because they clashed with others."""
    return sum(s.value for m in UNITS.collect() for s in m.samples if s.labels.get("outcome") == "clash")


async def opposed_transfers(*, workers: int = 32, rounds: int = 12, accounts: int = 3) -> list[str]:
    """32 workers move money to and fro between a few accounts: nobody is told of a deadlock, there is none."""
    for number in range(accounts):
        await post((house(), floored(number), 1_000_000))
    before, rng = clashes(), random.Random(7)

    async def worker() -> None:
        for _ in range(rounds):
            route = rng.sample(range(accounts), accounts)
            await post(*((floored(a), floored(b), 1) for a, b in pairwise(route)))

    wrong = surprises(await outcomes(worker() for _ in range(workers)))
    if clashes() != before:
        wrong.append(f"{clashes() - before} deadlocks")
    if sum([(await state(floored(n)))[0] for n in range(accounts)]) != accounts * 1_000_000:
        wrong.append("money was made or lost")
    return wrong


async def one_balance_is_spent_once() -> list[str]:
    """100 on an account, 20 at once want 10, half of them by a hold: ten get it, none is refused falsely."""
    await post((house(), floored(1), 100))
    asked = [post((floored(1), floored(2 + n), 10)) for n in range(10)]
    asked += [hold(f"p{n}", 1, (floored(1), floored(20 + n), 10)) for n in range(10)]
    found = await outcomes(asked)
    wrong = surprises(found, InsufficientFunds)
    short = sum(isinstance(one, InsufficientFunds) for one in found)
    left = (await state(floored(1)))[1]
    return wrong + ([] if (short, left) == (10, 0) else [f"{short} refused, {left} left"])


async def hot_account_while_folded(*, folders: int = 6) -> list[str]:
    """Everybody pays from the house while several folders fold: it is exact at every moment, and afterwards."""
    paid, wrong, going = 0, [], True

    async def payer(number: int) -> None:
        nonlocal paid
        for _ in range(25):
            await post((house(), floored(number), 1))
            paid += 1

    async def folder() -> None:
        while going:
            try:
                await folding.fold(random.choice((1, 3, 9)))
            except Exception as error:  # noqa: BLE001  whatever it is, it is what went wrong
                wrong.append(repr(error))
            await asyncio.sleep(0)

    async def reader() -> None:
        while going:
            row = await fetch_one(sql(TOTALS))
            if row and row["total"]:
                wrong.append(f"total {row['total']}")

    beside = [asyncio.create_task(task) for task in (*(folder() for _ in range(folders)), reader())]
    wrong += surprises(await outcomes(payer(n) for n in range(12)))
    going = False
    await asyncio.gather(*beside)
    if (await state(house()))[0] != -paid:
        wrong.append(f"the house stands at {(await state(house()))[0]}, not {-paid}")
    return wrong


async def first_hold_by_twenty() -> list[str]:
    """The same first hold at once from twenty clients: one set of rows, twenty equal answers."""
    found = await outcomes(hold("same", 1, (house(), floored(1), 10)) for _ in range(20))
    wrong = surprises(found)
    if not wrong and len({answer.accounts for answer in found}) != 1:
        wrong.append("different answers")
    if sum(not answer.repeated for answer in found if not isinstance(answer, BaseException)) != 1:
        wrong.append("not exactly one first")
    return wrong


async def opposed_plans(*, pairs: int = 500) -> list[str]:
    """Plans there and plans back over the same two accounts, held and committed at once: no deadlock, sums of zero."""
    for number in (1, 2):
        await post((house(), floored(number), 100_000))
    before = clashes()

    async def one(name: str, there: int, back: int) -> None:
        await hold(name, 1, (floored(there), floored(back), 3))
        await commit(name)

    calls = [one(f"{way}{n}", *((1, 2) if way == "a" else (2, 1))) for n in range(pairs) for way in "ab"]
    wrong = surprises(await outcomes(calls))
    stands = [await state(floored(number)) for number in (1, 2)]
    if stands != [(100_000,) * 3] * 2 or clashes() != before:
        wrong.append(f"{stands}, {clashes() - before} clashes")
    return wrong


async def twins_with_one_key() -> list[str]:
    """One request, sent twenty times at once: done once, answered alike."""
    person = await people.upsert("twin", "Anna", by=BY)

    def ask() -> Awaitable[Any]:
        request = Request("adjustBalance", {"n": 1}, key="twins")
        return people.adjust(person.id, money("10 EUR"), "once", by=BY, request=request)

    found = await outcomes(ask() for _ in range(20))
    wrong = surprises(found)
    if not wrong and any(one != found[0] for one in found):
        wrong.append("different answers")
    rows = await fetch(sql("SELECT 1 FROM ledger_transfer"))
    return wrong + ([] if len(rows) == 1 else [f"{len(rows)} transfers"])


async def one_identity_for_ten() -> list[str]:
    """Ten bring the same new person at once: there is one."""
    found = await outcomes(people.upsert("new", "Anna", by=BY) for _ in range(10))
    wrong = surprises(found)
    return wrong + ([] if len({one.id for one in found if not isinstance(one, BaseException)}) == 1 else ["several"])


async def two_expect_one_version() -> list[str]:
    """Five adjust a person from the version they saw: one wins, the others are told."""
    person = await people.upsert("versioned", "Anna", by=BY)

    def ask() -> Awaitable[Any]:
        request = Request("adjustBalance", {}, expected_version=person.version)
        return people.adjust(person.id, money("1 EUR"), "a race", by=BY, request=request)

    found = await outcomes(ask() for _ in range(5))
    conflicts = sum(isinstance(one, VersionConflict) for one in found)
    return surprises(found, Refusal) + ([] if conflicts == 4 else [f"{conflicts} conflicts"])


async def claims_of_four_workers() -> list[str]:
    """Four workers claim requested runs at once, and once more: each run is claimed by one."""
    for _ in range(10):
        await work.request_run(JOBS["prune"], by=BY)
    system = Viewer("job:test", frozenset({Role.SYSTEM}))
    waves = [await outcomes(work.claim_runs(limit=4, lease_seconds=60, by=system) for _ in range(4)) for _ in range(2)]
    found = [haul for wave in waves for haul in wave]
    ids = [claim.id for haul in found if not isinstance(haul, BaseException) for claim in haul]
    return surprises(found) + ([] if len(ids) == len(set(ids)) == 10 else [f"claimed {sorted(ids)}"])


class Said(Payload):
    key: str
    n: int


def _topics(seen: list[tuple[str, int]]) -> dict[str, Topic[Said]]:
    """A topic whose handler keeps what it was given, and is the quicker the later it was sent."""

    async def handle(_work: Unit, said: Said, _received: Received) -> None:
        await asyncio.sleep((12 - said.n) * 0.003)
        seen.append((said.key, said.n))

    return {"race": Topic("race", Said, key=lambda said: said.key, handle=handle)}


SHOP, DRAIN = Viewer("shop", frozenset({Role.SERVICE})), Viewer.system("drain_inbox")


async def _drain(topics: dict[str, Topic[Said]], *, drainers: int, lease_seconds: int) -> list[str]:
    """Several claim, and all do what they have; again until nothing is left."""
    wrong: list[str] = []
    while True:
        hauls = [await inbox.claim_messages(limit=6, lease_seconds=lease_seconds, by=DRAIN) for _ in range(drainers)]
        if not any(hauls):
            return wrong
        wrong += surprises(await outcomes(inbox.process(one, topics, by=DRAIN) for haul in hauls for one in haul))


async def one_event_id_for_ten() -> list[str]:
    """Ten bring the same event at once: there is one message, and all are answered alike."""
    topics, payload = _topics([]), {"key": "k", "n": 1}
    found = await outcomes(inbox.ingest("race", "twin", payload, topics, by=SHOP) for _ in range(10))
    wrong = surprises(found)
    if not wrong and any(one != found[0] for one in found):
        wrong.append("different answers")
    rows = await fetch(sql("SELECT 1 FROM inbox_message"))
    return wrong + ([] if len(rows) == 1 else [f"{len(rows)} messages"])


async def two_drainers() -> list[str]:
    """Two work off the inbox, whose leases end at once: each message is handled once, those of a key in their order."""
    seen: list[tuple[str, int]] = []
    topics = _topics(seen)
    for n in range(12):
        await inbox.ingest("race", f"e{n}", {"key": "ab"[n % 2], "n": n}, topics, by=SHOP)
    wrong = await _drain(topics, drainers=2, lease_seconds=0)
    for key in "ab":
        if (order := [n for of, n in seen if of == key]) != [n for n in range(12) if "ab"[n % 2] == key]:
            wrong.append(f"{key} was handled as {order}")
    return wrong


async def a_message_that_takes_long_to_come() -> list[str]:
    """A message has its number and is not committed yet, when a later one of its key comes: that one waits for it."""
    seen: list[tuple[str, int]] = []
    topics = _topics(seen)

    @step(refuses=(InvalidInput,))
    async def slowly(work: Unit, *, by: Viewer) -> None:
        await received(work, arrival(topics, "race", "e0", {"key": "k", "n": 0}), by.subject)
        await asyncio.sleep(0.1)

    first = asyncio.create_task(slowly(by=SHOP))
    await asyncio.sleep(0.05)
    await inbox.ingest("race", "e1", {"key": "k", "n": 1}, topics, by=SHOP)
    wrong = await _drain(topics, drainers=1, lease_seconds=60)
    await first
    wrong += await _drain(topics, drainers=1, lease_seconds=60)
    return wrong + ([] if seen == [("k", 0), ("k", 1)] else [f"handled as {seen}"])


async def one_letter_driven_by_five() -> list[str]:
    """Five drive one dead letter again at once: it is done once, and all are answered alike."""
    topics = _topics([])
    await inbox.ingest("race", "dead", {"key": "k", "n": 1}, topics, by=SHOP)
    (claimed,) = await inbox.claim_messages(limit=1, lease_seconds=60, by=DRAIN)
    await inbox.set_aside(claimed, Poison("a race"), wait_seconds=60, by=DRAIN)
    (letter,) = await fetch(sql("SELECT id FROM dead_letter"))
    found = await outcomes(inbox.redrive(letter["id"], None, topics, by=BY) for _ in range(5))
    wrong = surprises(found)
    if not wrong and any(one != found[0] for one in found):
        wrong.append("different answers")
    moves = await fetch(sql("SELECT noun FROM event WHERE name = 'redrive' ORDER BY noun"))
    told = [move["noun"] for move in moves]
    return wrong + ([] if told == ["dead_letter", "inbox_message"] else [f"{told} were driven"])
