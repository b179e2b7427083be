"""Lists of deals: whom they show what, how they are cut, and that a long table costs what a short one does."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from models.deals import operations as deals
from models.deals import reads
from models.deals.lifecycle import DealStatus
from models.kernel import pages
from models.kernel.clock import now
from models.kernel.pages import Cut
from models.kernel.sql import fetch, sql, transaction
from models.kernel.viewer import Role, Viewer
from tests.deals.situations import done, offer
from tests.plans import explained, noting, touched, whole

LIST = """query ($filter: DealFilter, $order: DealOrder!, $first: Int, $after: Cursor, $last: Int, $before: Cursor) {
  deals(filter: $filter, orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
    totalCount edges { cursor node { number } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
ORDERS = {"NEWEST": reads.NEWEST, "OLDEST": reads.OLDEST, "CHANGED": reads.CHANGED}


@pytest.fixture
async def world(make):
    """Anna buys and performs, Bert too, and two others deal with each other."""
    anna, bert, carl, dora = [await make.person(name=name) for name in ("Anna", "Bert", "Carl", "Dora")]
    pairs = [(anna, bert, "1 EUR"), (bert, anna, "2 EUR"), (anna, carl, "3 USDT"), (carl, anna, "4 USD"),
             (carl, dora, "5 EUR"), (anna, bert, "6 RUB"), (bert, carl, "7 EUR"), (dora, anna, "8 USDT")]  # fmt: skip
    made = [
        await deals.offer(offer(customer.id, performer.id, price), by=make.user(customer).viewer)
        for customer, performer, price in pairs
    ]
    for place in (5, 1, 4):
        await done(make, made[place], "deny" if place == 1 else "cancel")
    return (anna, bert, carl, dora), [deal.id for deal in made]


async def numbers(api, by, **asked):
    page = await api(LIST, by=by, **({"order": "OLDEST", "first": 100} | asked))
    found = [edge["node"]["number"] for edge in page["edges"]]
    if "last" not in asked and "first" not in asked:
        assert page["totalCount"] == len(found)
    return found


async def test_everybody_is_shown_his_own_from_both_sides_and_each_once(api, make, world):
    (anna, bert, carl, dora), ids = world
    stranger = await make.person()
    shown = {
        make.user(anna): [0, 1, 2, 3, 5, 7], make.user(bert): [0, 1, 5, 6], make.user(carl): [2, 3, 4, 6],
        make.user(dora): [4, 7], make.user(stranger): [], make.operator: [*range(8)], make.auditor: [*range(8)],
        make.service: [], make.merchant: [], make.channel: [],
    }  # fmt: skip
    for by, places in shown.items():
        assert await numbers(api, by) == [ids[place] for place in places]
        assert await numbers(api, by, order="NEWEST") == [ids[place] for place in reversed(places)]
        changed = [place for place in (4, 1, 5, 7, 6, 3, 2, 0) if place in places]
        assert await numbers(api, by, order="CHANGED") == [ids[place] for place in changed]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", [1, 2, 4, 5, 6])
async def test_pages_forwards_and_backwards_meet_every_deal_once(api, make, world, order, size):
    (anna, *_), _ = world
    for asker in (make.user(anna), make.operator):
        everything = await numbers(api, asker, order=order)
        seen, after = [], None
        while True:
            page = await api(LIST, by=asker, order=order, first=size, after=after)
            assert page["totalCount"] == len(everything)
            assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
            seen, after = seen + [e["node"]["number"] for e in page["edges"]], page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        assert seen == everything
        seen, before = [], None
        while True:
            page = await api(LIST, by=asker, order=order, last=size, before=before)
            seen, before = [e["node"]["number"] for e in page["edges"]] + seen, page["pageInfo"]["startCursor"]
            if not page["pageInfo"]["hasPreviousPage"]:
                break
        assert seen == everything


async def test_a_filter_narrows_what_one_may_see_and_nothing_else(api, make, world):
    (anna, bert, carl, _), ids = world
    stranger = await make.person()
    own = [0, 1, 2, 3, 5, 7]
    wanted = [
        ({}, own, [*range(8)]),
        ({"customer": {"number": anna.id}}, [0, 2, 5], [0, 2, 5]),
        ({"performer": {"number": anna.id}}, [1, 3, 7], [1, 3, 7]),
        ({"customer": {"number": anna.id}, "performer": {"number": bert.id}}, [0, 5], [0, 5]),
        ({"customer": {"number": carl.id}}, [3], [3, 4]),
        ({"performer": {"number": carl.id}, "currency": "EUR"}, [], [6]),
        ({"customer": {"number": stranger.id}}, [], []),
        ({"customer": {"number": 999_999}}, [], []),
        ({"customer": {"externalId": "nobody"}}, [], []),
        ({"performer": {"id": "x"}}, [], []),
        ({"status": "CANCELLED"}, [5], [4, 5]),
        ({"status": "DENY_PERFORMER"}, [1], [1]),
        ({"status": "CLOSE"}, [], []),
        ({"currency": "EUR"}, [0, 1], [0, 1, 4, 6]),
        ({"currency": "GBP"}, [], []),
        ({"status": "CREATED", "currency": "USDT", "customer": {"number": anna.id}}, [2], [2]),
    ]
    for filter, mine, everybodys in wanted:
        for asker, places in ((make.user(anna), mine), (make.operator, everybodys), (make.user(stranger), [])):
            assert (filter, await numbers(api, asker, filter=filter)) == (filter, [ids[place] for place in places])


async def test_a_span_of_time_includes_its_start_and_not_its_end(api, make, world):
    _, ids = world
    rows = await fetch(sql("SELECT created_at FROM deal ORDER BY id"))
    start, end = (rows[place]["created_at"].isoformat() for place in (2, 5))
    for filter, places in (
        ({"createdFrom": start}, ids[2:]),
        ({"createdTo": end}, ids[:5]),
        ({"createdFrom": start, "createdTo": end}, ids[2:5]),
        ({"createdFrom": end, "createdTo": start}, []),
        ({"createdFrom": (now() + timedelta(days=1)).isoformat()}, []),
    ):
        assert await numbers(api, make.operator, filter=filter) == places


async def test_a_cursor_belongs_to_its_order(make, api, world):
    (anna, *_), _ = world
    for asker in (make.operator, make.user(anna)):
        page = await api(LIST, by=asker, order="NEWEST", first=1)
        for order in ("OLDEST", "CHANGED"):
            told = await make.error(LIST, by=asker, order=order, first=1, after=page["pageInfo"]["endCursor"])
            assert told == {"code": "CURSOR_EXPIRED", "status": 400}


async def test_who_is_a_service_and_a_person_is_shown_what_either_is_shown_and_each_once(make):
    anna, bert, carl = [await make.person() for _ in range(3)]
    both = Viewer("shop", frozenset({Role.SERVICE, Role.USER}), person=anna.id)
    service = Viewer("shop", frozenset({Role.SERVICE}))
    own = [
        await deals.offer(offer(customer.id, performer.id, "1 EUR"), by=by)
        for customer, performer, by in (
            (anna, bert, both), (bert, anna, service), (bert, carl, service), (anna, carl, make.user(anna).viewer),
        )
    ]  # fmt: skip
    await make.deal()
    for order in ORDERS.values():
        page = await reads.listed(both, reads.Wanted(), order, Cut())
        assert sorted(deal.id for deal in page.items) == [deal.id for deal in own]
        assert await page.total() == 4
    for deal in own:
        assert (await reads.deal(both, deal.id)).id == deal.id


# --- long tables ------------------------------------------------------------------------------------------------------


MANY = """
  INSERT INTO person (id, version, created_at, updated_at, name, status)
  SELECT n, 0, t, t, 'P', 'active' FROM generate_series(1, 400) n, saldo_now() t;
  INSERT INTO deal (id, version, created_at, updated_at, title, description, price_minor, fee_minor, currency, status,
                    customer_id, performer_id, service, chat_id, deadline_at, overdue)
  SELECT n, 0, t - make_interval(secs => 40000 - n), t - make_interval(secs => (n * 7919) % 40000), 'T', 'D', 100, 0,
         (ARRAY['EUR', 'USD', 'USDT', 'RUB'])[1 + n / 5 % 4],
         (ARRAY['created', 'waiting_for_payment', 'cancelled', 'close'])[1 + n / 7 % 4],
         CASE WHEN n % 2 = 0 THEN 1 ELSE 2 + n % 399 END, CASE WHEN n % 4 = 1 THEN 1 ELSE 2 + (n + 1) % 399 END,
         CASE WHEN n % 3 = 0 THEN 'shop' END, gen_random_uuid(), CASE WHEN n % 5 = 0 THEN t - make_interval(secs => n) END, false
    FROM generate_series(3, 24002) n, saldo_now() t;
  ANALYZE person; ANALYZE deal"""
STAFF, PERSON, SHOP = (
    Viewer("op", frozenset({Role.OPERATOR})),
    Viewer("busy", frozenset({Role.USER}), person=1),
    Viewer("shop", frozenset({Role.SERVICE})),
)
FILTERS = {
    "all": reads.Wanted(),
    "customer": reads.Wanted(customer=1),
    "rare customer": reads.Wanted(customer=77),
    "performer": reads.Wanted(performer=1),
    "status": reads.Wanted(status=DealStatus.CANCELLED),
    "currency": reads.Wanted(currency="EUR"),
}
ROWS_MAX = 1_500
"""What reading a page of twenty may touch at most, however long the table is."""


@pytest.fixture(scope="module")
async def long_table(pool):
    async with transaction() as db:
        await db.execute("TRUNCATE person CASCADE")
        await db.execute(MANY)
    yield
    async with transaction() as db:
        await db.execute("TRUNCATE person CASCADE")


@pytest.mark.parametrize("viewer", [STAFF, PERSON, SHOP], ids=lambda viewer: viewer.subject)
@pytest.mark.parametrize("order", ORDERS)
async def test_a_page_of_a_long_table_is_read_by_an_index_and_no_further_than_it_goes(
    long_table, monkeypatch, viewer, order
):
    for (name, wanted), backwards in itertools.product(FILTERS.items(), (False, True)):
        asked = []
        with monkeypatch.context() as patched:
            patched.setattr(pages, "fetch", noting(asked))
            first = await reads.listed(viewer, wanted, ORDERS[order], Cut(last=20) if backwards else Cut(first=20))
            middle = Cut(last=20, before=first.cursors[0]) if backwards else Cut(first=20, after=first.cursors[-1])
            await reads.listed(viewer, wanted, ORDERS[order], middle)
        for query in asked:
            plan = await explained(query)
            assert not [step for step in plan if step["Node Type"] == "Seq Scan"], (name, plan)
            assert touched(plan, "deal") <= ROWS_MAX, (
                name,
                backwards,
                touched(plan, "deal"),
                [s.get("Index Name") for s in plan],
            )


async def test_jobs_find_their_work_by_an_index(long_table, monkeypatch):
    asked = []
    monkeypatch.setattr(reads, "fetch", noting(asked))
    assert await reads.promotable(200) == []
    assert len(await reads.overdue(500)) == 500
    for query in asked:
        plan = await explained(query)
        assert not whole(plan, "deal")
