"""Wherever two can meet over a shop's money nothing goes wrong; and with its guard taken out something does.
[spec/payouts §13, 41-44]"""

from __future__ import annotations

import asyncio

import pytest

from models.kernel.refusals import IllegalMove, NotAllowed
from models.kernel.sql import fetch, sql, transaction
from models.ledger.audit import audit
from models.ledger.errors import InsufficientFunds
from models.parties.lifecycle import ToolKind
from models.payouts import operations as payouts
from models.payouts.errors import PayoutAlreadyExists
from models.wiring import CHECKS
from tests.payouts.shops import (
    P,
    S,
    earn,
    events_of,
    merchant,
    paid_out,
    plan_of,
    posting,
    share,
    shop,
    stands,
)
from tests.races.planted import without
from tests.races.scenarios import clashes, outcomes, surprises
from tests.races.test_races import LOCK, UNORDERED

ALL_OF_IT = [posting(S, P, share("1/1"))]
HOUSE = ToolKind.PAYMENT_INSTITUTION
"""Nobody delivers to it: what is confirmed is done."""
ROUNDS = 4


async def differences():
    return [text for finding in (await audit(CHECKS)).findings for text in finding.differences]


def kinds(found, *wanted):
    """How many of each there are."""
    return [sum(type(one) is kind for one in found) for kind in wanted]


def misled(found):
    """Who lost a race over a payout is told so of the payout, and not of its plan."""
    codes = {one.code for one in found if isinstance(one, IllegalMove)}
    return sorted(codes - {"PAYOUT_STATUS_CHANGE_NOT_ALLOWED"})


# --- one shop's balance -----------------------------------------------------------------------------------------------


async def twenty_want_ten_of_a_hundred(make):
    """41: 100.00 on the settlement, twenty at once want 10.00: ten get it, none is refused falsely, nothing is left."""
    its = await shop(make, fees=ALL_OF_IT, earned="100.00", tool=HOUSE)
    found = await outcomes(paid_out(make, its, "10.00") for _ in range(20))
    wrong = surprises(found, InsufficientFunds)
    short = kinds(found, InsufficientFunds)
    if short != [10] or (await stands(its))["S"] != (10_000, 0, 10_000):
        wrong.append(f"{short} refused, {await stands(its)}")
    return wrong + await differences()


async def paid_out_while_taken_down(make):
    """Ten want 10.00 of 100.00 while an operator takes 10.00 off it ten times: ten of the twenty get it."""
    its = await shop(make, fees=ALL_OF_IT, earned="100.00", tool=HOUSE)
    calls = [call for _ in range(10) for call in (paid_out(make, its, "10.00"), earn(make, its, "-10.00"))]
    found = await outcomes(calls)
    wrong = surprises(found, InsufficientFunds)
    own, low, _ = (await stands(its))["S"]
    made = len(await fetch(sql("SELECT FROM payout")))
    if low or own != 1_000 * made or kinds(found, InsufficientFunds) != [10]:
        wrong.append(f"{made} made, {own} on it, {low} left")
    return wrong + await differences()


async def thirty_shops_and_one_house(make):
    """Thirty shops whose fees go to one account of the house create, confirm and cancel at once: no deadlock, exact fees."""
    shops = [await shop(make, tool=HOUSE, party=f"thirty-{n}") for n in range(30)]
    before, by = clashes(), make.operator.viewer

    async def life(its):
        made = [await paid_out(make, its, "400.00") for _ in range(2)]
        await asyncio.gather(payouts.confirm(made[0].id, by=by), payouts.cancel(made[1].id, "x", by=by))
        return await payouts.cancel((await paid_out(make, its, "400.00")).id, "x", by=by)

    wrong = surprises(await outcomes(life(its) for its in shops))
    if clashes() != before:
        wrong.append(f"{clashes() - before} deadlocks")
    fees = (await stands(shops[0]))["Y"]
    return wrong + ([] if fees == (300_000, 300_000, 300_000) else [f"fees {fees}"]) + await differences()


# --- one payout -------------------------------------------------------------------------------------------------------


async def fifty_with_one_id(make):
    """42: fifty at once with one id: one is made, 49 are told that there is one, one hold."""
    its = await shop(make, tool=HOUSE)
    found = await outcomes(paid_out(make, its, "10.00", payout_id="one") for _ in range(50))
    wrong = surprises(found, PayoutAlreadyExists)
    holds = await fetch(sql("SELECT FROM ledger_answer WHERE plan_id = 'house/payout_one'"))
    if kinds(found, PayoutAlreadyExists) != [49] or len(holds) != 1 or await events_of("one") != [("open", 0)]:
        wrong.append(f"{kinds(found, PayoutAlreadyExists)} refused, {len(holds)} holds, {await events_of('one')}")
    if (await stands(its))["S"] != (100_000, 99_000, 100_000):
        wrong.append(f"{await stands(its)}")
    return wrong + await differences()


