"""What the worker does with deals: in order, safe when it fails, dies, or works beside another. [spec/deals §7.2-7.5]"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import sentry_sdk

from jobs import deals as jobs
from jobs.running import Report, Tools, measured
from jobs.wiring import BODIES
from models.deals import operations as deals
from models.deals.wiring import CHECKS, EXPIRE, PROMOTE, RECONCILE
from models.kernel.clock import now
from models.kernel.sql import fetch, sql, transaction
from models.kernel.viewer import Viewer
from models.ledger.audit import audit
from tests.conftest import empty
from tests.deals.situations import done, offer, offered, standing

TOOLS = Tools(Viewer.system("test"))


class Killed(BaseException):
    """The process is gone: nothing after it runs."""


async def waiting(make, *prices, customer=None):
    """Deals of one customer, the oldest first, that wait for money."""
    anna, bert = customer or await make.person(), await make.person()
    made = [await deals.offer(offer(anna.id, bert.id, price), by=make.user(anna).viewer) for price in prices]
    return anna, [await done(make, deal, "confirm") for deal in made]


async def stand():
    """Every deal, every account, and how often anything happened: the books."""
    rows = await fetch(
        sql(
            """SELECT 'deal' AS what, id::text AS of, status || ' ' || overdue AS stands, version FROM deal
               UNION ALL SELECT 'account', name, currency || own, version FROM ledger_account ORDER BY 1, 2"""
        )
    )
    return [tuple(row) for row in rows]


async def statuses():
    return [row["status"] for row in await fetch(sql("SELECT status FROM deal ORDER BY id"))]


@pytest.fixture
def told(monkeypatch):
    """What was told to Sentry."""
    errors = []
    monkeypatch.setattr(sentry_sdk, "capture_exception", errors.append)
    monkeypatch.setattr(sentry_sdk, "capture_message", lambda text, level: errors.append((level, text)))
    return errors


def breaks(monkeypatch, numbers):
    """Some deals cannot be moved: after their money was."""
    moved = deals.Unit.move

    async def moves(work, row, name, **facts):
        if row.id in numbers:
            raise RuntimeError(row.id)
        return await moved(work, row, name, **facts)

    monkeypatch.setattr(deals.Unit, "move", moves)


HELD, WAITS = "confirm_performer", "waiting_for_payment"


# --- promotion --------------------------------------------------------------------------------------------------------


async def test_28_the_oldest_come_first_and_what_does_not_fit_is_passed_over(make):
    anna, _ = await waiting(make, "80 USDT", "50 USDT", "30 USDT", "15 USDT", "5 USDT")
    for money, expected in (
        ("4.999999 USDT", [WAITS] * 5),
        ("94.999999 USDT", [HELD, WAITS, WAITS, HELD, WAITS]),
        ("0.000001 USDT", [HELD, WAITS, WAITS, HELD, WAITS]),
        ("30 USDT", [HELD, WAITS, HELD, HELD, WAITS]),
        ("50 USDT", [HELD, HELD, HELD, HELD, WAITS]),
        ("0.000001 USDT", [HELD, HELD, HELD, HELD, HELD]),
    ):
        await make.adjust(anna, money)
        await jobs.promote_waiting_deals(TOOLS)
        assert (money, await statuses()) == (money, expected)


async def test_29_each_currency_and_each_customer_waits_for_itself(make):
    anna, _ = await waiting(make, "100 EUR", "100 USDT")
    bert, _ = await waiting(make, "100 EUR")
    await make.adjust(anna, "100 USDT")
    await make.adjust(anna, "99.99 EUR")
    await make.adjust(bert, "1000 USD")
    assert await jobs.promote_waiting_deals(TOOLS) == Report(done=1)
    assert await statuses() == [WAITS, HELD, WAITS]
    await make.adjust(anna, "0.01 EUR")
    await make.adjust(bert, "100 EUR")
    assert await jobs.promote_waiting_deals(TOOLS) == Report(done=2)
    assert await statuses() == [HELD, HELD, HELD]


async def test_money_that_comes_back_promotes_what_waits(make, database):
    """Out of a dispute, and as the pay for another deal."""
    anna, (first, second) = await waiting(make, "100 USDT", "100 USDT")
    bert, (third,) = await waiting(make, "60 USDT", customer=await make.read(first.performer_id))
    await make.adjust(anna, "100 USDT")
    await jobs.promote_waiting_deals(TOOLS)
    await done(make, first, "open_dispute")
    await done(make, first, "close_by_split")
    assert await jobs.promote_waiting_deals(TOOLS) == Report()
    await make.adjust(anna, "30 USDT")
    await make.adjust(bert, "30 USDT")
    assert (await jobs.promote_waiting_deals(TOOLS)).failures == 0
    assert await statuses() == ["arb_close_split", HELD, HELD]
    assert third.customer_id == first.performer_id != second.customer_id


async def test_a_confirmation_that_finds_money_takes_it_and_the_older_deal_says_what_it_lacks_now(make, api):
    """First come, first served is the rule of promotions alone."""
    anna, (older, younger) = await waiting(make, "80 USDT", "50 USDT")
    await make.adjust(anna, "100 USDT")
    await done(make, younger, "confirm")
    asked = "query ($n: Int!) { deal(ref: {number: $n}) { waitingFor { shortfall { amount } } } }"
    assert await api(asked, by=make.user(anna), n=older.id) == {"waitingFor": {"shortfall": {"amount": "30.000000"}}}
    await jobs.promote_waiting_deals(TOOLS)
    assert await statuses() == [WAITS, HELD]


async def test_one_deal_that_fails_stops_nobody_and_is_told(make, monkeypatch, told):
    anna, (_, bad, _) = await waiting(make, "10 USDT", "20 USDT", "30 USDT")
    bert, (worse,) = await waiting(make, "10 EUR")
    carl, _ = await waiting(make, "10 EUR")
    for person, money in ((anna, "60 USDT"), (bert, "10 EUR"), (carl, "10 EUR")):
        await make.adjust(person, money)
    with monkeypatch.context() as patched:
        breaks(patched, {bad.id, worse.id})
        assert await jobs.promote_waiting_deals(TOOLS) == Report(done=1, failures=2)
    assert await statuses() == [HELD, WAITS, HELD, WAITS, HELD]
    assert sorted(str(e) for group in told for e in group.exceptions) == sorted([str(bad.id), str(worse.id)])
    assert await jobs.promote_waiting_deals(TOOLS) == Report(done=2)
    assert await statuses() == [HELD] * 5


async def test_ticks_at_once_do_what_one_does(make, told):
    people = [await waiting(make, "60 USDT", "50 USDT", "40 USDT") for _ in range(4)]
    for anna, _ in people:
        await make.adjust(anna, "100 USDT")
    reports = await asyncio.gather(*(jobs.promote_waiting_deals(TOOLS) for _ in range(6)))
    assert sum(report.failures for report in reports) == 0
    assert await statuses() == [HELD, WAITS, HELD] * 4
    moves = await fetch(sql("SELECT count(*) AS n FROM event WHERE name = 'promote'"))
    assert (moves[0]["n"], told) == (8, [])


# --- deadlines --------------------------------------------------------------------------------------------------------


async def overdue_deals(make, stands):
    """Deals that stand so, whose deadline has passed a while ago."""
    made = [await standing(make, name) for name in stands]
    async with transaction() as db:
        await db.execute("UPDATE deal SET deadline_at = $1", now() - timedelta(hours=1))
    return made


async def test_deadlines_end_what_was_not_confirmed_and_move_no_money(make, told):
    stands = [
        "CREATED",
        "WAITING_FOR_PAYMENT",
        "CONFIRM_PERFORMER",
        "DISPUTED",
        "CLOSE",
        "ARB_CLOSE_SPLIT",
        "CANCELLED",
    ]
    made = await overdue_deals(make, stands)
    money = await fetch(sql("SELECT name, own FROM ledger_account ORDER BY id"))
    assert await jobs.expire_deals(TOOLS) == Report(done=4)
    rows = await fetch(sql("SELECT status, overdue, version, closed_at IS NULL AS live FROM deal ORDER BY id"))
    assert [tuple(row) for row in rows] == [
        ("cancelled", False, 1, False), ("cancelled", False, 2, False), (HELD, True, 2, True), (HELD, True, 3, True),
        ("close", False, 2, False), ("arb_close_split", False, 3, False), ("cancelled", False, 1, False),
    ]  # fmt: skip
    names = await fetch(
        sql("SELECT name, actor_role FROM event WHERE noun = 'deal' AND actor_role = 'system' ORDER BY id")
    )
    assert sorted(row["name"] for row in names) == ["expire", "expire", "note_overdue", "note_overdue"]
    assert await fetch(sql("SELECT name, own FROM ledger_account ORDER BY id")) == money
    assert await jobs.expire_deals(TOOLS) == Report()
    assert told == []
    await done(make, made[2], "close")


async def test_one_deadline_that_fails_stops_nobody_and_is_told(make, monkeypatch, told):
    bad, *_ = await overdue_deals(make, ["CREATED"] * 3)
    with monkeypatch.context() as patched:
        breaks(patched, {bad.id})
        assert await jobs.expire_deals(TOOLS) == Report(done=2, failures=1)
    assert (await statuses(), [str(error) for error in told]) == (["created", "cancelled", "cancelled"], [str(bad.id)])
    assert await jobs.expire_deals(TOOLS) == Report(done=1)


async def test_deadlines_at_once_end_a_deal_once(make, told):
    await overdue_deals(make, ["CREATED", "WAITING_FOR_PAYMENT", "CONFIRM_PERFORMER"] * 2)
    reports = await asyncio.gather(*(jobs.expire_deals(TOOLS) for _ in range(5)))
    assert sum(report.failures for report in reports) == 0
    names = await fetch(sql("SELECT name, count(*) AS n FROM event WHERE actor_role = 'system' GROUP BY 1 ORDER BY 1"))
    assert ([tuple(row) for row in names], told) == ([("expire", 4), ("note_overdue", 2)], [])


# --- death ------------------------------------------------------------------------------------------------------------


async def a_tick_to_do(make):
    """Two customers with three deals each that wait, and four deadlines; the numbers are always the same."""
    async with transaction() as db:
        await db.execute("ALTER SEQUENCE deal_id_seq RESTART; ALTER SEQUENCE person_id_seq RESTART")
    for _ in range(2):
        anna, _ = await waiting(make, "60 USDT", "50 USDT", "40 USDT")
        await make.adjust(anna, "100 USDT")
    late = [(await offered(make)).id, (await standing(make, "CONFIRM_PERFORMER")).id]
    async with transaction() as db:
        await db.execute("UPDATE deal SET deadline_at = $1 WHERE id = ANY($2::bigint[])", now() - timedelta(1), late)


async def both_ticks():
    await jobs.promote_waiting_deals(TOOLS)
    await jobs.expire_deals(TOOLS)


def dies(monkeypatch, step, when):
    """The worker dies at its `step`th unit: before it, in it just before the commit, or right after."""
    units = 0

    def deadly(verb):
        async def unit(number, *, by):
            nonlocal units
            units += 1
            if units == step and when == "before":
                raise Killed
            answer = await verb(number, by=by)
            if units == step and when == "after":
                raise Killed
            return answer

        return unit

    monkeypatch.setattr(jobs, "AT_ONCE", 1)
    for name in ("promote", "expire"):
        monkeypatch.setattr(deals, name, deadly(getattr(deals, name)))
    if when == "in":
        breaks_at(monkeypatch, step)


def breaks_at(monkeypatch, step):
    write, writes = deals.Unit._write, 0

    async def written(work, *args):
        nonlocal writes
        writes += 1
        row = await write(work, *args)
        if writes == step:
            raise Killed
        return row

    monkeypatch.setattr(deals.Unit, "_write", written)


UNITS = 8
"""Three for each customer: the second deal is tried, too, for it would fit alone; and two deadlines."""


@pytest.mark.parametrize("when", ["before", "in", "after"])
async def test_killed_between_any_two_steps_the_books_are_those_of_an_undisturbed_run(make, when):
    await a_tick_to_do(make)
    await both_ticks()
    undisturbed = await stand()
    assert await statuses() == [HELD, WAITS, HELD, HELD, WAITS, HELD, "cancelled", HELD]
    for step in range(1, (6 if when == "in" else UNITS) + 1):
        await empty()
        await a_tick_to_do(make)
        with pytest.MonkeyPatch.context() as patched:
            dies(patched, step, when)
            with pytest.raises(BaseExceptionGroup) as death:
                await both_ticks()
            assert death.value.split(Killed)[1] is None
        await both_ticks()
        assert (step, await stand()) == (step, undisturbed)
        assert (await audit(CHECKS)).clean


# --- reconciliation ---------------------------------------------------------------------------------------------------


CLOSED, OPENED = "UPDATE deal SET status = 'close'", "UPDATE deal SET status = 'confirm_performer'"
RENAMED = "UPDATE ledger_account SET name = 'deal:0:escrow'"
BY_HAND = [
    ("CONFIRM_PERFORMER", CLOSED, "id", "escrow_is_status", "deal {} is close and its escrow holds 100000000"),
    ("CLOSE", OPENED, "id", "escrow_is_status", "deal {} is confirm_performer and its escrow holds 0"),
    ("CREATED", OPENED, "id", "escrow_is_status", "deal {} is confirm_performer and its escrow holds 0"),
    ("DISPUTED", "UPDATE deal SET dispute_status = NULL", "id", "disputes_are_told", "deal {} has dispute none"),
    ("DISPUTED", "DELETE FROM deal_dispute", "deal_id", "disputes_are_told", "deal {} has dispute open"),
    ("ARB_CLOSE_SPLIT", CLOSED, "id", "disputes_are_told", "deal {} has dispute closed"),
    ("DISPUTED", RENAMED, "name", "escrows_belong_to_deals", "deal:0:escrow USDT belongs to no deal"),
]


@pytest.mark.broken_books
@pytest.mark.parametrize(("stands", "by_hand", "column", "check", "difference"), BY_HAND)
async def test_a_difference_made_by_hand_is_named_and_told_and_not_mended(
    make, told, nothing_written, stands, by_hand, column, check, difference
):
    await standing(make, "CONFIRM_PERFORMER")
    assert (await measured(RECONCILE, BODIES)).failures == 0
    deal = await standing(make, stands)
    async with transaction() as db:
        await db.execute(f"{by_hand} WHERE {column} = $1", f"deal:{deal.id}:escrow" if column == "name" else deal.id)
    async with nothing_written():
        report = await measured(RECONCILE, BODIES)
    found = {finding["check"]: finding["differences"] for finding in report.result["findings"] if finding["count"]}
    assert difference.format(deal.id) in found[check]
    assert report.failures == sum(map(len, found.values()))
    assert told == [("fatal", f"escrows and deals differ: {', '.join(found)}")]


def test_the_jobs_of_deals_have_their_bodies():
    assert [BODIES[job.name] for job in (PROMOTE, EXPIRE, RECONCILE)] == [
        jobs.promote_waiting_deals, jobs.expire_deals, jobs.reconcile_deals,
    ]  # fmt: skip
