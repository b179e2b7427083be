"""What dashboards are told of payouts: over real sockets, in order, once, and to nobody else. [spec/payouts §9; feed.md]"""

from __future__ import annotations

import asyncio

import pytest

from jobs.payouts import deliver_payouts, run_payout_schedules
from models.kernel.viewer import Role
from models.parties import operations as parties
from models.parties.lifecycle import ToolKind
from models.payouts import operations as payouts
from tests.feed.conftest import placed
from tests.make import Asker
from tests.payouts.shops import earn, merchant, paid_out, rub, shop
from tests.payouts.test_deaths import Refusing
from tests.payouts.test_schedules import runs
from tests.payouts.tills import Till, live_at, scheduled_payouts, to_wallet, tools

HOUSE = ToolKind.PAYMENT_INSTITUTION
CHANGED = """subscription ($payout: PayoutRef, $party: String, $shop: String, $after: Cursor) {
  payoutChanged(payout: $payout, party: $party, shop: $shop, after: $after) {
    __typename ... on PayoutEvent { name version from to actor actorSubject facts cursor
      payout { payoutId status sequence version deliveryStatus amount { amount } } }
    ... on Heartbeat { cursor } ... on Lagged { cursor } } }"""


def brief(item):
    return item["name"], item["version"], item["from"], item["to"]


async def told(following, count):
    return [brief(await following.event()) for _ in range(count)]


async def quiet(following, seconds=0.1):
    """Nothing but heartbeats has come."""
    await placed()
    await asyncio.sleep(seconds)
    while not following.messages.empty():
        assert (await following.item())["__typename"] == "Heartbeat"


async def begun(following):
    first = await following.item()
    assert first["__typename"] == "Heartbeat"
    return first["cursor"]


OPENED = ("open", 0, None, "UNPAID")
CONFIRMED = ("confirm", 1, "UNPAID", "CONFIRMED")


async def test_given_one_payout_when_watched_then_itself_first_and_then_what_happens(make, watch):
    its, _ = await to_wallet(make)
    other = await paid_out(make, await shop(make), payout_id="b")
    following = [
        await (await watch(by)).subscribe(CHANGED, payout={"payoutId": "a"})
        for by in (make.operator, make.auditor, merchant(its), merchant(its, shops=True))
    ]
    for one in following:
        first = await one.item()
        assert brief(first) == ("snapshot", 2, None, "CONFIRMED")
        assert first["payout"] == {
            "payoutId": "a", "status": "CONFIRMED", "sequence": 1, "version": 2, "deliveryStatus": "QUEUED",
            "amount": {"amount": "750.00"},
        }  # fmt: skip
        assert first["cursor"] == first["extensions"]["cursor"]
    await deliver_payouts(tools(Till()))
    await payouts.cancel(other.id, "x", by=make.operator.viewer)
    for one, staff in zip(following, (True, True, False, False), strict=True):
        items = [await one.event() for _ in range(2)]
        assert [(*brief(item), item["payout"]["deliveryStatus"]) for item in items] == [
            ("send_delivery", 3, "CONFIRMED", "CONFIRMED", "SENDING"),
            ("deliver", 4, "CONFIRMED", "CONFIRMED", "DELIVERED"),
        ]
        assert {item["actor"] for item in items} == {"SYSTEM"}
        assert [item["actorSubject"] for item in items] == ["job:test" if staff else None] * 2
        assert [item["facts"] for item in items] == (
            [{"attempt": 1}, {"reference": "ref-payout_a"}] if staff else [None, None]
        )
        await quiet(one, 0)


async def test_given_a_refusal_from_outside_when_told_then_both_numbers_without_a_gap(make, watch):
    await to_wallet(make)
    following = await (await watch(make.operator)).subscribe(CHANGED, payout={"payoutId": "a"})
    await following.item()
    await deliver_payouts(tools(Refusing()))
    items = [await following.event() for _ in range(3)]
    assert [(*brief(item), item["payout"]["sequence"]) for item in items] == [
        ("send_delivery", 3, "CONFIRMED", "CONFIRMED", 1),
        ("refuse_delivery", 4, "CONFIRMED", "CONFIRMED", 1),
        ("fail", 5, "CONFIRMED", "FAILED", 2),
    ]


