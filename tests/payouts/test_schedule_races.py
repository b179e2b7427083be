"""However many work at a schedule, and whoever changes it meanwhile: one payout for a moment, and none behind a stop. With its
guard taken out there is. And what the API says of schedules. [spec/payouts §12]"""

from __future__ import annotations

import pytest

from jobs.payouts import run_payout_schedules
from models.kernel.refusals import InvalidInput, NotFound
from models.kernel.sql import TRUE, fetch, sql
from models.payouts import operations as payouts
from models.payouts.errors import PayoutAlreadyExists
from models.payouts.lifecycle import RunOutcome
from models.unit import Unit
from tests.conftest import everything
from tests.payouts.shops import merchant, paid_out, rub, shop, stands
from tests.payouts.test_races import differences
from tests.payouts.test_schedules import plan, run, runs, scheduled, told
from tests.payouts.tills import BY, leases_end, live_at, scheduled_payouts, schedules, tools
from tests.races.scenarios import outcomes, surprises

DUE = "2027-03-01T06:00"


async def shown(made):
    return [(row["requested_minor"], row["status"], f"{row['slot']:%m-%d %H:%M}") for row in made]


async def claimed():
    (due,) = await payouts.claim_due(limit=10, lease_seconds=60, by=BY)
    return due


def made_of(due, amount="1000.00"):
    return payouts.make(payouts.Asked(due.party, due.shop, rub(amount), due.payout_id), slot=due.slot, by=BY)


# --- many at once -----------------------------------------------------------------------------------------------------


async def ten_workers(make, knobs):
    """Ten workers at once, of whom each looks twice: each of four shops is paid out once, confirmed, and told once."""
    shops = [await scheduled(make, knobs, auto_confirm=True, least="1.00") for _ in range(4)]
    live_at(knobs, DUE)

    async def worker():
        for _ in range(2):
            await run_payout_schedules(tools())

    wrong = surprises(await outcomes(worker() for _ in range(10)))
    found = await shown(await scheduled_payouts())
    if found != [(100_000, "confirmed", "03-01 06:00")] * 4:
        wrong.append(f"{found}")
    if (now := sorted(await runs())) != sorted([("open", None), ("run", "created")] * 4):
        wrong.append(f"{now}")
    wrong += [f"{(await stands(its))['S']}" for its in shops if (await stands(its))["S"] != (0, 0, 0)]
    return wrong + await differences()


async def a_lease_that_ends_too_soon(make, knobs):
    """A worker is so slow that its lease ends, and others come while it counts and pays: one payout for the moment, for
    everything, and whoever came too late writes nothing."""
    its = await scheduled(make, knobs, auto_confirm=True, least="1.00")
    live_at(knobs, DUE)
    sleepy = await claimed()
    await leases_end()
    awake = await claimed()
    wrong = surprises(await outcomes([made_of(awake, "400.00")]))
    await payouts.conclude(awake, RunOutcome.CREATED, payout=awake.payout_id, by=BY)
    before = await everything()
    found = await outcomes([made_of(sleepy, "600.00")])
    wrong += surprises(found, (NotFound, PayoutAlreadyExists))
    for call in (
        payouts.conclude(sleepy, RunOutcome.REFUSED, by=BY),
        payouts.put_off(sleepy, "late", by=BY),
    ):
        wrong += surprises(await outcomes([call]))
    if await everything() != before:
        wrong.append(f"the late one wrote: {await shown(await scheduled_payouts())}, {await told()}")
    return wrong + ([] if (await stands(its))["S"][1] == 60_000 else [f"{await stands(its)}"])


async def stopped_in_flight(make, knobs):
    """An operator stops a schedule that a worker has claimed: once that is answered, nothing is made for it."""
    its = await scheduled(make, knobs, auto_confirm=True)
    live_at(knobs, DUE)
    due = await claimed()
    await plan(make, its, auto_confirm=True, enabled=False)
    wrong = surprises(await outcomes([made_of(due)]), NotFound)
    await payouts.conclude(due, RunOutcome.CREATED, by=BY)
    stood = (await scheduled_payouts(), await runs(), (await schedules())[0]["next_at"])
    return wrong + ([] if stood == ([], [("open", None), ("disable", None)], None) else [f"{stood}"])


