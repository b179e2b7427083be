"""What dashboards are told of disputes: each change once, in order; a merchant of public statuses alone. [spec/disputes §9]"""

from __future__ import annotations

import asyncio
import json

import pytest

from models.kernel.viewer import Role
from tests.disputes.test_create import into
from tests.disputes.test_desk import ADD, SAY
from tests.disputes.world import MERCHANT, attached
from tests.feed.conftest import placed
from tests.make import Asker

INNER = """status statusSince mode needsAttention providerMessage technicalError providerId terminalId providerTrxId
  providerDisputeId riskScore pollingBefore nextCheckAt lastError adjustment { status }"""
NAMES = INNER.replace("{ status }", "").split()
CHANGED = f"""subscription ($dispute: DisputeRef, $invoice: String, $after: Cursor) {{
  disputeChanged(dispute: $dispute, invoiceId: $invoice, after: $after) {{
    __typename ... on DisputeEvent {{ name version from to actor actorSubject facts cursor dispute {{
      disputeId version publicStatus publicReason changedAmount {{ minorUnits }} {INNER}
      allowedActions {{ name allowed why }} }} }}
    ... on Heartbeat {{ cursor }} ... on Lagged {{ cursor }} }} }}"""
NARROW = Asker.of(Role.MERCHANT, "narrow", party="p", shops=["s"])
BESIDE = Asker.of(Role.MERCHANT, "beside", party="p", shops=["t"])
STRANGER = Asker.of(Role.MERCHANT, "stranger", party="q")


def brief(item):
    return item["name"], item["from"], item["to"]


async def begun(following):
    """Its subscription is live; the cursor from which it is."""
    first = await following.item()
    assert first["__typename"] == "Heartbeat"
    return first["cursor"]


async def told(following, count):
    """So many events, and whatever else has come when the log is at rest."""
    items = [await following.event() for _ in range(count)]
    await placed()
    await asyncio.sleep(0.1)
    while not following.messages.empty():
        items.append(await following.item())
    return [item for item in items if item["__typename"] != "Heartbeat"]


# what a dispute lives through, as staff are told of it, and as its merchant is


async def decided_by_its_provider(world):
    dispute = await world.expired()
    for _ in range(2):
        await world.tick("process_forgotten_disputes")
    await world.desk("resumeDisputes", dispute)
    for _ in range(3):
        await world.poll_tick()
    await world.decide(dispute, "success")
    await world.poll_tick()
    for _ in range(2):
        await world.adjust_tick()
    return dispute


async def found_at_its_provider(world):
    dispute = await world.existing()
    await world.desk("bindDisputes", {"dispute": dispute, "providerDisputeId": "theirs-7"})
    await world.poll_tick()  # the provider knows no such dispute: that is put off
    await world.desk(
        "cancelDisputes", {"dispute": dispute, "publicReason": "not_ours", "providerMessage": "inner word"}
    )
    return dispute


async def decided_by_a_human(world):
    dispute = await world.manual()
    ref = {"disputeId": dispute}
    await world.make.ask(ADD, by=MERCHANT, input={"dispute": ref, "attachments": [attached()]})
    await world.desk("updateDisputeMessages", {"dispute": dispute, "providerMessage": "inner word"})
    await world.make.ask(SAY, by=world.make.operator, input={"dispute": ref, "text": "we look"})
    await world.desk("approveDisputes", {"dispute": dispute, "skipProviderCheck": True})
    return dispute


async def declined_at_once(world):
    dispute = await world.created(paid={"providerTrxId": "trx-declined"}, notificationUrl="https://m.example/hook")
    await world.create_tick()
    await world.tick("deliver_dispute_notifications")
    return dispute


async def unrecoverable(world):
    dispute = await world.created(paid={"status": "refunded"})
    await world.create_tick()
    return dispute


OPENED, MINE = ("open", None, "CREATED"), ("open", None, "PENDING")
LIVES = {
    decided_by_its_provider: (
        [
            OPENED,
            ("accept", "CREATED", "PENDING"),
            ("expire", "PENDING", "POOLING_EXPIRED"),
            ("resume", "POOLING_EXPIRED", "PENDING"),
            ("confirm", "PENDING", "CREATE_ADJUSTMENT"),
            ("send_adjustment", "CREATE_ADJUSTMENT", "CREATE_ADJUSTMENT"),
            ("succeed", "CREATE_ADJUSTMENT", "SUCCEEDED"),
        ],
        [MINE, ("succeed", "PENDING", "SUCCEEDED")],
    ),
    found_at_its_provider: (
        [
            OPENED,
            ("find_existing", "CREATED", "ALREADY_EXIST_CREATED"),
            ("bind", "ALREADY_EXIST_CREATED", "PENDING"),
            ("cancel", "PENDING", "CANCELLED"),
        ],
        [MINE, ("fail", "PENDING", "FAILED")],
    ),
    decided_by_a_human: (
        [
            OPENED,
            ("escalate", "CREATED", "MANUAL_PENDING"),
            ("add_evidence", "MANUAL_PENDING", "MANUAL_PENDING"),
            ("update_messages", "MANUAL_PENDING", "MANUAL_PENDING"),
            ("comment", "MANUAL_PENDING", "MANUAL_PENDING"),
            ("settle", "MANUAL_PENDING", "SUCCEEDED"),
        ],
        [
            MINE,
            ("add_evidence", "PENDING", "PENDING"),
            ("comment", "PENDING", "PENDING"),
            ("succeed", "PENDING", "SUCCEEDED"),
        ],
    ),
    declined_at_once: (
        [
            OPENED,
            ("want_notification", "CREATED", "CREATED"),
            ("fail", "CREATED", "FAILED"),
            ("miss_notification", "FAILED", "FAILED"),
        ],
        [MINE, ("fail", "PENDING", "FAILED")],
    ),
    unrecoverable: ([OPENED, ("fail", "CREATED", "FAILED")], [MINE]),
}
every_life = pytest.mark.parametrize("life", LIVES, ids=lambda life: life.__name__)


