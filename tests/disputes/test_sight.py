"""Who sees which disputes, and what of them, by every way to them. [spec/disputes §2.1, §8; design/api §2]"""

from __future__ import annotations

import pytest

from models.kernel.sql import fetch, sql
from models.kernel.viewer import Role
from schema.node import global_id
from tests.disputes.test_feed import BESIDE, INNER, MINE, NAMES, NARROW, OPENED, STRANGER, brief, decided_by_a_human
from tests.disputes.world import MERCHANT
from tests.feed.conftest import placed
from tests.make import Asker

NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
LIST = "{ disputes { totalCount edges { node { disputeId } } } }"
COUNTS = "{ disputeCounts { publicStatus status count needsAttention } }"
SEEK = "query ($w: String!) { disputes(filter: {search: $w}) { totalCount edges { node { disputeId } } } }"
DISPUTE = "query ($ref: DisputeRef!) { dispute(ref: $ref) { id } }"
WHOLE = f"query ($ref: DisputeRef!) {{ dispute(ref: $ref) {{ disputeId publicStatus {INNER} }} }}"
TIMELINE = """query ($ref: DisputeRef!, $first: Int, $after: Cursor) { dispute(ref: $ref) {
  timeline(first: $first, after: $after) { totalCount pageInfo { hasNextPage hasPreviousPage endCursor }
    edges { cursor node { name from to actor actorSubject facts ... on DisputeEvent { dispute { status } } } } } } }"""
ADD = 'mutation { commentDispute(input: {dispute: {disputeId: "%s"}, text: "x"}) { ... on Refusal { code message } } }'


async def id_of(world, dispute):
    return (await world.make.ask(DISPUTE, by=world.make.operator, ref={"disputeId": dispute}))["id"]


async def ways(world, dispute, by):
    """What somebody finds of a dispute, by each way to it."""
    make, id = world.make, await id_of(world, dispute)
    refs = {"plain id": {"disputeId": dispute}, "id": {"id": id}}
    refs["payment"] = {"payment": {"invoiceId": "inv", "paymentId": "pay"}}
    found = set()
    for name, (query, variables) in {
        "node": (NODE, {"id": id}),
        **{f"by {name}": (DISPUTE, {"ref": ref}) for name, ref in refs.items()},
    }.items():
        if "errors" not in (await make.send(query, by=by, **variables)).json():
            found.add(name)
    found |= {"nodes"} if any(await make.ask(NODES, by=by, ids=[id])) else set()
    for name, query, variables in (
        ("list", LIST, {}),
        ("search", SEEK, {"w": dispute}),
        ("its invoice", SEEK, {"w": "inv"}),
    ):
        listed = await make.ask(query, by=by, **variables)
        assert listed["totalCount"] == len(listed["edges"])
        found |= {name} if listed["edges"] else set()
    return found | ({"counts"} if await make.ask(COUNTS, by=by) else set())


EVERY_WAY = {
    "node", "nodes", "by plain id", "by id", "by payment", "list", "search", "its invoice", "counts",
}  # fmt: skip


@pytest.mark.parametrize("hides", [True, False])
async def test_one_that_only_a_new_one_can_mend_is_hidden_from_its_merchant_by_every_way(world, make, hides):
    world.knobs(dispute_hide_unrecoverable=hides)
    dispute = await world.created(paid={"status": "refunded"})
    assert await ways(world, dispute, MERCHANT) == EVERY_WAY
    await world.create_tick()
    assert (await world.read(dispute))["publicReason"] == "server_error"
    for by in (make.operator, make.auditor):
        assert await ways(world, dispute, by) == EVERY_WAY
    for by in (MERCHANT, NARROW):
        assert await ways(world, dispute, by) == (set() if hides else EVERY_WAY)
    await world.status("failed")
    another = (await world.ask_to_create())["disputeId"]
    listed = await make.ask(LIST, by=MERCHANT)
    assert (listed["totalCount"], listed["edges"][0]["node"]["disputeId"]) == (1 if hides else 2, another)


async def test_what_is_hidden_is_not_added_to(world, make, nothing_written):
    dispute = await world.created(paid={"status": "refunded"})
    await world.create_tick()
    unknown = await make.ask(ADD % "00000000-0000-0000-0000-000000000000", by=MERCHANT)
    async with nothing_written():
        assert await make.ask(ADD % dispute, by=MERCHANT) == unknown
    assert unknown["code"] == "DISPUTE_NOT_FOUND"


@pytest.mark.parametrize("by", [BESIDE, STRANGER, Asker.of(Role.MERCHANT, "lost")], ids=lambda by: by.viewer.subject)
async def test_anothers_dispute_is_found_by_no_way(world, by):
    dispute = await world.pending()
    assert await ways(world, dispute, by) == set()
    assert await ways(world, dispute, NARROW) == EVERY_WAY


async def test_staff_see_all_of_a_dispute_and_its_merchant_nothing_of_the_work(world, make):
    dispute = await world.adjusting()
    ref = {"disputeId": dispute}
    staff = [await make.ask(WHOLE, by=by, ref=ref) for by in (make.operator, make.auditor)]
    assert staff[0] == staff[1]
    shown = {name for name in NAMES if staff[0][name] is not None}
    assert {"status", "mode", "providerId", "terminalId", "providerTrxId", "pollingBefore", "adjustment"} <= shown
    his = await make.ask(WHOLE, by=MERCHANT, ref=ref)
    assert his == {"disputeId": dispute, "publicStatus": "PENDING"} | dict.fromkeys(NAMES)


