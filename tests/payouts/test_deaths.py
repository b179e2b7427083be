"""Whoever works on a payout is killed at any point: inside a unit nothing has happened, between two units of a job the next worker
goes on, and all ends as if nobody had died. [spec/payouts §13.48; house.md, law 6]"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from gateways.receipts import Refused
from jobs import payouts as jobs
from models.database import Connection
from models.kernel.refusals import NotFound
from models.parties.lifecycle import ToolKind
from models.payouts import operations as payouts
from models.payouts.operations import making
from models.unit import Operation, Unit
from tests.conftest import everything
from tests.payouts.shops import paid_out, plan_of, rub, shop, stands
from tests.payouts.tills import (
    Till,
    ended,
    leases_end,
    live_at,
    names,
    scheduled_payouts,
    schedules,
    to_wallet,
    tools,
)  # fmt: skip


class Killed(BaseException):
    """The process is gone: nothing after it runs."""


# --- inside a unit ----------------------------------------------------------------------------------------------------


class Statements:
    """Counts the statements that a unit sends, and dies after one of them; 0: after none."""

    def __init__(self, patched, last=0):
        self.count, execute, counting = 0, Connection._execute, self

        async def executed(connection, *args, **kwargs):
            answer = await execute(connection, *args, **kwargs)
            if connection.is_in_transaction():
                counting.count += 1
                if counting.count == last:
                    raise Killed(str(args[0])[:60])
            return answer

        patched.setattr(Connection, "_execute", executed)


async def create(make, its, id):
    making._STATES._known.clear()  # as in a process that has just begun
    return await paid_out(make, its, "100.00", payout_id=id)


async def confirm(make, _its, id):
    return await payouts.confirm(id, by=make.operator.viewer)


async def cancel(make, _its, id):
    return await payouts.cancel(id, "x", by=make.operator.viewer)


VERBS = {
    "create": ((), create, [("open", 0)]),
    "confirm": ((create,), confirm, [("open", 0), ("confirm", 1)]),
    "cancel": ((create,), cancel, [("open", 0), ("cancel", 1)]),
    "revert": ((create, confirm), cancel, [("open", 0), ("confirm", 1), ("revert", 2)]),
}
LEAST = {"create": 5, "confirm": 5, "cancel": 3, "revert": 5}
"""Fewer statements would mean that the test no longer sees them."""


@pytest.mark.parametrize("verb", VERBS)
async def test_48_given_a_death_after_any_statement_of_a_unit_when_asked_again_then_it_was_nothing(
    make, monkeypatch, verb
):
    before, body, told = VERBS[verb]
    its = await shop(make)
    for step in before:
        await step(make, its, "undisturbed")
    with monkeypatch.context() as patched:
        statements = Statements(patched)
        await body(make, its, "undisturbed")
    assert statements.count >= LEAST[verb]
    right = await ended(its, "undisturbed")
    books = await stands(its)
    for last in range(1, statements.count + 1):
        id = f"p{last}"
        for step in before:
            await step(make, its, id)
        was = await everything()
        with monkeypatch.context() as patched:
            Statements(patched, last)
            with pytest.raises(Killed):
                await body(make, its, id)
        assert await everything() == was, f"after statement {last}"
        await body(make, its, id)
        its_end = await ended(its, id)
        assert its_end["statuses"] == told
        assert [(a.replace(id, "x"), b) for a, b in its_end["plans"]] == [
            (a.replace("undisturbed", "x"), b) for a, b in right["plans"]
        ]
        if verb in ("create", "confirm"):
            await cancel(make, its, id)  # each begins with the same balance
        assert await stands(its) == books


async def test_given_a_death_after_the_commit_when_asked_again_then_all_of_it_had_happened(make, monkeypatch):
    """Whoever got no answer asks again: it exists already, or it is there already, and nothing happens twice."""
    its, once = await shop(make), Operation._once
    with monkeypatch.context() as patched:

        async def and_then(operation, *args, **kwargs):
            await once(operation, *args, **kwargs)
            raise Killed

        patched.setattr(Operation, "_once", and_then)
        for body in (create, confirm, cancel):
            with pytest.raises(Killed):
                await body(make, its, "a")
    was = await everything()
    assert await names("a") == ["open", "confirm", "queue_delivery", "withdraw_delivery", "revert"]
    assert (await cancel(make, its, "a")).sequence == 2
    assert await everything() == was


@pytest.mark.broken_books
async def test_given_two_units_instead_of_one_when_killed_between_them_then_a_payout_has_no_hold(make, monkeypatch):
    """Why it is one transaction: where the hold has one of its own, a death between the two leaves a payout without it."""
    its = await shop(make)

    async def later(*_):
        return None

    monkeypatch.setattr(Unit, "hold", later)
    await create(make, its, "a")
    assert await plan_of("a") == []
    with pytest.raises(NotFound):
        await confirm(make, its, "a")


# --- between the units of a job ---------------------------------------------------------------------------------------


class Deadly:
    """Counts the calls that a run makes, of units, of reads and of the till, and kills it after one of them."""

    READS = (("jobs.payouts", "checkout"), ("models.payouts.reads", "begun"), ("models.payouts.reads", "available"))

    def __init__(self, patched, till, point=None):
        self.point, self.passed, self._seen = point, [], Counter()
        call, deadly = Operation.__call__, self

        async def called(operation, *args, **kwargs):
            answer = await call(operation, *args, **kwargs)
            deadly.passes(operation.name)
            return answer

        patched.setattr(Operation, "__call__", called)
        for where, name in self.READS:
            self._watch(patched, f"{where}.{name}", name)
        for name in ("send", "find"):
            setattr(self, name, self._after(getattr(till, name), name))

    def _watch(self, patched, target, name):
        module = __import__(target.rpartition(".")[0], fromlist=["x"])
        patched.setattr(target, self._after(getattr(module, name), name))

    def _after(self, call, name):
        async def watched(*args):
            answer = await call(*args)
            self.passes(name)
            return answer

        return watched

    def passes(self, name):
        self._seen[name] += 1
        here = f"{name} {self._seen[name]}"
        self.passed.append(here)
        if here == self.point:
            raise Killed(here)


async def killed(patched, till, point, *bodies):
    """Run the jobs until one of them dies there."""
    deadly = Deadly(patched, till, point)

    async def all_of_them():
        for body in bodies:
            await body(tools(deadly))

    with pytest.raises(BaseException) as died:
        await all_of_them()
    assert died.group_contains(Killed) if isinstance(died.value, BaseExceptionGroup) else died.type is Killed


async def until_done(till):
    """Other workers come by, again and again, each after the leases and pauses of those before."""
    for _ in range(4):
        await leases_end()
        for body in (jobs.run_payout_schedules, jobs.deliver_payouts, jobs.resolve_unknown_deliveries):
            await body(tools(till))


class Refusing(Till):
    async def send(self, order):
        await super().send(order)
        raise Refused("till", "send", "CLOSED")

    async def find(self, order_key):
        if await super().find(order_key):
            raise Refused("till", "find", "CLOSED")


class Lost(Till):
    """What it is sent first does not come in."""

    def __init__(self):
        super().__init__()
        self.lost = 0

    async def send(self, order):
        if not self.lost:
            self.lost = 1
            raise TimeoutError
        return await super().send(order)


DELIVER, RESOLVE = jobs.deliver_payouts, jobs.resolve_unknown_deliveries
SENT = ("claim_queued 1", "begin 1", "send 1")
RUNS = {
    "delivered": (Till, (DELIVER,), (*SENT, "delivered 1")),
    "refused": (Refusing, (DELIVER,), ("claim_queued 1", "begin 1", "refused 1")),
    "lost, and sent again": (
        Lost,
        (DELIVER, RESOLVE),
        ("claim_queued 1", "begin 1", "unsure 1", "claim_unknown 1", "begin 2", "find 1", "absent 1", "begin 3", "send 1",
         "delivered 1"),
    ),
}  # fmt: skip
BY_THE_WAY = {"send_delivery", "lose_delivery"}
"""Who dies on the way leaves these behind, so that the next one asks before he sends."""


async def undisturbed(make, kind):
    till, bodies, _ = RUNS[kind]
    its, _ = await to_wallet(make, "undisturbed")
    its_till = till()
    for body in bodies:
        await body(tools(its_till))
        await leases_end()
    return its, its_till


def without_names(end):
    return {**end, "plans": [(name.replace("undisturbed", "x").replace("killed", "x"), s) for name, s in end["plans"]],
            "delivery": end["delivery"] and (end["delivery"][0], bool(end["delivery"][1]))}  # fmt: skip


@pytest.mark.parametrize("kind", RUNS)
async def test_the_points_of_a_delivery_are_all_that_there_are(make, monkeypatch, kind):
    till, bodies, points = RUNS[kind]
    await to_wallet(make)
    with monkeypatch.context() as patched:
        deadly = Deadly(patched, till())
        for body in bodies:
            await body(tools(deadly))
            await leases_end()
    assert tuple(deadly.passed) == points


@pytest.mark.parametrize(("kind", "point"), [(kind, point) for kind, run in RUNS.items() for point in run[2]])
async def test_given_a_death_in_a_delivery_when_others_go_on_then_it_ends_as_if_nobody_had_died(
    make, monkeypatch, kind, point
):
    its, right_till = await undisturbed(make, kind)
    right, told = without_names(await ended(its, "undisturbed")), await names("undisturbed")
    its, _ = await to_wallet(make, "killed")
    till = RUNS[kind][0]()

    async def resolve(tools):
        await leases_end()
        return await RESOLVE(tools)

    with monkeypatch.context() as patched:
        await killed(patched, till, point, DELIVER, resolve)
    await until_done(till)
    end = without_names(await ended(its, "killed"))
    end["books"]["Y"] = right["books"]["Y"]  # the house's account has both
    assert end == right
    assert [name for name in await names("killed") if name not in BY_THE_WAY] == [
        name for name in told if name not in BY_THE_WAY
    ]
    assert till.paid == {"payout_killed": 1}
    assert right_till.paid == {"payout_undisturbed": 1}


# --- schedules --------------------------------------------------------------------------------------------------------

SCHEDULE_POINTS = (
    "claim_due 1", "begun 1", "checkout 1", "available 1", "make 1", "confirm 1", "conclude 1", "claim_queued 1", "begin 1",
    "send 1", "delivered 1",
)  # fmt: skip


async def scheduled(make, knobs, cron="0 6 * * *"):
    """A shop that is paid out to a wallet, confirmed at once; the moment comes in half an hour."""
    live_at(knobs, "2027-03-01T05:30")
    its = await shop(make, tool=ToolKind.WALLET)
    planned = payouts.Planned(cron, "UTC", rub("100.00"), auto_confirm=True)
    await payouts.set_schedule(its.party_code, its.code, planned, by=make.operator.viewer)
    return its


async def test_the_points_of_a_schedule_are_all_that_there_are(make, knobs, monkeypatch):
    await scheduled(make, knobs)
    live_at(knobs, "2027-03-01T06:05")
    with monkeypatch.context() as patched:
        deadly = Deadly(patched, Till())
        await jobs.run_payout_schedules(tools(deadly))
        await leases_end()
        await DELIVER(tools(deadly))
    assert tuple(deadly.passed) == SCHEDULE_POINTS


@pytest.mark.parametrize("point", SCHEDULE_POINTS)
@pytest.mark.parametrize(("cron", "back"), [("0 6 * * *", "06:30"), ("* * * * *", "06:30"), ("0 * * * *", "07:10")])
async def test_given_a_death_in_a_schedule_when_others_go_on_then_it_is_paid_out_and_delivered_once(
    make, knobs, monkeypatch, point, cron, back
):
    """Whoever comes back may find that the next moment has come meanwhile: what was begun is finished first."""
    its, till = await scheduled(make, knobs, cron), Till()
    live_at(knobs, "2027-03-01T06:05")

    async def deliver(tools):
        await leases_end()
        return await DELIVER(tools)

    with monkeypatch.context() as patched:
        await killed(patched, till, point, jobs.run_payout_schedules, deliver)
    moment = live_at(knobs, f"2027-03-01T{back}")
    await until_done(till)
    (made,) = await scheduled_payouts()
    assert (made["status"], made["sequence"], made["delivery_status"]) == ("confirmed", 1, "delivered")
    assert till.paid == {f"payout_{made['payout_id']}": 1}
    assert await stands(its) == {"S": (0, 0, 0), "P": (0, 0, 0), "G": (0, 0, 0), "Y": (25_000, 25_000, 25_000)}
    (schedule,) = await schedules()
    assert schedule["next_at"] > moment
    assert schedule["next_at"] - moment <= timedelta(days=1)
    assert (schedule["failures"], schedule["lease_token"], schedule["needs_attention"]) == (0, None, False)