@every_life
async def test_each_change_is_told_once_in_order_and_no_look_is(world, make, watch, life):
    askers = (make.operator, make.auditor, MERCHANT, NARROW, BESIDE, STRANGER)
    boards = [await (await watch(by)).subscribe(CHANGED) for by in askers]
    for board in boards:
        await begun(board)
    dispute = await life(world)
    staff, his = LIVES[life]
    seen = [staff, staff, his, his, [], []]
    items = [await told(board, len(its)) for board, its in zip(boards, seen, strict=True)]
    assert [[brief(item) for item in its] for its in items] == seen
    assert [item["version"] for item in items[0]] == [*range(len(staff))]
    assert {item["dispute"]["disputeId"] for its in items for item in its} == {dispute}
    cursors = [item["cursor"] for item in items[0]]
    assert len(set(cursors)) == len(cursors)


@every_life
async def test_a_merchant_is_told_nothing_of_the_work_on_it(world, make, watch, life):
    following = await (await watch(MERCHANT)).subscribe(CHANGED)
    await begun(following)
    await life(world)
    items = await told(following, len(LIVES[life][1]))
    public = {"PENDING", "SUCCEEDED", "FAILED", None}
    for item in items:
        shown = item["dispute"]
        assert {name: shown[name] for name in NAMES} == dict.fromkeys(NAMES)
        assert {item["from"], item["to"], shown["publicStatus"]} <= public
        assert (item["actorSubject"], item["facts"]) == (None, None)
        offered = {action["name"] for action in shown["allowedActions"] if action["allowed"]}
        assert offered == ({"addEvidence", "comment"} if shown["publicStatus"] == "PENDING" else set())
    text = json.dumps(items)
    for word in ("trx", "quickpay", "theirs-7", "inner word", "MANUAL", "ADJUST", "CANCELLED", "operator", "job:"):
        assert word not in text, word
    ends = [item["actor"] for item in items if item["name"] in {"succeed", "fail"}]
    assert set(ends) <= {"SYSTEM"}


async def test_files_and_words_tell_who_added_them(world, make, watch):
    following = await (await watch(MERCHANT)).subscribe(CHANGED)
    await begun(following)
    await decided_by_a_human(world)
    assert [(item["name"], item["actor"]) for item in await told(following, 4)] == [
        ("open", "MERCHANT"), ("add_evidence", "MERCHANT"), ("comment", "OPERATOR"), ("succeed", "SYSTEM"),
    ]  # fmt: skip


async def test_whoever_looked_on_sees_one_dispute_as_its_merchant_may(world, make, watch):
    """One is hidden from where on it cannot be mended; that it was there before was told."""
    dispute = await world.created(paid={"status": "refunded"})
    following = await (await watch(MERCHANT)).subscribe(CHANGED, dispute={"disputeId": dispute})
    assert brief(await following.event()) == ("snapshot", None, "PENDING")
    await world.create_tick()
    assert await told(following, 0) == []


# beginning, and beginning again


@pytest.mark.parametrize(
    "status",
    ["CREATED", "PENDING", "MANUAL_PENDING", "ALREADY_EXIST_CREATED", "CREATE_ADJUSTMENT", "POOLING_EXPIRED"],
)
async def test_one_dispute_begins_with_itself_whatever_happened_last(world, make, watch, status):
    dispute = await into(world, status)
    await placed()
    watched = {"disputeId": dispute}
    staff = await (await (await watch(make.operator)).subscribe(CHANGED, dispute=watched)).event()
    assert (brief(staff), staff["dispute"]["status"]) == (("snapshot", None, status), status)
    following = await (await watch(MERCHANT)).subscribe(CHANGED, dispute=watched)
    his = await following.event()
    assert (brief(his), his["version"]) == (("snapshot", None, "PENDING"), staff["version"])
    assert {name: his["dispute"][name] for name in NAMES} == dict.fromkeys(NAMES)
    await world.desk("cancelDisputes", dispute)
    (ended,) = await told(following, 1)
    assert (brief(ended), ended["version"]) == (("fail", "PENDING", "FAILED"), staff["version"] + 1)


