"""Lists and counts of disputes: whom they show what, and how they are filtered and cut. [spec/disputes §7, §9]"""

from __future__ import annotations

import pytest

from models.kernel.sql import fetch, sql
from models.kernel.viewer import Role
from tests.disputes.test_feed import BESIDE, NARROW, STRANGER
from tests.disputes.world import MERCHANT
from tests.make import Asker
from tests.payouts.test_round_trips import asked

__all__ = ["asked"]
LIST = """query ($filter: DisputeFilter, $order: DisputeOrder! = OLDEST, $first: Int, $after: Cursor, $last: Int,
                 $before: Cursor) {
  disputes(filter: $filter, orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
    totalCount edges { cursor node { invoiceId } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
COUNTS = """query ($filter: DisputeFilter) {
  disputeCounts(filter: $filter) { publicStatus status count needsAttention } }"""
EUR = {"partyId": "q", "shopId": "u", "currency": "EUR"}
PAID = {
    "a": {"providerTrxId": "trx-later"},
    "b": {"providerTrxId": "trx-undecided"},
    "c": {"shopId": "t", "terminalId": 3, "amount": 20_000},
    "d": {"shopId": "t", "amount": 30_000},
    "e": {**EUR, "terminalId": 3},
    "f": {**EUR, "providerTrxId": "trx-declined"},
    "g": {"status": "refunded"},
}
"""By letters, which are their invoices: what was paid."""


@pytest.fixture
async def seven(world, make):
    """Seven disputes of three shops of two parties, wherever one can stand; their ids by letters. The last is hidden."""
    ids = {letter: await world.created(letter, by=make.operator, paid=paid) for letter, paid in PAID.items()}
    await world.desk("cancelDisputes", ids["d"])
    await world.create_tick()
    await world.desk("approveDisputes", {"dispute": ids["e"], "skipProviderCheck": True})
    late = "UPDATE dispute SET status_since = saldo_now() - interval '25 hours' WHERE invoice_id = 'c' RETURNING 1"
    await fetch(sql(late))
    await world.tick("process_forgotten_disputes")
    return ids


async def listed(api, by, **wanted):
    """Their letters, one after the other."""
    page = await api(LIST, by=by, **wanted)
    found = "".join(edge["node"]["invoiceId"] for edge in page["edges"])
    assert page["totalCount"] == len(found) or {"first", "last"} & wanted.keys()
    return found


def rub(text):
    return {"amount": text, "currency": "RUB"}


SHOWN = {MERCHANT: "abcd", NARROW: "ab", BESIDE: "cd", STRANGER: "ef", Asker.of(Role.MERCHANT, "lost"): ""}


async def test_each_is_shown_his_own(world, api, make, seven):
    for by, letters in ({make.operator: "abcdefg", make.auditor: "abcdefg"} | SHOWN).items():
        assert await listed(api, by) == letters
        assert await listed(api, by, order="NEWEST") == letters[::-1]
    for role in (Role.USER, Role.SERVICE, Role.CHANNEL):
        for query in (LIST, COUNTS):
            assert (await make.error(query, by=Asker.of(role, person=1)))["code"] == "FORBIDDEN"


async def test_what_is_wanted_is_shown_alone_and_never_more_than_is_ones_own(api, make, seven):
    for wanted, letters in (*OPENLY, *INNERLY):
        assert (wanted, await listed(api, make.operator, filter=wanted)) == (wanted, letters)
        counted = await api(COUNTS, by=make.auditor, filter=wanted)
        assert sum(one["count"] for one in counted) == len(letters)
    for wanted, letters in OPENLY:
        for by, his in SHOWN.items():
            mine = "".join(letter for letter in letters if letter in his)
            assert (wanted, await listed(api, by, filter=wanted)) == (wanted, mine)
            counted = await api(COUNTS, by=by, filter=wanted)
            assert sum(one["count"] for one in counted) == len(mine)


OPENLY = [
    ({}, "abcdefg"),
    ({"publicStatus": "PENDING"}, "abc"),
    ({"publicStatus": "SUCCEEDED"}, "e"),
    ({"publicStatus": "FAILED"}, "dfg"),
    ({"partyId": "q"}, "ef"),
    ({"partyId": "none"}, ""),
    ({"shopId": "t"}, "cd"),
    ({"partyId": "p", "shopId": "t"}, "cd"),
    ({"partyId": "p", "shopId": "u"}, ""),
    ({"currency": "EUR"}, "ef"),
    ({"currency": "RUB"}, "abcdg"),
    ({"amountFrom": rub("200")}, "cd"),
    ({"amountFrom": rub("200.01")}, "d"),
    ({"amountTo": rub("200")}, "abg"),
    ({"amountFrom": rub("100"), "amountTo": rub("300")}, "abcg"),
    ({"amountFrom": rub("300"), "amountTo": rub("100")}, ""),
    ({"amountFrom": rub("1"), "currency": "EUR"}, ""),
    ({"amountTo": {"amount": "100.01", "currency": "EUR"}}, "ef"),
    ({"invoiceId": "b"}, "b"),
    ({"invoiceId": "B"}, ""),
    ({"paymentId": "pay"}, "abcdefg"),
    ({"invoiceId": "b", "paymentId": "other"}, ""),
    ({"createdFrom": "2020-01-01T00:00:00Z"}, "abcdefg"),
    ({"createdTo": "2020-01-01T00:00:00Z"}, ""),
    ({"search": "f"}, "f"),
    ({"search": " f "}, "f"),
    ({"search": "none"}, ""),
    ({"publicStatus": "FAILED", "shopId": "t", "currency": "RUB"}, "d"),
]
INNERLY = [
    ({"status": "CREATED"}, "a"),
    ({"status": "PENDING"}, "b"),
    ({"status": "MANUAL_PENDING"}, "c"),
    ({"status": "CANCELLED"}, "d"),
    ({"status": "SUCCEEDED"}, "e"),
    ({"status": "FAILED"}, "fg"),
    ({"status": "POOLING_EXPIRED"}, ""),
    ({"status": "FAILED", "publicStatus": "PENDING"}, ""),
    ({"providerId": 3}, "ce"),
    ({"providerId": 77}, ""),
    ({"mode": "MANUAL"}, "ce"),
    ({"mode": "AUTOMATIC"}, "abdfg"),
    ({"needsAttention": True}, "c"),
    ({"needsAttention": False}, "abdefg"),
    ({"search": "trx-undecided"}, "b"),
    ({"mode": "MANUAL", "status": "SUCCEEDED", "providerId": 3, "needsAttention": False}, "e"),
]


async def test_from_a_moment_on_and_before_another(api, make, seven):
    rows = await fetch(sql("SELECT invoice_id, created_at FROM dispute"))
    moments = {row["invoice_id"]: row["created_at"].isoformat() for row in rows}
    wanted = {"createdFrom": moments["b"], "createdTo": moments["e"]}
    assert await listed(api, make.operator, filter=wanted) == "bcd"
    assert await listed(api, BESIDE, filter=wanted) == "cd"


async def test_a_dispute_is_sought_by_each_of_its_ids(world, api, make, seven):
    theirs = (await world.read(seven["b"]))["providerDisputeId"]
    for words in (seven["b"], seven["b"].upper(), f" {seven['b']}\n", "b"):
        for by in (make.operator, make.auditor, MERCHANT, NARROW):
            assert (words, await listed(api, by, filter={"search": words})) == (words, "b")
        for by in (BESIDE, STRANGER):
            assert await listed(api, by, filter={"search": words}) == ""
    for words in (theirs, "trx-undecided"):
        assert await listed(api, make.operator, filter={"search": words}) == "b"
        assert await listed(api, MERCHANT, filter={"search": words}) == ""
    for words in ("", "%", seven["b"][:-1], "'; DROP TABLE dispute; --"):
        assert await listed(api, make.operator, filter={"search": words}) == ""


@pytest.mark.parametrize(
    "wanted",
    [{"status": "CREATED"}, {"providerId": 1}, {"mode": "MANUAL"}, {"needsAttention": False}, {"providerId": 0}],
)
@pytest.mark.parametrize("query", [LIST, COUNTS])
async def test_a_merchant_may_not_ask_by_what_he_does_not_see(world, make, query, wanted):
    await world.created()
    for by in (MERCHANT, NARROW, STRANGER):
        assert await make.error(query, by=by, filter=wanted) == {"code": "FORBIDDEN", "status": 403}
    for by in (make.operator, make.auditor):
        await make.ask(query, by=by, filter=wanted)


async def test_counts_by_status_for_staff_and_by_public_status_for_merchants(api, make, seven):
    staff = {
        ("PENDING", "CREATED", 1, 0), ("PENDING", "PENDING", 1, 0), ("PENDING", "MANUAL_PENDING", 1, 1),
        ("FAILED", "CANCELLED", 1, 0), ("SUCCEEDED", "SUCCEEDED", 1, 0), ("FAILED", "FAILED", 2, 0),
    }  # fmt: skip
    shown = {
        make.operator: staff,
        make.auditor: staff,
        MERCHANT: {("PENDING", None, 3, None), ("FAILED", None, 1, None)},
        NARROW: {("PENDING", None, 2, None)},
        STRANGER: {("SUCCEEDED", None, 1, None), ("FAILED", None, 1, None)},
    }
    for by, counts in shown.items():
        found = [tuple(one.values()) for one in await api(COUNTS, by=by)]
        assert (len(found), {*found}) == (len(counts), counts)


@pytest.mark.parametrize("order", ["NEWEST", "OLDEST"])
@pytest.mark.parametrize("size", [1, 2, 3, 7])
async def test_pages_forwards_and_backwards_meet_each_once(api, make, seven, order, size):
    for by in (make.operator, MERCHANT):
        everything = await listed(api, by, order=order)
        for side, cut, way in (
            ("first", "after", ("hasNextPage", "endCursor")),
            ("last", "before", ("hasPreviousPage", "startCursor")),
        ):
            parts, at = [], None
            while True:
                page = await api(LIST, by=by, **{"order": order, side: size, cut: at})
                parts.append("".join(edge["node"]["invoiceId"] for edge in page["edges"]))
                assert page["totalCount"] == len(everything)
                if not page["pageInfo"][way[0]]:
                    break
                at = page["pageInfo"][way[1]]
            assert "".join(parts if side == "first" else parts[::-1]) == everything


async def test_a_cursor_of_another_order_is_refused(api, make, seven):
    cursor = (await api(LIST, by=make.operator, first=1))["pageInfo"]["endCursor"]
    told = await make.error(LIST, by=make.operator, order="NEWEST", first=1, after=cursor)
    assert told == {"code": "CURSOR_EXPIRED", "status": 400}


WHOLE = """query ($first: Int!) { disputes(first: $first) { totalCount edges { node {
  disputeId publicStatus nextCheckAt lastError party { partyId name } attachments { mimeType url } comments { text }
  notification { status } adjustment { status } allowedActions { name allowed } } } } }"""


@pytest.mark.parametrize("who", ["operator", "merchant"])
async def test_a_page_costs_as_many_questions_however_long_it_is(world, make, asked, who):
    for n in range(12):
        await world.created(f"inv-{n}", notificationUrl="https://m.example/hook" if n % 2 else None)
    by, costs = make.operator if who == "operator" else MERCHANT, {}
    for first in (1, 12):
        asked.clear()
        page = await make.ask(WHOLE, by=by, first=first)
        costs[first] = list(asked)
        assert (page["totalCount"], len(page["edges"])) == (12, first)
    shown = [edge["node"] for edge in page["edges"]]
    assert all(len(node["attachments"]) == 1 for node in shown)
    assert {node["notification"] is None for node in shown} == {True, False}
    assert len(costs[12]) == len(costs[1]), costs