async def changed_in_flight(make, knobs):
    """An operator changes when, after a worker has claimed it: the old moment is nobody's any more."""
    its = await scheduled(make, knobs)
    live_at(knobs, DUE)
    due = await claimed()
    await plan(make, its, "0 12 * * *")
    wrong = surprises(await outcomes([made_of(due)]), NotFound)
    await payouts.conclude(due, RunOutcome.CREATED, by=BY)
    stood = (await scheduled_payouts(), f"{(await schedules())[0]['next_at']:%m-%d %H:%M}")
    return wrong + ([] if stood == ([], "03-01 12:00") else [f"{stood}"])


async def an_operator_at_the_same_time(make, knobs):
    """A schedule takes all there is while an operator takes 100.00 five times, and stops it: nobody gets what another has."""
    wrong = []
    for number in range(3):
        its = await scheduled(make, knobs, least="1.00")
        live_at(knobs, DUE)
        calls = [run_payout_schedules(tools())]
        calls += [paid_out(make, its, "100.00", payout_id=f"op-{number}-{n}") for n in range(5)]
        calls.insert(number, plan(make, its, enabled=False))
        found = await outcomes(calls)
        short = [repr(one) for one in found if isinstance(one, BaseException) and one.code != "INSUFFICIENT_FUNDS"]
        own, low, _ = (await stands(its))["S"]
        held = await fetch(sql("SELECT requested_minor FROM payout WHERE shop_id = {}", its.id))
        if short or low < 0 or own - sum(row[0] for row in held) != low:
            wrong.append(f"{short}, {own}, {low}, {held}")
    return wrong + await differences()


# --- with and without -------------------------------------------------------------------------------------------------


SHARE = Unit.share


async def _whoever_asks(work, table, id, _token):
    return await work.lock(table, sql("r.id = {}", id), visible_to=TRUE)


async def _claims_do_not_matter(work, table, where, **more):
    return None if table.__name__ == "PayoutSchedule" else await SHARE(work, table, where, **more)


SCHEDULING, MAKES = "models.payouts.operations.scheduling", "models.unit.Unit.share"
GUARDED = [
    (ten_workers, {"models.work.claims.FREE": "TRUE", f"{SCHEDULING}.still_ours": _whoever_asks}),
    (a_lease_that_ends_too_soon, {f"{SCHEDULING}.still_ours": _whoever_asks}),
    (stopped_in_flight, {MAKES: _claims_do_not_matter}),
    (changed_in_flight, {MAKES: _claims_do_not_matter}),
]
by_name = {"ids": lambda value: getattr(value, "__name__", "")}


@pytest.mark.parametrize("scenario", [*(row[0] for row in GUARDED), an_operator_at_the_same_time], **by_name)
async def test_nothing_goes_wrong(make, knobs, scenario):
    assert await scenario(make, knobs) == []


@pytest.mark.broken_books
@pytest.mark.parametrize(("scenario", "guards"), GUARDED, **by_name)
async def test_without_its_guard_something_does(make, knobs, scenario, guards, monkeypatch):
    for guard, instead in guards.items():
        monkeypatch.setattr(guard, instead)
    assert await scenario(make, knobs) != []


async def test_without_claims_and_with_ids_at_random_the_database_still_knows_one_payout_for_a_moment(
    make, knobs, monkeypatch
):
    """The last guard of all: the moment is unique."""
    await scheduled(make, knobs)
    live_at(knobs, DUE)
    due = await claimed()
    monkeypatch.setattr(MAKES, _claims_do_not_matter)
    ids = iter(f"random-{n}" for n in range(9))
    calls = [
        payouts.make(payouts.Asked(due.party, due.shop, rub("10.00"), next(ids)), slot=due.slot, by=BY)
        for _ in range(5)
    ]
    found = await outcomes(calls)
    assert sum(isinstance(one, BaseException) for one in found) == 4
    assert len(await scheduled_payouts()) == 1