async def a_hundred_confirmations(make):
    """44: a hundred confirm one: sequence 1, one commit, one event, a hundred equal answers."""
    its = await shop(make, tool=HOUSE)
    made = await paid_out(make, its, payout_id="one")
    found = await outcomes(payouts.confirm(made.id, by=make.operator.viewer) for _ in range(100))
    wrong = surprises(found)
    if not wrong and any(one != found[0] for one in found):
        wrong.append("different answers")
    answered = [row["op"] for row in await fetch(sql("SELECT op FROM ledger_answer ORDER BY version"))]
    if answered != ["hold", "commit"] or await events_of("one") != [("open", 0), ("confirm", 1)]:
        wrong.append(f"{answered}, {await events_of('one')}")
    return wrong + await differences()


async def confirmed_and_cancelled(make):
    """43: an operator confirms what its merchant cancels: one wins, the plan is as the winner says, the other is told."""
    wrong, its = [], await shop(make, tool=HOUSE)
    for number in range(2 * ROUNDS):
        id = f"p{number}"
        await paid_out(make, its, "10.00", payout_id=id)
        calls = [payouts.confirm(id, by=make.operator.viewer), payouts.cancel(id, "x", by=merchant(its).viewer)]
        found = await outcomes(calls if number % 2 else reversed(calls))
        wrong += surprises(found, (IllegalMove, NotAllowed)) + misled(found)
        stood = (await events_of(id), await plan_of(id), sum(kinds(found, IllegalMove, NotAllowed)))
        if stood not in (
            ([("open", 0), ("confirm", 1)], [(f"payout_{id}", "COMMIT")], 1),
            ([("open", 0), ("cancel", 1)], [(f"payout_{id}", "ROLLBACK")], 1),
        ):
            wrong.append(f"{stood}")
    return wrong + await differences()


async def confirmed_and_taken_back(make):
    """The same between two operators: it ends cancelled, by the rollback of its hold or by a mirror of its commit."""
    wrong, its = [], await shop(make, tool=HOUSE)
    before = await stands(its)
    for number in range(2 * ROUNDS):
        id, by = f"p{number}", make.operator.viewer
        await paid_out(make, its, "10.00", payout_id=id)
        calls = [payouts.confirm(id, by=by), payouts.cancel(id, "x", by=by)]
        found = await outcomes(calls if number % 2 else reversed(calls))
        wrong += surprises(found, IllegalMove) + misled(found)
        names = [name for name, _ in await events_of(id)]
        if names not in (["open", "cancel"], ["open", "confirm", "revert"]):
            wrong.append(f"{names}")
    return wrong + ([] if await stands(its) == before else [f"{await stands(its)}"]) + await differences()


# --- with and without -------------------------------------------------------------------------------------------------


async def _nobody_waits(*_):
    return None


GUARDED = [
    (fifty_with_one_id, "models.unit.Unit.alone", _nobody_waits),
    (a_hundred_confirmations, "models.unit.ROW_LOCK", ""),
    (confirmed_and_cancelled, "models.unit.ROW_LOCK", ""),
    (confirmed_and_taken_back, "models.unit.ROW_LOCK", ""),
]
GUARDED_BY_ACCOUNTS = [twenty_want_ten_of_a_hundred, paid_out_while_taken_down]
by_name = {"ids": lambda value: getattr(value, "__name__", "")}


@pytest.mark.parametrize(
    "scenario", [*(row[0] for row in GUARDED), *GUARDED_BY_ACCOUNTS, thirty_shops_and_one_house], **by_name
)
async def test_nothing_goes_wrong(make, scenario):
    assert await scenario(make) == []


@pytest.mark.broken_books
@pytest.mark.parametrize(("scenario", "guard", "instead"), GUARDED, **by_name)
async def test_without_its_guard_something_does(make, scenario, guard, instead, monkeypatch):
    monkeypatch.setattr(guard, instead)
    assert await scenario(make) != []


@pytest.mark.broken_books
@pytest.mark.parametrize("scenario", GUARDED_BY_ACCOUNTS, **by_name)
async def test_without_the_lock_of_the_accounts_something_does(make, scenario):
    async with without("ledger_lock", LOCK, "NULL;"):
        assert await scenario(make) != []


@pytest.mark.broken_books
async def test_a_house_account_that_were_not_hot_would_be_waited_for_crosswise(make):
    """Why fees go to a hot account: one that is locked in any order has deadlocks."""
    await shop(make)
    async with transaction() as db:
        await db.execute("SET LOCAL session_replication_role = replica")
        await db.execute("UPDATE ledger_account SET policy = 'open' WHERE kind = 'system.settlement'")
    async with without("ledger_lock", LOCK, UNORDERED):
        assert await thirty_shops_and_one_house(make) != []
