"""Lists are cut by where they stopped: nothing twice, nothing left out, also while they grow; each by its index."""

from __future__ import annotations

import pytest

from models.kernel.sql import sql, transaction
from models.people import operations as people
from tests.ledger.books import BY
from tests.make import money
from tests.plans import explained, whole

LIST = """query ($n: Int!, $first: Int, $after: Cursor, $last: Int, $before: Cursor, $currency: CurrencyCode) {
  corrections(person: {number: $n}, first: $first, after: $after, last: $last, before: $before, currency: $currency) {
    totalCount edges { cursor node { amount { amount } } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


async def amounts(api, make, person, **cut) -> tuple[list[str], dict]:
    page = await api(LIST, by=make.operator, n=person.id, **cut)
    return [edge["node"]["amount"]["amount"] for edge in page["edges"]], page


async def test_pages_forwards_and_backwards_meet_every_item_once(api, make):
    person = await make.person(*(f"{n} EUR" for n in range(1, 8)), "-3 EUR", "9 USD")
    everything = ["9.00", "-3.00", *(f"{n}.00" for n in range(7, 0, -1))]
    seen, after = [], None
    while True:
        part, page = await amounts(api, make, person, first=4, after=after)
        seen, after = seen + part, page["pageInfo"]["endCursor"]
        assert page["totalCount"] == 9
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == everything
    seen, before = [], None
    while True:
        part, page = await amounts(api, make, person, last=4, before=before)
        seen, before = part + seen, page["pageInfo"]["startCursor"]
        if not page["pageInfo"]["hasPreviousPage"]:
            break
    assert seen == everything


async def test_a_list_that_grows_is_not_read_twice(api, make):
    person = await make.person("1 EUR", "2 EUR", "3 EUR")
    first, page = await amounts(api, make, person, first=2)
    await make.adjust(person, "4 EUR")
    rest, _ = await amounts(api, make, person, first=2, after=page["pageInfo"]["endCursor"])
    assert (first, rest) == (["3.00", "2.00"], ["1.00"])


async def test_corrections_add_up_to_what_is_available(api, make):
    person = await make.person("10 EUR", "-2.50 EUR", "7 USD")
    part, _ = await amounts(api, make, person, currency="EUR")
    assert part == ["-2.50", "10.00"]
    assert await make.available(person) == money("7.50 EUR")


@pytest.mark.parametrize("cut", [{"first": 101}, {"first": -1}, {"last": 101}, {"first": 1, "last": 1}])
async def test_a_page_has_a_limit(make, cut):
    person = await make.person()
    assert await make.error(LIST, by=make.operator, n=person.id, **cut) == {"code": "INVALID_INPUT", "status": 400}


MANY = """INSERT INTO ledger_transfer OVERRIDING SYSTEM VALUE
  SELECT (jsonb_populate_record(t, jsonb_build_object(
            'id', t.id + n, 'key', 'many' || n, 'to_id', 1000 + n % 1000, 'from_id', 3000 + n % 1000))).*
    FROM ledger_transfer t, generate_series(1, 20000) n;
  ANALYZE ledger_transfer"""


@pytest.mark.usefixtures("database")
async def test_a_page_of_corrections_is_read_by_its_indexes():
    """However long the history of the house account on the other side of it is."""
    person = await people.upsert("indexed", "Anna", by=BY)
    await people.adjust(person.id, money("1 EUR"), "a test", by=BY)
    query = """SELECT t.* FROM ledger_account a CROSS JOIN LATERAL (
                 (SELECT * FROM ledger_transfer t WHERE t.to_id = a.id ORDER BY t.id DESC LIMIT 20) UNION ALL
                 (SELECT * FROM ledger_transfer t WHERE t.from_id = a.id ORDER BY t.id DESC LIMIT 20)) t
               WHERE a.owner = 'person:1' AND a.kind = 'person.available' ORDER BY t.id DESC LIMIT 20"""
    async with transaction() as db:
        await db.execute("SAVEPOINT whole; SET LOCAL session_replication_role = replica")
        await db.execute(MANY)
        plan = await explained(sql(query))
        await db.execute("ROLLBACK TO SAVEPOINT whole")
    assert {step.get("Index Name") for step in plan} >= {"ledger_transfer_to", "ledger_transfer_from"}, plan
    assert not whole(plan, "ledger_transfer"), plan