# --- through the API --------------------------------------------------------------------------------------------------

SCHEDULE = """... on PayoutSchedule { partyId shopId cron timeZone least { amount } autoConfirm status version nextAt
  needsAttention lastRun { slot outcome payoutId refusal } allowedActions { name allowed } }
  ... on Refusal { code } ... on InvalidInput { fields { path message } }"""
SET = f"mutation ($input: SetPayoutScheduleInput!) {{ setPayoutSchedule(input: $input) {{ __typename {SCHEDULE} }} }}"


def said(its, **more):
    least = {"amount": more.pop("least", "100.00"), "currency": more.pop("currency", "RUB")}
    return {"partyId": its.party_code, "shopId": its.code, "cron": "0  6 * * *", "least": least, **more}


async def test_given_an_operator_when_a_schedule_is_set_changed_stopped_and_started_then_each_is_told(api, make, knobs):
    live_at(knobs, "2027-03-01T05:30")
    its = await shop(make)

    async def tell(**more):
        return await api(SET, by=make.operator, input=said(its, **more))

    first = await tell(timeZone="Europe/Berlin")
    assert (first["cron"], first["timeZone"], first["least"], first["status"], first["version"], first["nextAt"]) == (
        "0 6 * * *", "Europe/Berlin", {"amount": "100.00"}, "ENABLED", 0, "2027-03-02T05:00:00Z",
    )  # fmt: skip
    changed = await tell(least="200.00", autoConfirm=True)
    assert (changed["version"], changed["least"], changed["autoConfirm"], changed["timeZone"], changed["nextAt"]) == (
        1, {"amount": "200.00"}, True, "UTC", "2027-03-01T06:00:00Z",
    )  # fmt: skip
    stopped = await tell(least="200.00", autoConfirm=True, enabled=False)
    assert (stopped["version"], stopped["status"], stopped["nextAt"]) == (2, "DISABLED", None)
    both = await tell(least="300.00")
    assert (both["version"], both["status"]) == (4, "ENABLED")
    assert await runs() == [(name, None) for name in ("open", "change", "disable", "change", "enable")]


async def test_given_a_schedule_when_it_is_set_as_it_is_then_nothing_is_written(api, make, knobs, nothing_written):
    live_at(knobs, "2027-03-01T05:30")
    its = await shop(make)
    first = await api(SET, by=make.operator, input=said(its, idempotencyKey="k1"))
    async with nothing_written():
        for more in ({}, {"idempotencyKey": "k1"}):
            answer = (await make.send(SET, by=make.operator, input=said(its, **more))).json()
            assert answer["data"]["setPayoutSchedule"] == first
            assert answer["extensions"]["replayed"] == [["setPayoutSchedule"]]
        taken = await api(SET, by=make.operator, input=said(its, idempotencyKey="k1", least="5.00"))
        assert taken["code"] == "IDEMPOTENCY_KEY_CONFLICT"
        later = await api(SET, by=make.operator, input=said(its, least="5.00", expectedVersion=7))
        assert later["code"] == "VERSION_CONFLICT"


@pytest.mark.parametrize(
    ("wrong", "code", "path"),
    [
        ({"cron": "0 6 * *"}, "INVALID_INPUT", "cron"),
        ({"cron": "0 6 31 2 *"}, "INVALID_INPUT", "cron"),
        ({"cron": "61 6 * * *"}, "INVALID_INPUT", "cron"),
        ({"timeZone": "Berlin"}, "INVALID_INPUT", "timeZone"),
        ({"timeZone": "localtime"}, "INVALID_INPUT", "timeZone"),
        ({"timeZone": "right/UTC"}, "INVALID_INPUT", "timeZone"),
        ({"timeZone": "posixrules"}, "INVALID_INPUT", "timeZone"),
        ({"timeZone": "../../etc/passwd"}, "INVALID_INPUT", "timeZone"),
        ({"least": "0.00"}, "INVALID_AMOUNT", None),
        ({"currency": "EUR"}, "CURRENCY_NOT_SUPPORTED", None),
        ({"shopId": "nothing"}, "SHOP_NOT_FOUND", None),
        ({"partyId": "nobody"}, "PARTY_NOT_FOUND", None),
        ({"partyId": "x" * 200}, "PARTY_NOT_FOUND", None),
        ({"shopId": "x" * 200}, "SHOP_NOT_FOUND", None),
    ],
)
async def test_given_what_cannot_be_when_a_schedule_is_set_then_refused(api, make, nothing_written, wrong, code, path):
    its = await shop(make)
    async with nothing_written():
        found = await api(SET, by=make.operator, input=said(its, **wrong))
    assert found["code"] == code
    assert path is None or [field["path"] for field in found["fields"]] == [path]