@pytest.mark.parametrize("verb", ["bindDisputes", "cancelDisputes", "approveDisputes", "resumeDisputes"])
async def test_a_beginning_does_not_tell_a_merchant_who_worked_on_it(world, make, watch, verb):
    if verb == "bindDisputes":
        dispute, given = await world.existing(), {"providerDisputeId": "theirs-7"}
    elif verb == "resumeDisputes":
        dispute, given = await world.expired(), {}
    else:
        dispute = await world.manual()
        given = {"skipProviderCheck": True} if verb == "approveDisputes" else {}
    (answer,) = await world.desk(verb, {"dispute": dispute, **given})
    assert answer["__typename"] == "Dispute"
    await placed()
    for by, actor in ((make.operator, ("OPERATOR", "operator")), (MERCHANT, ("SYSTEM", None))):
        item = await (await (await watch(by)).subscribe(CHANGED, dispute={"disputeId": dispute})).event()
        assert (item["actor"], item["actorSubject"]) == actor


async def test_going_on_behind_a_cursor_tells_what_was_missed_and_nothing_hidden(world, make, watch):
    boards = {by: await watch(by) for by in (make.operator, MERCHANT)}
    cursors = {by: await begun(await board.subscribe(CHANGED)) for by, board in boards.items()}
    for board in boards.values():
        await board.cut()
    dispute = await decided_by_its_provider(world)
    await placed()
    for by, seen in zip(cursors, LIVES[decided_by_its_provider], strict=True):
        for asked in ({}, {"invoice": "inv"}, {"dispute": {"disputeId": dispute}}):
            following = await (await watch(by)).subscribe(CHANGED, after=cursors[by], **asked)
            items = await told(following, len(seen))
            assert [brief(item) for item in items] == seen
            between = [item["cursor"] for item in items]
        for at in range(len(between)):
            following = await (await watch(by)).subscribe(CHANGED, after=between[at])
            assert [brief(item) for item in await told(following, len(seen) - at - 1)] == seen[at + 1 :]


async def test_a_merchant_goes_on_behind_a_heartbeat_that_covers_what_was_hidden(world, make, watch, knobs):
    dispute = await world.created(paid={"providerTrxId": "trx-undecided"})
    await placed()
    staff = await (await watch(make.operator)).subscribe(CHANGED)
    await begun(staff)
    await world.create_tick()
    hidden = (await staff.event())["cursor"]
    following = await (await watch(MERCHANT)).subscribe(CHANGED, after=hidden)
    await world.desk("cancelDisputes", dispute)
    assert [brief(item) for item in await told(following, 1)] == [("fail", "PENDING", "FAILED")]


# which


async def test_an_invoice_is_watched_alone_by_those_who_may_see_it(world, make, watch):
    askers = (make.operator, MERCHANT, NARROW, BESIDE, STRANGER)
    boards = [await (await watch(by)).subscribe(CHANGED, invoice="inv") for by in askers]
    for board in boards:
        await begun(board)
    mine = await world.created("inv", "one")
    await world.created("other", "one")
    second = await world.created("inv", "two")
    await world.desk("cancelDisputes", mine, second)
    for board, end in zip(boards, ("cancel", "fail", "fail", None, None), strict=True):
        seen = [("open", mine), ("open", second), (end, mine), (end, second)] if end else []
        items = await told(board, len(seen))
        assert [(item["name"], item["dispute"]["disputeId"]) for item in items] == seen


@pytest.mark.parametrize("by", [BESIDE, STRANGER], ids=lambda by: by.viewer.subject)
async def test_anothers_dispute_cannot_be_watched_and_looks_like_none(world, watch, by):
    dispute = await world.pending()
    board = await watch(by)
    errors = []
    for ref in ({"disputeId": dispute}, {"payment": {"invoiceId": "inv", "paymentId": "pay"}}, {"disputeId": "none"}):
        error = await (await board.subscribe(CHANGED, dispute=ref)).error()
        assert error["extensions"].pop("requestId")
        errors.append(error)
    assert errors[0] == errors[1] == errors[2]
    assert errors[0]["extensions"]["code"] == "DISPUTE_NOT_FOUND"


async def test_one_dispute_and_an_invoice_do_not_go_together(world, make, watch):
    dispute = await world.pending()
    board = await watch(make.operator)
    error = await (await board.subscribe(CHANGED, dispute={"disputeId": dispute}, invoice="inv")).error()
    assert error["extensions"]["code"] == "INVALID_INPUT"


@pytest.mark.parametrize("role", [Role.USER, Role.SERVICE, Role.CHANNEL])
async def test_others_have_nothing_to_do_with_disputes(make, watch, role):
    error = await (await (await watch(Asker.of(role, person=1))).subscribe(CHANGED)).error()
    assert error["extensions"]["code"] == "FORBIDDEN"
