"""Schedules: when, how much, and what is told when nothing comes of it. [spec/payouts §12]"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jobs import payouts as jobs
from jobs.payouts import run_payout_schedules
from models.kernel.sql import fetch, sql
from models.parties import operations as parties
from models.parties.lifecycle import ToolKind
from models.payouts import operations as payouts
from models.payouts.operations.slots import after, last
from tests.payouts.shops import (
    P,
    S,
    Y,
    earn,
    fixed,
    paid_out,
    posting,
    rub,
    share,
    shop,
    stands,
    terms,
)
from tests.payouts.tills import leases_end, live_at, scheduled_payouts, schedules, tools

HOUSE = ToolKind.PAYMENT_INSTITUTION
DAILY = "0 6 * * *"


async def scheduled(make, knobs, cron=DAILY, *, zone="UTC", least="100.00", at="2027-03-01T05:30", **more):
    """A shop with a schedule, set at that moment."""
    live_at(knobs, at)
    confirms = more.pop("auto_confirm", False)
    its = await shop(make, tool=HOUSE, **more)
    await plan(make, its, cron, zone=zone, least=least, auto_confirm=confirms)
    return its


async def plan(make, its, cron=DAILY, *, zone="UTC", least="100.00", **more):
    planned = payouts.Planned(cron, zone, rub(least), **more)
    return await payouts.set_schedule(its.party_code, its.code, planned, by=make.operator.viewer)


async def run():
    report = await run_payout_schedules(tools())
    return report.done, report.failures


async def told():
    """What the last run of the one schedule came to."""
    (one,) = await schedules()
    return one["last_outcome"], one["last_refusal"], one["failures"], one["needs_attention"]


async def made():
    """(requested, status, moment) of what schedules made."""
    rows = await scheduled_payouts()
    return [(row["requested_minor"], row["status"], f"{row['slot']:%m-%d %H:%M}") for row in rows]


async def runs():
    rows = await fetch(
        sql("SELECT name, facts ->> 'outcome' FROM event WHERE noun = 'payout_schedule' ORDER BY subject, version")
    )
    return [tuple(row) for row in rows]


# --- when -------------------------------------------------------------------------------------------------------------


def moments(cron, since, until, zone="Europe/Berlin"):
    at, end, found = _utc(since), _utc(until), []
    while (at := after(cron, zone, at)) < end:
        found.append(f"{at:%d %H:%M}")
    return found


def _utc(said):
    return datetime.fromisoformat(said).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "found"),
    [
        ("0 6 * * *", ["27 05:00", "28 04:00", "29 04:00"]),
        ("30 2 * * *", ["27 01:30", "28 01:00", "29 00:30"]),  # 02:30 is not there on the 28th: as soon as it is over
        ("0 3 * * *", ["27 02:00", "28 01:00", "29 01:00"]),
        ("0 6 * * 1-5", ["29 04:00"]),
    ],
)
def test_given_a_spring_in_berlin_when_an_hour_is_missing_then_a_time_comes_once_a_day(cron, found):
    assert moments(cron, "2027-03-27T00:00", "2027-03-29T12:00") == found


@pytest.mark.parametrize(
    ("cron", "found"),
    [
        ("0 6 * * *", ["24 04:00", "25 05:00", "26 05:00"]),
        ("30 2 * * *", ["24 00:30", "25 00:30", "26 01:30"]),  # 02:30 is there twice on the 25th: the first time
        ("0 3 * * *", ["24 01:00", "25 02:00", "26 02:00"]),
    ],
)
def test_given_an_autumn_in_berlin_when_an_hour_is_there_twice_then_a_time_comes_once_a_day(cron, found):
    assert moments(cron, "2026-10-24T00:00", "2026-10-26T12:00") == found


def test_given_every_hour_when_the_clock_is_changed_then_every_hour_comes():
    assert moments("0 * * * *", "2027-03-27T23:30", "2027-03-28T03:30") == [
        "28 00:00",
        "28 01:00",
        "28 02:00",
        "28 03:00",
    ]
    assert moments("0 * * * *", "2026-10-24T23:30", "2026-10-25T03:30") == [
        "25 00:00",
        "25 01:00",
        "25 02:00",
        "25 03:00",
    ]


@pytest.mark.parametrize(
    "cron", ["30 2 * * *", "0 * * * *", "*/15 * * * *", "0 2,3 * * *", "5 1-3 * * *", "0 6 * * 1-5"]
)
@pytest.mark.parametrize("day", ["2027-03-27", "2026-10-24", "2026-12-31"])
def test_given_any_minute_of_two_days_when_looked_at_then_the_last_moment_and_the_next_are_neighbours(cron, day):
    at = _utc(f"{day}T12:00")
    for _ in range(2 * 24 * 12):
        at += timedelta(minutes=5)
        before, behind = last(cron, "Europe/Berlin", at), after(cron, "Europe/Berlin", at)
        assert before <= at < behind
        assert after(cron, "Europe/Berlin", before) == behind


@pytest.mark.parametrize(
    ("set_at", "due", "slot"),
    [
        ("2027-03-27T12:00", "2027-03-28T01:02", "03-28 01:00"),
        ("2026-10-24T12:00", "2026-10-25T00:31", "10-25 00:30"),
        ("2026-10-24T12:00", "2026-10-25T01:12", "10-25 00:30"),  # the clock says 02:12 once more
        ("2026-10-24T12:00", "2026-10-25T05:00", "10-25 00:30"),
    ],
)
async def test_given_half_past_two_in_berlin_when_the_clock_is_changed_then_paid_out_once_that_day(
    make, knobs, set_at, due, slot
):
    its = await scheduled(make, knobs, "30 2 * * *", zone="Europe/Berlin", at=set_at)
    live_at(knobs, due)
    assert await run() == (1, 0)
    assert await made() == [(100_000, "unpaid", slot)]
    await earn(make, its, "500.00")
    assert await run() == (0, 0)
    live_at(knobs, "2027-03-28T23:50" if set_at.startswith("2027") else "2026-10-26T00:50")
    assert await run() == (0, 0)
    live_at(knobs, "2027-03-29T00:31" if set_at.startswith("2027") else "2026-10-26T01:31")
    assert await run() == (1, 0)
    assert [one[0] for one in await made()] == [100_000, 50_000]


async def test_given_every_hour_in_berlin_when_two_is_there_twice_then_paid_out_in_both(make, knobs):
    its = await scheduled(make, knobs, "0 * * * *", zone="Europe/Berlin", at="2026-10-24T23:30")
    for hour in range(3):
        live_at(knobs, f"2026-10-25T0{hour}:01")
        assert await run() == (1, 0)
        await earn(make, its, "200.00")
    assert await made() == [
        (100_000, "unpaid", "10-25 00:00"), (20_000, "unpaid", "10-25 01:00"), (20_000, "unpaid", "10-25 02:00"),
    ]  # fmt: skip


async def test_given_moments_that_nobody_ran_when_a_worker_comes_then_they_are_made_up_once(make, knobs):
    its = await scheduled(make, knobs)
    assert await run() == (0, 0)
    live_at(knobs, "2027-03-05T07:00")
    assert await run() == (1, 0)
    await earn(make, its, "500.00")
    assert await run() == (0, 0)
    assert await made() == [(100_000, "unpaid", "03-05 06:00")]
    live_at(knobs, "2027-03-06T06:00")
    assert await run() == (1, 0)
    assert await made() == [(100_000, "unpaid", "03-05 06:00"), (50_000, "unpaid", "03-06 06:00")]


# --- how much ---------------------------------------------------------------------------------------------------------

ON_TOP = [posting(S, P, share("1/1")), posting(S, Y, share("1/100"))]
MOST = [posting(S, P, share("1/1")), posting(S, Y, fixed("10.00"))]


@pytest.mark.parametrize(
    ("fees", "earned", "requested", "left"),
    [
        (None, "1000.00", 100_000, 0),
        (ON_TOP, "1000.00", 99_010, 0),  # and 990.10 on top, of which 9.90 are charged
        (ON_TOP, "100.01", 9_902, 0),
        (MOST, "1000.00", 99_000, 0),
        (ON_TOP, "101.00", 10_000, 0),
    ],
)
async def test_given_fees_on_top_when_its_moment_comes_then_all_that_can_be_paid_is(
    make, knobs, fees, earned, requested, left
):
    more = {} if fees is None else {"fees": fees}
    its = await scheduled(make, knobs, least="1.00", earned=earned, **more)
    live_at(knobs, "2027-03-01T06:00")
    await run()
    assert await made() == [(requested, "unpaid", "03-01 06:00")]
    assert (await stands(its))["S"][1] == left


BETWEEN = {"cash_limit": {"value": {"lower": {"inclusive": {"amount": "600.00", "currency": "RUB"}},
                                    "upper": {"inclusive": {"amount": "1500.00", "currency": "RUB"}}}}}  # fmt: skip


@pytest.mark.parametrize(
    ("earned", "requested"),
    [
        ("599.99", None),
        ("609.99", None),  # 599.99, for 10.00 come on top
        ("610.00", 60_000),
        ("1000.00", 99_000),
        ("1510.00", 150_000),
        ("9999.00", 150_000),
    ],
)
async def test_given_a_limit_when_its_moment_comes_then_all_that_it_allows_is_paid(make, knobs, earned, requested):
    await scheduled(make, knobs, earned=earned, timed=terms(MOST, **BETWEEN))
    live_at(knobs, "2027-03-01T06:00")
    await run()
    assert await made() == ([] if requested is None else [(requested, "unpaid", "03-01 06:00")])
    assert (await told())[:3] == ("too_little" if requested is None else "created", None, 0)


async def test_given_less_than_its_least_when_its_moment_comes_then_it_waits_for_the_next(make, knobs):
    its = await scheduled(make, knobs, earned="99.99")
    live_at(knobs, "2027-03-01T06:00")
    assert await run() == (1, 0)
    assert (await made(), await told()) == ([], ("too_little", None, 0, False))
    await earn(make, its, "0.01")
    assert await run() == (0, 0)
    live_at(knobs, "2027-03-02T06:00")
    assert await run() == (1, 0)
    assert (await made(), await told()) == ([(10_000, "unpaid", "03-02 06:00")], ("created", None, 0, False))


async def test_given_a_least_that_only_fees_on_top_take_away_when_its_moment_comes_then_it_waits(make, knobs):
    await scheduled(make, knobs, earned="100.99", fees=ON_TOP)
    live_at(knobs, "2027-03-01T06:00")
    await run()
    assert (await made(), (await told())[0]) == ([], "too_little")


async def test_given_what_others_hold_when_its_moment_comes_then_only_the_rest_is_paid(make, knobs):
    its = await scheduled(make, knobs)
    await paid_out(make, its, "300.00")
    live_at(knobs, "2027-03-01T06:00")
    await run()
    assert await made() == [(70_000, "unpaid", "03-01 06:00")]


@pytest.mark.parametrize("confirms", [True, False])
async def test_given_auto_confirm_when_its_moment_comes_then_it_is_confirmed_at_once(make, knobs, confirms):
    await scheduled(make, knobs, auto_confirm=confirms)
    live_at(knobs, "2027-03-01T06:00")
    await run()
    assert await made() == [(100_000, "confirmed" if confirms else "unpaid", "03-01 06:00")]
    rows = await fetch(sql("SELECT name, actor_role FROM event WHERE noun = 'payout' ORDER BY version"))
    assert [tuple(row) for row in rows] == [("open", "system"), ("confirm", "system")][: 1 + confirms]


# --- what comes of nothing --------------------------------------------------------------------------------------------


async def test_given_money_that_goes_while_it_is_counted_when_created_then_it_waits_for_the_next(
    make, knobs, monkeypatch
):
    its = await scheduled(make, knobs)
    live_at(knobs, "2027-03-01T06:00")
    count = jobs.reads.available

    async def and_gone(shop):
        found = await count(shop)
        await paid_out(make, its, "0.01")
        return found

    with monkeypatch.context() as patched:
        patched.setattr("models.payouts.reads.available", and_gone)
        assert await run() == (1, 0)
    assert (await made(), await told()) == ([], ("too_little", "INSUFFICIENT_FUNDS", 0, False))
    live_at(knobs, "2027-03-02T06:00")
    await run()
    assert await made() == [(99_999, "unpaid", "03-02 06:00")]


async def test_given_a_blocked_shop_when_refused_three_times_then_a_human_is_called_once(make, knobs):
    its, by = await scheduled(make, knobs), make.operator.viewer
    await parties.block_shop(its.party_code, its.code, "x", by=by)
    for day in (1, 2, 3, 4):
        live_at(knobs, f"2027-03-0{day}T06:00")
        assert await run() == (1, 0)
        assert await told() == ("refused", "SHOP_BLOCKED", day, day >= 3)
        assert await run() == (0, 0)
    await parties.unblock_shop(its.party_code, its.code, "x", by=by)
    live_at(knobs, "2027-03-05T06:00")
    await run()
    assert (await made(), await told()) == ([(100_000, "unpaid", "03-05 06:00")], ("created", None, 0, False))
    assert await runs() == [("open", None), *[("run", "refused")] * 4, ("run", "created")]


@pytest.mark.parametrize("least", ["100.00", "200.00"])
async def test_given_a_shop_that_needs_a_human_when_its_schedule_is_set_then_he_has_looked(make, knobs, least):
    its = await scheduled(make, knobs)
    knobs(payout_schedule_failures_max=1)
    await parties.block_shop(its.party_code, its.code, "x", by=make.operator.viewer)
    live_at(knobs, "2027-03-01T06:00")
    await run()
    assert await told() == ("refused", "SHOP_BLOCKED", 1, True)
    await plan(make, its, least=least)
    assert await told() == ("refused", "SHOP_BLOCKED", 0, False)


async def test_given_a_failure_when_it_is_put_off_then_the_same_moment_is_tried_again(make, knobs, monkeypatch):
    await scheduled(make, knobs)
    live_at(knobs, "2027-03-01T06:00")

    async def broken(_shop):
        raise OSError("the database is away")

    with monkeypatch.context() as patched:
        patched.setattr("models.payouts.reads.available", broken)
        assert await run() == (0, 1)
    (one,) = await schedules()
    assert (one["last_outcome"], one["attempts"], one["last_error"]) == (None, 1, "OSError: the database is away")
    assert await run() == (0, 0)  # not before a while has passed
    await leases_end()
    assert await run() == (1, 0)
    assert (await made(), await told()) == ([(100_000, "unpaid", "03-01 06:00")], ("created", None, 0, False))
    assert await runs() == [("open", None), ("run", "created")]


async def test_given_failure_after_failure_when_it_is_enough_then_a_human_is_called_once(make, knobs, monkeypatch):
    await scheduled(make, knobs)
    knobs(payout_schedule_attempts_max=3)
    live_at(knobs, "2027-03-01T06:00")

    async def broken(_shop):
        raise OSError("the database is away")

    with monkeypatch.context() as patched:
        patched.setattr("models.payouts.reads.available", broken)
        for attempt in (1, 2, 3, 4):
            assert await run() == (0, 1)
            assert await told() == (None, None, 0, attempt >= 3)
            await leases_end()
    assert await run() == (1, 0)
    assert await told() == ("created", None, 0, False)
    assert await runs() == [("open", None), ("call_for_attention", None), ("run", "created")]


async def test_given_a_schedule_that_cannot_be_read_when_the_others_are_due_then_they_are_paid_out(make, knobs):
    for _ in range(3):
        await scheduled(make, knobs)
    one = "(SELECT min(id) FROM payout_schedule)"
    await fetch(sql(f"UPDATE payout_schedule SET time_zone = 'Nowhere/Else' WHERE id = {one} RETURNING 1"))
    live_at(knobs, "2027-03-01T06:00")
    assert await run() == (2, 1)
    assert len(await made()) == 2


async def test_given_more_than_are_run_at_once_when_their_moment_comes_then_one_tick_runs_them_all(make, knobs):
    for _ in range(5):
        await scheduled(make, knobs)
    knobs(payout_schedules_at_once=2)
    live_at(knobs, "2027-03-01T06:00")
    assert await run() == (5, 0)
    assert len(await made()) == 5


@pytest.mark.parametrize(("then", "later"), [(False, True), (True, False)])
async def test_given_another_word_since_when_what_a_dead_worker_made_is_finished_then_as_it_was_meant(
    make, knobs, monkeypatch, then, later
):
    """Made for a human's eyes, it waits for him; made to be confirmed, it is."""
    its = await scheduled(make, knobs, auto_confirm=then)
    live_at(knobs, "2027-03-01T06:00")

    async def dies(*_, **__):
        raise OSError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(jobs, "_confirmed", dies)
        patched.setattr(payouts, "conclude", dies)
        assert await run() == (0, 1)
    assert await made() == [(100_000, "unpaid", "03-01 06:00")]
    await plan(make, its, auto_confirm=later)
    await earn(make, its, "200.00")
    live_at(knobs, "2027-03-02T06:00")
    assert await run() == (1, 0)
    assert [status for _, status, _ in await made()] == [
        "confirmed" if then else "unpaid", "confirmed" if later else "unpaid",
    ]  # fmt: skip


async def test_given_a_moment_that_passes_during_a_run_when_it_ends_then_that_is_due(make, knobs, monkeypatch):
    its = await scheduled(make, knobs, "* * * * *", least="1.00")
    live_at(knobs, "2027-03-01T06:00")
    count = jobs.reads.available

    async def slowly(shop):
        found = await count(shop)
        live_at(knobs, "2027-03-01T06:01")
        return found

    with monkeypatch.context() as patched:
        patched.setattr("models.payouts.reads.available", slowly)
        assert await run() == (1, 0)
    await earn(make, its, "5.00")
    assert await run() == (1, 0)
    assert await made() == [(100_000, "unpaid", "03-01 06:00"), (500, "unpaid", "03-01 06:01")]


async def test_given_one_bad_schedule_when_the_others_are_due_then_they_are_paid_out(make, knobs, monkeypatch):
    bad, *_ = [await scheduled(make, knobs) for _ in range(3)]
    live_at(knobs, "2027-03-01T06:00")
    read = jobs.checkout

    async def but_one(party, code):
        if party == bad.party_code:
            raise OSError("just this one")
        return await read(party, code)

    monkeypatch.setattr("jobs.payouts.checkout", but_one)
    assert await run() == (2, 1)
    assert len(await made()) == 2