async def test_a_merchant_finds_nothing_by_what_providers_are_told(world, make):
    dispute = await world.pending()
    theirs = (await world.read(dispute))["providerDisputeId"]
    for words in ("trx-undecided", theirs):
        assert (await make.ask(SEEK, by=MERCHANT, w=words))["totalCount"] == 0
        assert (await make.ask(SEEK, by=make.auditor, w=words))["totalCount"] == 1


# timelines


async def pages(world, dispute, by, size):
    """Its timeline page by page: how full each page is, and all events."""
    after, full, events, total = None, [], [], set()
    while True:
        read = await world.make.ask(TIMELINE, by=by, ref={"disputeId": dispute}, first=size, after=after)
        page = read["timeline"]
        total.add(page["totalCount"])
        full.append(len(page["edges"]))
        events += [edge["node"] for edge in page["edges"]]
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        if not page["pageInfo"]["hasNextPage"]:
            assert total == {len(events)}
            return full, events
        after = page["pageInfo"]["endCursor"]


@pytest.mark.parametrize("size", [1, 2, 3, 50])
async def test_pages_of_a_merchants_timeline_are_full_of_what_he_sees(world, make, relay, size):
    dispute = await decided_by_a_human(world)
    await placed()
    for by in (MERCHANT, NARROW):
        full, events = await pages(world, dispute, by, size)
        assert full == [size] * (4 // size) + ([4 % size] if 4 % size else [])
        assert [brief(event) for event in events] == [
            MINE,
            ("add_evidence", "PENDING", "PENDING"),
            ("comment", "PENDING", "PENDING"),
            ("succeed", "PENDING", "SUCCEEDED"),
        ]
        assert {event["dispute"]["status"] for event in events} == {None}
        assert {(event["actorSubject"], event["facts"]) for event in events} == {(None, None)}
    for by in (make.operator, make.auditor):
        _, events = await pages(world, dispute, by, size)
        assert [event["name"] for event in events] == [
            "open", "escalate", "add_evidence", "update_messages", "comment", "settle",
        ]  # fmt: skip
        assert brief(events[0]) == OPENED


async def test_a_page_is_full_although_hundreds_of_hidden_events_lie_between(world, make, relay):
    dispute = await world.manual()
    for n in range(2):
        answers = await world.desk(
            "updateDisputeMessages", *({"dispute": dispute, "providerMessage": f"word {n} {m}"} for m in range(100))
        )
        assert {answer["__typename"] for answer in answers} == {"Dispute"}
    await world.desk("cancelDisputes", dispute)
    await placed()
    full, events = await pages(world, dispute, MERCHANT, 1)
    assert (full, [event["name"] for event in events]) == ([1, 1], ["open", "fail"])
    read = await make.ask(TIMELINE, by=make.operator, ref={"disputeId": dispute}, first=1)
    assert read["timeline"]["totalCount"] == 203


# what belongs to disputes


EVENTS = """subscription { events(nouns: [ADJUSTMENT, PAYMENT_CALLBACK]) { __typename
  ... on AdjustmentEvent { name adjustment { invoiceId status } }
  ... on PaymentCallbackEvent { name paymentCallback { invoiceId status detail } } } }"""


async def test_what_is_done_in_billing_is_told_to_staff_alone(world, make, watch):
    world.knobs(dispute_callbacks_enabled=True)
    boards = [await (await watch(by)).subscribe(EVENTS) for by in (make.operator, make.auditor)]
    for board in boards:
        assert (await board.item())["__typename"] == "Heartbeat"
    error = await (await (await watch(MERCHANT)).subscribe(EVENTS)).error()
    assert error["extensions"]["code"] == "FORBIDDEN"
    await world.adjusting()
    await world.adjust_tick()
    callback = 'mutation { providerPaymentCallback(input: {invoiceId: "inv", paymentId: "pay"}) { __typename } }'
    await make.ask(callback, by=make.service)
    await world.tick("check_payment_callbacks")
    for board in boards:
        items = [await board.event() for _ in range(5)]
        assert [(item["__typename"], item["name"]) for item in items] == [
            ("AdjustmentEvent", "open"),
            ("AdjustmentEvent", "send"),
            ("AdjustmentEvent", "finish"),
            ("PaymentCallbackEvent", "open"),
            ("PaymentCallbackEvent", "ignore"),
        ]


@pytest.mark.parametrize("table", ["adjustment", "payment_callback"])
async def test_adjustments_and_callbacks_are_nodes_of_staff_alone(world, make, table):
    world.knobs(dispute_callbacks_enabled=True)
    await world.adjusting()
    await make.ask(
        'mutation { providerPaymentCallback(input: {invoiceId: "inv", paymentId: "pay"}) { __typename } }',
        by=make.service,
    )
    (row,) = await fetch(sql(f"SELECT id FROM {table}"))
    noun = {"adjustment": "Adjustment", "payment_callback": "PaymentCallback"}[table]
    id = global_id(noun, row["id"])
    for by in (make.operator, make.auditor):
        assert await make.ask(NODE, by=by, id=id) == {"__typename": noun, "id": id}
        assert await make.ask(NODES, by=by, ids=[id]) == [{"id": id}]
    for by in (MERCHANT, NARROW, make.service, Asker.of(Role.USER, person=1)):
        assert await make.error(NODE, by=by, id=id) == {"code": "NOT_FOUND", "status": 404}
        assert await make.ask(NODES, by=by, ids=[id]) == [None]
