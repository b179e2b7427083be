"""What dashboards are told of deals: over real sockets, in order, once, and to nobody else. [spec/deals §5, §13.34]"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from jobs.deals import expire_deals, promote_waiting_deals
from jobs.running import Tools
from models.kernel.clock import now
from models.kernel.sql import transaction
from models.kernel.viewer import Viewer
from tests.deals.situations import done, offered, standing
from tests.feed.conftest import placed

TOOLS = Tools(Viewer.system("test"))
CHANGED = """subscription ($deal: DealRef, $after: Cursor) { dealChanged(deal: $deal, after: $after) {
  __typename ... on DealEvent { name version from to actor actorSubject facts cursor deal { number status version hasOpenDispute } }
  ... on Heartbeat { cursor } ... on Lagged { cursor } } }"""
TIMELINE = """query ($n: Int!) { deal(ref: {number: $n}) { timeline(first: 50) { totalCount edges { node {
  name version from to actor } } } } }"""


def brief(item):
    return item["name"], item["version"], item["from"], item["to"]


async def told(following, count):
    return [brief(await following.event()) for _ in range(count)]


async def quiet(following, seconds=0.15):
    """Nothing but heartbeats has come."""
    await placed()
    await asyncio.sleep(seconds)
    while not following.messages.empty():
        assert (await following.item())["__typename"] == "Heartbeat"


PROMOTED = ("promote", 2, "WAITING_FOR_PAYMENT", "CONFIRM_PERFORMER")


async def test_34_a_waiting_deal_that_is_promoted_is_told_once_to_all_who_may_know(make, watch):
    deal, stranger = await standing(make, "WAITING_FOR_PAYMENT"), await make.person()
    other = await offered(make)
    sides = [make.user(deal.customer_id), make.user(deal.performer_id)]
    all_of_it = [make.operator, make.auditor, make.service]
    one = [
        await (await watch(by)).subscribe(CHANGED, deal={"number": deal.id})
        for by in (*sides, make.operator, make.auditor)
    ]
    for following in one:
        first = await following.item()
        assert (brief(first), first["deal"]["status"]) == (
            ("snapshot", 1, None, "WAITING_FOR_PAYMENT"), "WAITING_FOR_PAYMENT",
        )  # fmt: skip
    every = [await (await watch(by)).subscribe(CHANGED) for by in (*sides, *all_of_it)]
    silent = [await (await watch(by)).subscribe(CHANGED) for by in (make.user(stranger), make.other_service)]
    for following in (*every, *silent):
        assert (await following.item())["__typename"] == "Heartbeat"

    await done(make, deal, "pay")
    await asyncio.gather(*(promote_waiting_deals(TOOLS) for _ in range(3)))
    items = [await following.event() for following in (*one, *every)]
    assert {brief(item) for item in items} == {PROMOTED}
    assert {item["actor"] for item in items} == {"SYSTEM"}
    assert {item["deal"]["status"] for item in items} == {"CONFIRM_PERFORMER"}
    staff = [place in (2, 3, 6, 7) for place in range(len(items))]
    assert [item["actorSubject"] for item in items] == ["job:test" if whole else None for whole in staff]
    assert [item["facts"] for item in items] == [{} if whole else None for whole in staff]

    await done(make, deal, "close")
    for following in (*one, *every):
        assert await told(following, 1) == [("close", 3, "CONFIRM_PERFORMER", "CLOSE")]
        await quiet(following, 0)
    await done(make, other, "deny")
    for following in (*one, every[0], every[1], *silent):
        await quiet(following, 0.02)
    for following in every[2:]:
        assert await told(following, 1) == [("deny", 1, "CREATED", "DENY_PERFORMER")]


async def test_a_dispute_is_told_with_the_deal_that_has_it(make, watch):
    deal = await standing(make, "CONFIRM_PERFORMER")
    followings = [
        await (await watch(make.user(person))).subscribe(CHANGED, deal={"number": deal.id})
        for person in (deal.customer_id, deal.performer_id)
    ]
    for following in followings:
        assert (await following.item())["deal"]["hasOpenDispute"] is False
    await done(make, deal, "open_dispute")
    await done(make, deal, "close_by_split")
    for following in followings:
        items = [await following.event() for _ in range(2)]
        assert [(*brief(item), item["actor"], item["deal"]["hasOpenDispute"]) for item in items] == [
            ("open_dispute", 2, "CONFIRM_PERFORMER", "CONFIRM_PERFORMER", "CUSTOMER", True),
            ("close_by_split", 3, "CONFIRM_PERFORMER", "ARB_CLOSE_SPLIT", "OPERATOR", False),
        ]
        assert {item["facts"] for item in items} == {None}


@pytest.mark.parametrize("by", ["stranger", "other service", "other side's role"])
async def test_a_deal_of_others_cannot_be_watched_and_looks_like_one_that_is_not(make, watch, by):
    deal, stranger = await standing(make, "WAITING_FOR_PAYMENT"), await make.person()
    asker = {"stranger": make.user(stranger), "other service": make.other_service, "other side's role": make.merchant}[
        by
    ]
    board = await watch(asker)
    errors = [
        await (await board.subscribe(CHANGED, deal=ref)).error() for ref in ({"number": deal.id}, {"number": 999_999})
    ]
    for error in errors:
        assert error["extensions"].pop("requestId")
    assert errors[0] == errors[1]
    assert errors[0]["extensions"]["code"] == "DEAL_NOT_FOUND"


async def test_whoever_was_cut_off_is_told_what_he_missed_and_nothing_twice(make, watch):
    deal = await offered(make)
    customer, ref = make.user(deal.customer_id), {"number": deal.id}
    board = await watch(customer)
    following = await board.subscribe(CHANGED, deal=ref)
    cursor = (await following.item())["cursor"]
    await done(make, deal, "confirm")
    assert await told(following, 1) == [("wait", 1, "CREATED", "WAITING_FOR_PAYMENT")]
    await board.cut()
    for verb in ("pay", "confirm", "open_dispute"):
        await done(make, deal, verb)
    following = await (await watch(customer)).subscribe(CHANGED, deal=ref, after=cursor)
    await done(make, deal, "close_for_customer")
    assert [version for _, version, *_ in await told(following, 4)] == [1, 2, 3, 4]
    await quiet(following)


LIVES = [
    (("deny",), ["open", "deny"], ["SERVICE", "PERFORMER"]),
    (("confirm", "cancel"), ["open", "wait", "cancel"], ["SERVICE", "PERFORMER", "CUSTOMER"]),
    (("confirm", "pay", "promote", "overdue", "open_dispute", "close_for_performer"),
     ["open", "wait", "promote", "note_overdue", "open_dispute", "close_for_performer"],
     ["SERVICE", "PERFORMER", "SYSTEM", "SYSTEM", "CUSTOMER", "OPERATOR"]),
    (("overdue",), ["open", "expire"], ["SERVICE", "SYSTEM"]),
]  # fmt: skip


@pytest.mark.parametrize(("verbs", "names", "actors"), LIVES)
async def test_the_timeline_of_a_deal_is_its_life_for_everybody_who_sees_it(api, make, relay, verbs, names, actors):
    deal = await offered(make)
    for verb in verbs:
        if verb == "promote":
            await promote_waiting_deals(TOOLS)
        elif verb == "overdue":
            async with transaction() as db:
                await db.execute("UPDATE deal SET deadline_at = $1", now() - timedelta(hours=1))
            await expire_deals(TOOLS)
        else:
            await done(make, deal, verb)
    await placed()
    stranger = await make.person()
    lives = []
    for by in (make.user(deal.customer_id), make.user(deal.performer_id), make.operator, make.auditor, make.service):
        timeline = (await api(TIMELINE, by=by, n=deal.id))["timeline"]
        assert timeline["totalCount"] == len(names)
        lives.append([edge["node"] for edge in timeline["edges"]])
    assert all(life == lives[0] for life in lives)
    assert [event["name"] for event in lives[0]] == names
    assert [event["actor"] for event in lives[0]] == actors
    assert [event["version"] for event in lives[0]] == [*range(len(names))]
    assert [event["from"] for event in lives[0]] == [None, *(event["to"] for event in lives[0][:-1])]
    for by in (make.user(stranger), make.other_service):
        assert (await make.error(TIMELINE, by=by, n=deal.id))["code"] == "DEAL_NOT_FOUND"