async def two_shops(make):
    """Two shops of one party, with 1000.00 each."""
    first = await shop(make, tool=HOUSE)
    number = first.code.removeprefix("s")
    opened = parties.Opened("Another", "RUB", 1, f"c{number}", "own")
    second = await parties.upsert_shop(first.party_code, "other", opened, by=make.operator.viewer)
    return first, await earn(make, second, "1000.00")


async def test_given_two_shops_and_a_stranger_when_watched_then_each_is_told_what_he_may_know(make, watch):
    first, second = await two_shops(make)
    stranger = await shop(make, tool=HOUSE)
    party = first.party_code
    asks = {
        "operator": (make.operator, {}, "abc"),
        "auditor": (make.auditor, {}, "abc"),
        "operator of the party": (make.operator, {"party": party}, "ab"),
        "operator of a shop": (make.operator, {"party": party, "shop": second.code}, "b"),
        "merchant": (merchant(first), {}, "ab"),
        "merchant of his party": (merchant(first), {"party": party}, "ab"),
        "merchant of one shop": (merchant(first), {"shop": second.code}, "b"),
        "merchant with one shop": (merchant(first, shops=True), {}, "a"),
        "merchant with one shop, of the party": (merchant(first, shops=True), {"party": party}, "a"),
        "merchant with one shop, of it": (merchant(first, shops=True), {"shop": first.code}, "a"),
        "stranger": (merchant(stranger), {}, "c"),
    }
    following = {
        name: await (await watch(by)).subscribe(CHANGED, **variables) for name, (by, variables, _) in asks.items()
    }
    for one in following.values():
        await begun(one)
    for id, its in (("a", first), ("b", second), ("c", stranger)):
        await paid_out(make, its, "10.00", payout_id=id)
    for id in "cba":
        await payouts.confirm(id, by=make.operator.viewer)
    found = {}
    for name, one in following.items():
        seen = asks[name][2]
        items = [await one.event() for _ in range(2 * len(seen))]
        found[name] = [(item["payout"]["payoutId"], item["payout"]["sequence"]) for item in items]
        await quiet(one, 0)
    for name, (_, _, seen) in asks.items():
        assert found[name] == [*((id, 0) for id in seen), *((id, 1) for id in reversed(seen))], name


async def test_given_many_at_once_when_watched_then_created_comes_first_for_each(make, watch):
    its = await shop(make, tool=HOUSE)
    following = await (await watch(merchant(its))).subscribe(CHANGED)
    await begun(following)

    async def life(id):
        await paid_out(make, its, "10.00", payout_id=id)
        await asyncio.gather(*(payouts.confirm(id, by=make.operator.viewer) for _ in range(3)))

    await asyncio.gather(*(life(f"p{n}") for n in range(30)))
    by_payout = {}
    for _ in range(60):
        item = await following.event()
        by_payout.setdefault(item["payout"]["payoutId"], []).append(brief(item))
    assert by_payout == {f"p{n}": [OPENED, CONFIRMED] for n in range(30)}
    await quiet(following)


async def test_given_a_schedule_and_an_operator_at_work_when_watched_then_no_version_and_no_number_is_missing(
    make, watch, knobs
):
    live_at(knobs, "2027-03-01T05:30")
    shops = [await shop(make, tool=HOUSE) for _ in range(4)]
    for its in shops:
        planned = payouts.Planned("* * * * *", "UTC", rub("1.00"), auto_confirm=True)
        await payouts.set_schedule(its.party_code, its.code, planned, by=make.operator.viewer)
    following = await (await watch(make.operator)).subscribe(CHANGED)
    await begun(following)

    async def operator(its, number):
        id = f"op-{its.code}-{number}"
        await paid_out(make, its, "1.00", payout_id=id)
        await asyncio.gather(
            payouts.confirm(id, by=make.operator.viewer),
            payouts.cancel(id, "x", by=make.operator.viewer),
            return_exceptions=True,
        )

    for minute in range(4):
        live_at(knobs, f"2027-03-01T05:3{2 + minute}")
        for its in shops:
            await earn(make, its, "100.00")
        await asyncio.gather(
            *(operator(its, 10 * minute + n) for its in shops for n in range(3) if minute < 3),
            *(run_payout_schedules(tools()) for _ in range(3)),
            return_exceptions=True,
        )
    await placed()
    await asyncio.sleep(0.2)
    versions, sequences = {}, {}
    while not following.messages.empty():
        item = await following.item()
        if item["__typename"] == "PayoutEvent":
            id = item["payout"]["payoutId"]
            versions.setdefault(id, []).append(item["version"])
            sequences.setdefault(id, []).append(item["payout"]["sequence"])
    made = await scheduled_payouts()
    outcomes = [outcome for _, outcome in await runs() if outcome]
    assert len(outcomes) == 16
    assert len(made) == outcomes.count("created") >= 4  # the others were refused what an operator had taken meanwhile
    assert {row["payout_id"] for row in made} <= versions.keys()
    for id, seen in versions.items():
        assert seen == [*range(len(seen))], id
        assert sequences[id] == [*range(len(seen))], id  # nothing is delivered here: each event is a status


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ({"payout": {"payoutId": "a"}, "party": "p"}, "payout"),
        ({"payout": {"payoutId": "a"}, "shop": "s"}, "payout"),
        ({"shop": "s"}, "party"),
    ],
)
async def test_given_what_does_not_go_together_when_watched_then_refused(make, watch, asked, path):
    error = await (await (await watch(make.operator)).subscribe(CHANGED, **asked)).error()
    assert error["extensions"]["code"] == "INVALID_INPUT"
    assert error["message"].startswith(f"{path}: ")