async def test_given_a_shop_without_a_tool_when_scheduled_then_it_needs_one_first(api, make):
    its = await shop(make, tool=None)
    assert (await api(SET, by=make.operator, input=said(its)))["code"] == "PAYOUT_TOOL_REQUIRED"
    assert (await api(SET, by=make.operator, input=said(its, enabled=False)))["status"] == "DISABLED"


async def test_given_a_merchant_when_he_sets_a_schedule_then_forbidden_and_he_sees_his_own(api, make, knobs):
    its = await scheduled(make, knobs)
    error = await make.error(SET, by=merchant(its), input=said(its))
    assert error["code"] == "FORBIDDEN"
    query = "{ payoutSchedules { edges { node { shopId status } } } }"
    mine = await api(query, by=merchant(its))
    assert [edge["node"] for edge in mine["edges"]] == [{"shopId": its.code, "status": "ENABLED"}]
    other = await shop(make)
    assert (await api(query, by=merchant(other)))["edges"] == []


async def test_given_five_who_set_one_schedule_at_once_when_they_are_done_then_there_is_one(make, knobs):
    live_at(knobs, "2027-03-01T05:30")
    its = await shop(make)
    found = await outcomes(plan(make, its, least=f"{n}.00") for n in range(1, 6))
    assert surprises(found) == []
    (one,) = await schedules()
    assert [name for name, _ in await runs()] == ["open", *["change"] * 4]
    assert one["version"] == 4


@pytest.mark.parametrize("by", ["operator", "merchant"])
async def test_given_an_id_like_a_schedules_when_somebody_creates_with_it_then_refused(make, knobs, by):
    """It would stop the payout of another's schedule, whose next id anybody can foretell."""
    its = await scheduled(make, knobs)
    live_at(knobs, DUE)
    due = await claimed()
    stranger = await shop(make)
    viewer = make.operator.viewer if by == "operator" else merchant(stranger).viewer
    with pytest.raises(InvalidInput):
        await payouts.make(payouts.Asked(stranger.party_code, stranger.code, rub("10.00"), due.payout_id), by=viewer)
    await leases_end()
    assert await run() == (1, 0)
    assert (await stands(its))["S"][1] == 0


async def test_given_a_schedule_that_ran_when_it_is_read_then_its_last_run_is_told(api, make, knobs):
    its = await scheduled(make, knobs, auto_confirm=True)
    live_at(knobs, DUE)
    await run()
    query = f"{{ payoutSchedules {{ edges {{ node {{ __typename {SCHEDULE.split('... on Refusal', maxsplit=1)[0]} }} }} }} }}"
    (edge,) = (await api(query, by=make.operator))["edges"]
    (made,) = await scheduled_payouts()
    assert edge["node"]["lastRun"] == {
        "slot": "2027-03-01T06:00:00Z", "outcome": "CREATED", "payoutId": made["payout_id"], "refusal": None,
    }  # fmt: skip
    assert edge["node"]["nextAt"] == "2027-03-02T06:00:00Z"
    assert {action["name"]: action["allowed"] for action in edge["node"]["allowedActions"]} == {
        "disable": True, "enable": False, "change": True,
    }  # fmt: skip
    assert made["payout_id"] == f"schedule-{made['schedule_id']}-20270301T060000Z"
    assert (await stands(its))["S"] == (0, 0, 0)
