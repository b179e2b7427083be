"""Lists of payouts and schedules: whom they show what, how they are filtered and cut, and by which index."""

from __future__ import annotations

import itertools

import pytest

from models.kernel import pages
from models.kernel.pages import Cut
from models.kernel.sql import fetch, sql, transaction
from models.kernel.viewer import Role, Viewer
from models.parties.lifecycle import ToolKind
from models.payouts import operations as payouts
from models.payouts import reads
from models.payouts.lifecycle import PayoutStatus
from tests.make import Asker, money
from tests.payouts.shops import merchant, paid_out, shop
from tests.plans import explained, noting, touched, whole

LIST = """query ($filter: PayoutFilter, $order: PayoutOrder! = OLDEST, $first: Int, $after: Cursor, $last: Int,
                 $before: Cursor) {
  payouts(filter: $filter, orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
    totalCount edges { cursor node { payoutId } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
SCHEDULES = """query ($filter: PayoutScheduleFilter) {
  payoutSchedules(filter: $filter) { totalCount edges { node { shop { shopId } } } } }"""
NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"


@pytest.fixture
async def world(make):
    """Two shops of one party, one of another; what was paid out of them, by letters."""
    first = await shop(make)
    second = await shop(make, party=first.party_code, tool=ToolKind.WALLET)
    other = await shop(make, currency="EUR")
    for its, letters in ((first, "ab"), (second, "cd"), (other, "ef"), (first, "g")):
        for letter in letters:
            await paid_out(make, its, f"{ord(letter) - ord('a') + 1}0.00", payout_id=letter)
    by = make.operator.viewer
    for id in "bde":
        await payouts.confirm(id, by=by)
    await payouts.cancel("a", "x", by=by)
    return first, second, other


async def listed(api, by, **asked):
    """Their ids, one after the other."""
    page = await api(LIST, by=by, **asked)
    found = "".join(edge["node"]["payoutId"] for edge in page["edges"])
    assert page["totalCount"] == len(found) or {"first", "last"} & asked.keys()
    return found


async def test_each_is_shown_his_own(api, make, world):
    first, second, other = world
    shown = {
        make.operator: "abcdefg", make.auditor: "abcdefg", merchant(first): "abcdg", merchant(other): "ef",
        merchant(first, shops=True): "abg", merchant(second, shops=True): "cd", make.merchant: "",
    }  # fmt: skip
    for by, letters in shown.items():
        assert await listed(api, by) == letters
        assert await listed(api, by, order="NEWEST") == letters[::-1]
        changed = "".join(letter for letter in "aedbgfc" if letter in letters)
        assert await listed(api, by, order="CHANGED") == changed
    for role in (Role.USER, Role.SERVICE, Role.CHANNEL):
        assert (await make.error(LIST, by=Asker.of(role, person=1)))["code"] == "FORBIDDEN"


@pytest.mark.parametrize(
    ("wanted", "letters"),
    [
        ({}, "abcdefg"),
        ({"status": "UNPAID"}, "cfg"),
        ({"status": "CANCELLED"}, "a"),
        ({"status": "FAILED"}, ""),
        ({"deliveryStatus": "QUEUED"}, "bde"),
        ({"payoutToolKind": "WALLET"}, "cd"),
        ({"currency": "EUR"}, "ef"),
        ({"payoutIds": ["b", "none", "e"]}, "be"),
        ({"payoutIds": []}, ""),
        ({"amountFrom": {"amount": "30.00", "currency": "RUB"}}, "dg"),
        ({"amountTo": {"amount": "30.00", "currency": "RUB"}}, "abc"),
        ({"amountFrom": {"amount": "15", "currency": "RUB"}, "amountTo": {"amount": "30", "currency": "RUB"}}, "bc"),
        ({"needsAttention": False}, "abcdefg"),
        ({"needsAttention": True}, ""),
        ({"createdFrom": "2020-01-01T00:00:00Z"}, "abcdefg"),
        ({"createdTo": "2020-01-01T00:00:00Z"}, ""),
        ({"status": "UNPAID", "currency": "RUB", "payoutToolKind": "RUSSIAN_BANK_ACCOUNT"}, "g"),
    ],
)
async def test_what_is_wanted_is_shown_alone(api, make, world, wanted, letters):
    assert await listed(api, make.operator, filter=wanted) == letters


async def test_by_party_and_shop_and_never_more_than_is_ones_own(api, make, world):
    first, second, other = world
    for by, mine in ((make.operator, "abcdefg"), (merchant(first), "abcdg"), (merchant(first, shops=True), "abg")):
        for wanted, letters in (
            ({"partyId": first.party_code}, "abcdg"),
            ({"partyId": other.party_code}, "ef"),
            ({"partyId": first.party_code, "shopId": second.code}, "cd"),
            ({"shopId": first.code}, "abg"),
        ):
            assert await listed(api, by, filter=wanted) == "".join(sorted(set(letters) & set(mine)))


async def test_from_a_moment_on_and_before_another(api, make, world):
    moments = {
        row["payout_id"]: row["created_at"] for row in await fetch(sql("SELECT payout_id, created_at FROM payout"))
    }
    wanted = {"createdFrom": moments["c"].isoformat(), "createdTo": moments["f"].isoformat()}
    assert await listed(api, make.operator, filter=wanted) == "cde"


@pytest.mark.parametrize("order", ["NEWEST", "OLDEST", "CHANGED"])
@pytest.mark.parametrize("size", [1, 2, 4, 7])
async def test_pages_forwards_and_backwards_meet_each_once(api, make, world, order, size):
    for by in (make.operator, merchant(world[0])):
        everything = await listed(api, by, order=order)
        for side, cut, way in (
            ("first", "after", ("hasNextPage", "endCursor")),
            ("last", "before", ("hasPreviousPage", "startCursor")),
        ):
            seen, at = [], None
            while True:
                page = await api(LIST, by=by, **{"order": order, side: size, cut: at})
                part = "".join(edge["node"]["payoutId"] for edge in page["edges"])
                seen.append(part)
                assert page["totalCount"] == len(everything)
                if not page["pageInfo"][way[0]]:
                    break
                at = page["pageInfo"][way[1]]
            assert "".join(seen if side == "first" else seen[::-1]) == everything


async def test_given_a_cursor_of_another_order_when_asked_then_refused(api, make, world):
    cursor = (await api(LIST, by=make.operator, first=1))["pageInfo"]["endCursor"]
    told = await make.error(LIST, by=make.operator, order="CHANGED", first=1, after=cursor)
    assert told == {"code": "CURSOR_EXPIRED", "status": 400}


async def test_a_payout_by_its_global_id_for_those_who_see_it(api, make, world):
    first, second, other = world
    read = "query ($id: String!) { payout(ref: {payoutId: $id}) { id } }"
    id = (await api(read, by=make.operator, id="a"))["id"]
    for by in (make.operator, make.auditor, merchant(first), merchant(first, shops=True)):
        assert await api(NODE, by=by, id=id) == {"__typename": "Payout", "id": id}
        assert (await api("query ($id: ID!) { payout(ref: {id: $id}) { id } }", by=by, id=id)) == {"id": id}
    for by in (merchant(second, shops=True), merchant(other), make.merchant, make.service):
        assert await make.error(NODE, by=by, id=id) == {"code": "NOT_FOUND", "status": 404}


async def test_each_is_shown_the_schedules_of_his_shops(api, make, world):
    first, second, other = world
    for its in world:
        planned = payouts.Planned("0 6 * * *", "Europe/Berlin", money(f"1.00 {its.currency}"))
        await payouts.set_schedule(its.party_code, its.code, planned, by=make.operator.viewer)
    for by, its in (
        (make.operator, world), (merchant(first), (first, second)), (merchant(second, shops=True), (second,)),
        (merchant(other), (other,)), (make.merchant, ()),
    ):  # fmt: skip
        page = await api(SCHEDULES, by=by)
        assert page["totalCount"] == len(its)
        assert [edge["node"]["shop"]["shopId"] for edge in page["edges"]] == [one.code for one in its]
    page = await api(SCHEDULES, by=make.operator, filter={"partyId": other.party_code, "needsAttention": False})
    assert page["totalCount"] == 1


# --- long tables ------------------------------------------------------------------------------------------------------


MANY = """
INSERT INTO payout (id, version, created_at, updated_at, payout_id, shop_id, party_code, shop_code, tool_id, tool_code,
                    tool_kind, destination, currency, requested_minor, amount_minor, fee_minor, cash_flow, status, sequence,
                    delivery_status, needs_attention, auto_confirm)
  SELECT n, 0, now() - make_interval(secs => 40000 - n), now() - make_interval(secs => (n * 7919) % 40000), 'many' || n, s.id,
         CASE WHEN n % 3 = 0 THEN s.party_code ELSE 'party' || n % 300 END, s.code, t.id, t.code, t.kind, '{}', s.currency,
         100, 75, 25, '[]', (ARRAY['unpaid', 'confirmed'])[1 + (n / 7 % 4) / 2], 0,
         CASE WHEN n % 4 = 0 THEN 'delivered' END, n % 5000 = 0, false
    FROM shop s JOIN payout_tool t ON t.id = s.payout_tool_id, generate_series(1, 30000) n;