async def test_given_a_cut_when_resumed_then_what_was_missed_and_nothing_twice(make, watch):
    its, _ = await to_wallet(make)
    board = await watch(merchant(its))
    following = await board.subscribe(CHANGED, payout={"payoutId": "a"})
    cursor = (await following.item())["cursor"]
    await board.cut()
    await deliver_payouts(tools(Refusing()))
    for variables in ({"payout": {"payoutId": "a"}}, {"shop": its.code}, {}):
        resumed = await (await watch(merchant(its))).subscribe(CHANGED, after=cursor, **variables)
        assert [version for _, version, *_ in await told(resumed, 3)] == [3, 4, 5]
        await quiet(resumed, 0.02)
    await earn(make, its, "1.00")
    await paid_out(make, its, "1.00", payout_id="b")
    assert await told(resumed, 1) == [OPENED]


async def test_given_the_head_when_listed_and_watched_from_there_then_nothing_is_missed(make, watch):
    its = await shop(make, tool=HOUSE)
    await paid_out(make, its, "10.00", payout_id="a")
    await placed()
    query = "{ head payouts { edges { node { payoutId version } } } }"
    answer = (await make.send(query, by=merchant(its))).json()["data"]
    await payouts.confirm("a", by=make.operator.viewer)
    following = await (await watch(merchant(its))).subscribe(CHANGED, after=answer["head"])
    assert answer["payouts"]["edges"] == [{"node": {"payoutId": "a", "version": 0}}]
    assert await told(following, 1) == [CONFIRMED]


@pytest.mark.parametrize("what", ["payout", "party", "shop", "shop beside his own"])
async def test_given_what_is_anothers_when_watched_then_it_looks_like_what_is_not(make, watch, what):
    first, second = await two_shops(make)
    stranger = await shop(make, tool=HOUSE)
    await paid_out(make, first, "10.00", payout_id="a")
    asker = merchant(second, shops=True) if what == "shop beside his own" else merchant(stranger)
    foreign, unknown, code = {
        "payout": ({"payout": {"payoutId": "a"}}, {"payout": {"payoutId": "none"}}, "PAYOUT_NOT_FOUND"),
        "party": ({"party": first.party_code}, {"party": "nobody"}, "PARTY_NOT_FOUND"),
        "shop": ({"party": first.party_code, "shop": first.code}, {"party": "nobody", "shop": "x"}, None),
        "shop beside his own": ({"shop": first.code}, {"shop": "nothing"}, "SHOP_NOT_FOUND"),
    }[what]
    board = await watch(asker)
    errors = [await (await board.subscribe(CHANGED, **asked)).error() for asked in (foreign, unknown)]
    for error in errors:
        assert error["extensions"].pop("requestId")
    assert errors[0] == errors[1]
    assert errors[0]["extensions"]["code"].endswith("_NOT_FOUND")
    assert code is None or errors[0]["extensions"]["code"] == code


@pytest.mark.parametrize("by", ["user", "service"])
async def test_given_who_has_nothing_to_do_with_payouts_when_he_watches_then_forbidden(make, watch, by):
    asker = Asker.of(Role.USER, "user-1", person=1) if by == "user" else make.service
    error = await (await (await watch(asker)).subscribe(CHANGED)).error()
    assert error["extensions"]["code"] == "FORBIDDEN"
