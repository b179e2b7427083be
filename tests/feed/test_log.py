"""The log by queries: timelines, all events in pages, and the head."""

from __future__ import annotations

import pytest

from models.events import positions
from tests.feed.conftest import placed
from tests.make import Make

TIMELINE = """query ($n: Int!, $first: Int, $after: Cursor) { person(ref: {number: $n}) {
  timeline(first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor }
    edges { cursor node { __typename name version cursor actor actorSubject from to facts
      ... on PersonEvent { person { name version } } } } } } }"""
EVENTS = """query ($filter: EventFilter, $first: Int, $after: Cursor) { events(filter: $filter, first: $first, after: $after) {
  totalCount pageInfo { hasNextPage hasPreviousPage endCursor } edges { cursor node { __typename name version cursor } } } }"""


async def test_a_timeline_tells_what_happened_to_a_noun_the_oldest_first(make: Make, api, database):
    anna = await make.person("10 EUR", "5 USDT")
    await positions.place(100)
    told = (await api(TIMELINE, by=make.user(anna), n=anna.id))["timeline"]
    assert [(e["node"]["name"], e["node"]["version"]) for e in told["edges"]] == [
        ("open", 0),
        ("adjust", 1),
        ("adjust", 2),
    ]
    first, last = told["edges"][0]["node"], told["edges"][2]["node"]
    assert (first["from"], first["to"], first["actor"], first["actorSubject"]) == (None, "ACTIVE", "OPERATOR", None)
    assert first["person"] == {"name": "Anna", "version": 0}
    assert last["facts"] is None
    by_staff = (await api(TIMELINE, by=make.auditor, n=anna.id))["timeline"]["edges"][2]["node"]
    assert (by_staff["actorSubject"], by_staff["facts"]["reason"]) == ("operator", "a test")
    assert by_staff["cursor"] == last["cursor"]


async def test_the_timeline_of_an_account_tells_what_was_announced_of_it(make: Make, api, database):
    anna = await make.person("10 EUR")
    await positions.place(100)
    read = """query ($n: Int!) { balance(person: {number: $n}) { currency account {
      timeline { totalCount edges { node { name version } } } } } }"""
    balances = await api(read, by=make.auditor, n=anna.id)
    (told,) = [one["account"]["timeline"] for one in balances if one["currency"] == "EUR"]
    assert told == {"totalCount": 1, "edges": [{"node": {"name": "change", "version": 1}}]}


async def test_a_timeline_is_read_in_pages(make: Make, api, database):
    anna = await make.person(*["1 EUR"] * 5)
    await positions.place(100)
    seen, after = [], None
    while True:
        page = (await api(TIMELINE, by=make.user(anna), n=anna.id, first=2, after=after))["timeline"]
        seen += [edge["node"]["version"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        assert page["totalCount"] == 6
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == list(range(6))


async def test_a_timeline_shows_only_what_has_its_place(make: Make, api, database):
    anna = await make.person()
    assert (await api(TIMELINE, by=make.user(anna), n=anna.id))["timeline"]["edges"] == []


async def test_what_is_not_in_ones_audience_is_in_no_timeline(make: Make, api, database):
    """A service sees people, and none of their events."""
    anna = await make.person("1 EUR")
    await positions.place(100)
    assert (await api(TIMELINE, by=make.service, n=anna.id))["timeline"]["edges"] == []


async def test_the_whole_log_is_read_in_pages_and_a_subscription_goes_on_behind_it(make: Make, api, watch):
    await make.person("10 EUR")
    await make.person("1 EUR")
    await placed()
    names, after = [], None
    while True:
        page = await api(EVENTS, by=make.auditor, first=2, after=after)
        names += [(edge["node"]["__typename"], edge["node"]["name"]) for edge in page["edges"]]
        assert all(edge["cursor"] == edge["node"]["cursor"] for edge in page["edges"])
        assert page["totalCount"] == 6
        assert page["pageInfo"]["hasPreviousPage"] == (after is not None)
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert names == [("PersonEvent", "open"), ("BalanceEvent", "change"), ("PersonEvent", "adjust")] * 2
    board = await watch(make.auditor)
    following = await board.subscribe(
        "subscription ($after: Cursor) { events(after: $after) { __typename ... on Event { name } } }", after=after
    )
    await make.person()
    assert (await following.event())["name"] == "open"


async def test_the_log_is_filtered(make: Make, api, database):
    await make.person("10 EUR")
    await positions.place(100)
    people = await api(EVENTS, by=make.operator, filter={"nouns": ["PERSON"], "names": ["adjust"]})
    assert [(edge["node"]["__typename"], edge["node"]["name"]) for edge in people["edges"]] == [
        ("PersonEvent", "adjust")
    ]
    assert (await api(EVENTS, by=make.operator, filter={"nouns": []}))["totalCount"] == 0


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"after": "nonsense"}, "CURSOR_EXPIRED"),
        ({"first": 101}, "INVALID_INPUT"),
        ({"first": -1}, "INVALID_INPUT"),
        ({"filter": {"names": ["a\x00b"]}}, "INVALID_INPUT"),
        ({"filter": {"names": ["x"] * 101}}, "INVALID_INPUT"),
    ],
)
async def test_what_cannot_be_meant_is_told(make: Make, database, variables, code):
    assert (await make.error(EVENTS, by=make.operator, **variables))["code"] == code


async def test_everybody_may_ask_for_the_head_and_learns_nothing_from_it(make: Make, api, database):
    """A cursor says nothing: two ends of the log look like noise, and the same end is the same text for everybody."""
    before = await api("{ head }", by=make.user(1))
    assert before == await api("{ head }", by=make.channel)
    await make.person()
    await positions.place(10)
    after = await api("{ head }", by=make.user(1))
    assert len(before) == len(after) == 32
    assert sum(a != b for a, b in zip(before, after, strict=True)) > 20