ANALYZE payout"""
STAFF, RARE = Viewer("op", frozenset({Role.OPERATOR})), Viewer("m", frozenset({Role.MERCHANT}), party="party7")
FILTERS = {
    "all": reads.Wanted(),
    "busy party": reads.Wanted(party="busy"),
    "rare party": reads.Wanted(party="party7"),
    "status": reads.Wanted(status=PayoutStatus.CONFIRMED),
    "a status that nobody has": reads.Wanted(status=PayoutStatus.FAILED),
    "attention": reads.Wanted(needs_attention=True),
    "one": reads.Wanted(payout_ids=["many77"]),
}
ROWS_MAX = 2_000


@pytest.mark.parametrize("order", [reads.NEWEST, reads.OLDEST, reads.CHANGED], ids=lambda order: order.name)
async def test_a_page_of_a_long_table_is_read_by_an_index_and_no_further_than_it_goes(make, monkeypatch, order):
    await shop(make, party="busy")
    async with transaction() as db:
        await db.execute(MANY)
    wanted = itertools.product((STAFF, RARE), FILTERS.items(), (Cut(first=20), Cut(last=20)))
    for viewer, (name, filter), cut in wanted:
        asked = []
        with monkeypatch.context() as patched:
            patched.setattr(pages, "fetch", noting(asked))
            await reads.listed(viewer, filter, order, cut)
        for query in asked:
            plan = await explained(query)
            assert not whole(plan, "payout"), (viewer, name, plan)
            assert touched(plan, "payout") <= ROWS_MAX, (viewer, name, touched(plan, "payout"))
    async with transaction() as db:
        await db.execute("TRUNCATE payout CASCADE")
